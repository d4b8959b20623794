"""Failed episodes: played again, filmed, put into a stage, and compared with expert and teacher."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import imageio.v2 as imageio
import pytest
from helpers.linear_policy import LinearPolicy
from helpers.result_lines import success_line
from helpers.toy_task import ToyTask
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import DatasetError
from sdm_core.results import append_result, read_results
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.metaworld.task import metaworld_contract
from sdm_sim.progress import Course
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode
from sdm_training.evaluation.result_line import digest
from sdm_training.failures.expert import spread
from sdm_training.failures.findings import task_finding
from sdm_training.failures.shortfall import Shortfall
from sdm_training.failures.stage import Reference, reference_of, stage_of
from sdm_training.programs.failures import FailuresSettings, look_at_failures
from sdm_training.report.failures import load_causes, page, whose
from sdm_training.report.lines import PROTOCOL
from sdm_training.settings import composed

TASK = "metaworld/drawer-close"
SEED0 = PROTOCOL["eval_seed0"]

# A carried object: in the fingers from some step on, and brought to the goal.
CARRIED = Course(90, 1, 0.004, 30, 60, True, 0.3, 0.4, 0.06, 90, 0.06, 0.05)
FAILED = Course(200, 0, 0.004, 30, 60, True, 0.3, 0.4, 0.2, 200, 0.2, 0.0)


def reference() -> Reference:
    found = reference_of([CARRIED, replace(CARRIED, nearest_m=0.01), replace(CARRIED, held_at_end=False)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("changes", "stage"),
    [
        ({"success_steps": 3}, "was at the goal, and left it"),
        ({"nearest_m": 0.04, "moved_m": 0.001}, "never reached the object"),
        ({"nearest_m": 0.04}, "came nearer to the goal, and stayed short of it"),
        ({"held_steps": 2, "held_at_end": False}, "pushed the object, did not grasp it"),
        ({"held_steps": 0, "held_at_end": False, "moved_m": 0.001}, "reached the object, did not grasp it"),
        ({"held_at_end": False}, "grasped the object and lost it"),
        ({"moved_m": 0.005}, "reached the object, did not move it"),
        ({"least_lacking": 0.05}, "near enough to the goal, but not as the task asks"),
        ({"late_gain": 0.1}, "still on its way when the time was over"),
        ({"lacking_at_end": 0.3}, "came nearer to the goal, and went away from it"),
        ({"least_lacking": 0.39, "lacking_at_end": 0.39}, "did not come nearer to the goal"),
        ({}, "came nearer to the goal, and stayed short of it"),
    ],
)
def test_the_stage_is_the_first_thing_that_the_expert_does_and_the_policy_did_not(changes: dict[str, Any], stage: str):
    assert stage_of(replace(FAILED, **changes), reference()) == stage


def test_what_the_expert_never_does_is_not_asked_for():
    pushed = reference_of([replace(CARRIED, held_steps=None, held_at_end=None, moved_m=0.0)])
    assert pushed is not None
    assert not pushed.holds
    course = replace(FAILED, held_steps=0, held_at_end=False, moved_m=0.0)
    assert stage_of(course, pushed) == "came nearer to the goal, and stayed short of it"
    assert reference_of([]) is None


def test_seeds_are_spread_evenly_and_without_repetition():
    assert spread([4, 5, 6], 3) == [4, 5, 6]
    assert spread([1, 2, 3, 5, 8, 9], 3) == [1, 3, 9]
    assert spread([1, 2], 1) == [1]
    assert len(set(spread(list(range(97)), 30))) == 30


def test_failures_are_the_data_s_the_teacher_s_or_the_student_s():
    starts = {"seeds": [1, 2, 3, 4], "expert": "0111", "teacher": "0010"}
    assert whose(starts) == {"data": 1, "teacher": 2, "student": 1}
    assert whose({**starts, "teacher": None}) == {"data": 1, "policy": 3}
    assert whose({**starts, "expert": None}) == {"teacher": 3, "student": 1}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A policy that pushes straight on, and so leaves some drawers open."""
    policy = LinearPolicy(metaworld_contract("drawer-close"), gain=0.0, noise_gain=0.5)
    policy.bias[1::4] = 1.0
    metrics = {"method": "sdm", "teacher": "dp3 seed 0", "network": "small", "seed": 0, "demos": 10}
    return policy.write(tmp_path_factory.mktemp("run") / "export", metrics)


@pytest.fixture(scope="module")
def lines(checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """Its result, of before noise had a stream of its own, its teacher's, and a task with nothing to explain."""
    task = make_task(TASK)
    runtime = PolicyRuntime(checkpoint)
    episodes = (run_episode(task, runtime, SEED0 + index, noise_apart=False) for index in range(3))
    outcomes = "".join(str(int(episode.success)) for episode in episodes)
    task.close()
    assert sorted(outcomes) == ["0", "1", "1"]
    line = success_line(TASK, "sdm", 1, outcomes, checkpoint="export", teacher="dp3 seed 0")
    unmade = {"action_error", "train_s"}  # what the policy of the test has not
    teacher = success_line(TASK, "dp3", 10, "110", checkpoint="gone")
    gone = success_line("metaworld/sweep", "sdm", 1, "000", checkpoint="gone")
    good = success_line("metaworld/door-open", "sdm", 1, "111", checkpoint="export")
    return [{key: value for key, value in line.items() if key not in unmade}, teacher, gone, good]


def test_the_program_films_what_fails_again_and_the_page_shows_it(
    checkpoint: Checkpoint, lines: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    student, teacher, *others = lines
    for line in (student, *others):
        append_result(tmp_path / "success.jsonl", line)
    values = {"results": "success.jsonl", "output": "failures.jsonl", "videos": "failures"}
    options = [f"{key}={tmp_path / value}" for key, value in values.items()]
    options += [f"root={checkpoint.path.parent}", "network_name=small"]
    look_at_failures(composed("failures", FailuresSettings, [*options, "disturbed=half"]))
    assert "tasks in which SDM @ 1, half disturbed is below 80 %: 0" in capsys.readouterr().out
    settings = composed("failures", FailuresSettings, options)
    assert settings.disturbed is False
    look_at_failures(settings)
    said = capsys.readouterr().out
    assert "tasks in which SDM @ 1 is below 80 %: 2" in said
    assert "left out" in said
    assert "gone: no such checkpoint folder" in said
    unknown = read_results(tmp_path / "failures.jsonl")
    assert [unknown[0]["teacher_policy"], unknown[1]["teacher_succeeds"]] == [None, None]

    append_result(tmp_path / "success.jsonl", teacher)
    look_at_failures(settings)
    finding, failure = read_results(tmp_path / "failures.jsonl")[2:]
    failed = SEED0 + lines[0]["outcomes"].index("0")
    assert finding["starts"]["failed"] == {"seeds": [failed], "expert": "1", "teacher": "0"}
    assert finding["starts"]["succeeded"]["expert"] == "11"
    assert finding["teacher_fails"] == {"failed": [1, 1], "succeeded": [0, 2]}
    assert (failure["episode_seed"], failure["again"]) == (failed, True)
    assert (failure["expert_succeeds"], failure["teacher_succeeds"]) == (True, False)
    assert failure["stage"] is not None
    video = tmp_path / "failures" / failure["video"]
    assert 2_000 < video.stat().st_size < 100_000
    assert imageio.get_reader(video).get_meta_data()["size"] == (240, 272)
    assert 2_000 < (tmp_path / "failures" / failure["strip"]).stat().st_size < 60_000

    key = f"{TASK} {finding['line']}"
    assert f"Nobody has watched the episodes of `{key}` yet." in page([*lines, finding, failure], {TASK: "Others did."})
    text = page([*lines, finding, failure], {key: "It pushes past the drawer."})
    assert f"| `{TASK}` | SDM @ 1 | 67 [21, 94] (3) | 0 of 1 (0 of 2) | 1 of 1 (0 of 2) |" in text
    assert "data 0, teacher 1, student 0" in text
    assert "Seen: It pushes past the drawer." in text
    assert f"({Path('failures') / failure['video']})" in text
    assert TASK not in page([*lines[1:], finding, failure], {}), "its result line is gone"
    later = {**lines[0], "commit": "a later training"}
    newer = {**finding, "line": digest(later)}
    assert page([*lines, later, newer, finding, failure], {}).count(f"| `{TASK}` |") == 1
    of_later = page([*lines, later, finding, failure], {})
    assert f"| `{TASK}` |" not in of_later, "another line is reported now"
    assert f"not played again: `{TASK}` (SDM @ 1: 67 %), " in of_later
    assert f"`{TASK}` (" not in text
    assert "**did not fail again**" in page([*lines, finding, {**failure, "again": False}], {})

    look_at_failures(settings)
    assert f"{TASK}: all of it is there" in capsys.readouterr().out
    assert len(read_results(tmp_path / "failures.jsonl")) == 4
    assert finding["line"] == digest({**lines[0], "collection": "success"})


def test_without_expert_teacher_and_successes_nothing_is_blamed(checkpoint: Checkpoint):
    task = ToyTask()
    task.expert_kind = None
    line = success_line(task.name, "sdm", 1, "000", checkpoint="export")
    finding = task_finding(Shortfall(line, checkpoint, None), task, failed=2, succeeded=10)
    assert finding["starts"]["failed"] == {"seeds": [SEED0, SEED0 + 2], "expert": None, "teacher": None}
    assert finding["starts"]["succeeded"]["seeds"] == []
    assert finding["reference"] is None
    assert f"| `{task.name}` | SDM @ 1 | 0 [0, 56] (3) | – | – | – | – |" in page([line, finding], {})


def test_causes_are_sentences(tmp_path: Path):
    assert load_causes(tmp_path / "none.yaml") == {}
    file = tmp_path / "causes.yaml"
    file.write_text("# none yet\n")
    assert load_causes(file) == {}
    file.write_text("metaworld/soccer: [1, 2]\n")
    with pytest.raises(DatasetError, match="one sentence for each task and line"):
        load_causes(file)
