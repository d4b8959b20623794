"""Evaluating recorded lines again: what is drawn, and that one changed outcome is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers.linear_policy import LinearPolicy
from sdm_core.checkpoint import Checkpoint
from sdm_core.errors import CheckpointError, DatasetError
from sdm_core.results import append_result, read_results
from sdm_sim.metaworld.task import metaworld_contract
from sdm_training.benchmark.recheck import candidates, draw, in_words
from sdm_training.evaluation.closed_loop import Outcome, evaluate
from sdm_training.evaluation.protocols import final
from sdm_training.evaluation.result_line import checkpoint_of, digest
from sdm_training.programs.recheck import RecheckError, RecheckSettings, recheck
from sdm_training.report.rechecked import recheck_table
from sdm_training.settings import composed

EPISODES, REPEATS, SEED0 = 4, 2, 30005


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A policy that pushes straight on, and so closes some drawers."""
    policy = LinearPolicy(metaworld_contract("drawer-close"), gain=0.0, noise_gain=0.5)
    policy.bias[1::4] = 1.0
    return policy.write(tmp_path_factory.mktemp("run") / "export", {"seed": 0, "train_s": 12.5})


@pytest.fixture(scope="module")
def outcomes(evaluated: Checkpoint) -> list[Outcome]:
    starts = range(SEED0, SEED0 + EPISODES // REPEATS)
    return evaluate(evaluated.path, starts, repeats=REPEATS)


@pytest.fixture
def line(evaluated: Checkpoint, outcomes: list[Outcome], tmp_path: Path) -> dict[str, Any]:
    """Its result line; the checkpoint lies in the folder of the test."""
    shutil.copytree(evaluated.path, tmp_path / "runs/export")
    made = final(evaluated, EPISODES, lambda *_: outcomes)
    assert 0 < made["successes"] < EPISODES
    return {**made, "checkpoint": "runs/export"}


def settings(folder: Path, line: dict[str, Any], **others: Any) -> RecheckSettings:
    results = folder / "success.jsonl"
    results.unlink(missing_ok=True)
    append_result(results, line)
    values = {"results": results, "root": folder, "output": folder / "recheck.jsonl", "count": 1, **others}
    return composed("recheck", RecheckSettings, [f"{key}={value}" for key, value in values.items()])


def test_the_same_evaluation_gives_the_same_outcomes_and_a_changed_one_is_named(
    line: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    recheck(settings(tmp_path, line))
    assert f"the same {EPISODES} outcomes, {line['successes']} successes" in capsys.readouterr().out
    turned = line["outcomes"][:3] + str(1 - int(line["outcomes"][3])) + line["outcomes"][4:]
    with pytest.raises(RecheckError, match="1 of 1 lines gave other outcomes"):
        recheck(settings(tmp_path, {**line, "outcomes": turned}))
    assert f"1 of {EPISODES} outcomes differ, at the seeds {SEED0 + 1} " in capsys.readouterr().out
    same, other = read_results(tmp_path / "recheck.jsonl")
    assert (same["kind"], same["differ"], same["successes"]) == ("recheck", [], line["successes"])
    assert other["differ"] == [3]
    assert other["line"] != same["line"] == digest(line)
    assert same["recorded"]["commit"] == line["commit"]
    first, second = recheck_table([same, other]).splitlines()[2:]
    assert "the same" in first
    assert f"1 of {EPISODES} differ" in second


@pytest.mark.parametrize(
    ("own", "asked", "run"), [({}, {}, {}), (OTHER := {"backend": "onnxruntime"}, {}, OTHER), ({}, OTHER, OTHER)]
)
def test_a_line_is_evaluated_again_in_its_own_backend_unless_another_is_asked_for(
    own: dict[str, str],
    asked: dict[str, str],
    run: dict[str, str],
    line: dict[str, Any],
    outcomes: list[Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    backends = []

    def evaluated(checkpoint: Path, seeds: range, workers: int, backend: str, *others: Any, **more: Any):
        backends.append(backend)
        return outcomes

    monkeypatch.setattr("sdm_training.benchmark.recheck.evaluate", evaluated)
    recheck(settings(tmp_path, {**line, **own}, **asked))
    (comparison,) = read_results(tmp_path / "recheck.jsonl")
    assert backends == [run.get("backend", "openvino")]
    assert comparison.get("backend") == run.get("backend")


@pytest.mark.parametrize(("entry", "value", "usual"), [("replan_steps", 3, None), ("noise_scale", 0.0, 1.0)])
def test_a_line_is_evaluated_again_with_the_executed_actions_and_the_noise_that_it_had(
    entry: str,
    value: float,
    usual: float | None,
    line: dict[str, Any],
    outcomes: list[Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    worlds = []

    def evaluated(*given: Any, **more: Any):
        worlds.append(given[-1])
        return outcomes

    monkeypatch.setattr("sdm_training.benchmark.recheck.evaluate", evaluated)
    recheck(settings(tmp_path, {**line, entry: value}))
    recheck(settings(tmp_path, line))
    assert [getattr(world, entry) for world in worlds] == [value, usual]
    assert [comparison.get(entry) for comparison in read_results(tmp_path / "recheck.jsonl")] == [value, None]


def test_a_line_is_evaluated_again_with_noise_of_the_stream_that_it_had(
    line: dict[str, Any], outcomes: list[Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    streams = []

    def evaluated(*_: Any, noise_apart: bool, **more: Any):
        streams.append(noise_apart)
        return outcomes

    monkeypatch.setattr("sdm_training.benchmark.recheck.evaluate", evaluated)
    recheck(settings(tmp_path, line))
    recheck(settings(tmp_path, {key: value for key, value in line.items() if key != "noise_stream"}))
    assert streams == [True, False]


def test_a_line_whose_checkpoint_is_gone_or_was_trained_again_is_not_drawn(line: dict[str, Any], tmp_path: Path):
    assert candidates([line], tmp_path) == [line]
    assert candidates([line], tmp_path / "elsewhere") == []
    assert candidates([{**line, "protocol": "snapshot"}, {**line, "mode": "realtime"}], tmp_path) == []
    metrics = tmp_path / "runs/export/metrics.json"
    metrics.write_text(json.dumps({**json.loads(metrics.read_text()), "train_s": 13.0}))
    assert candidates([line], tmp_path) == []
    with pytest.raises(CheckpointError, match=r"train_s 13\.0, its line of .* 12\.5: it has been trained again"):
        checkpoint_of(line, tmp_path)


def test_a_draw_depends_on_its_seed_alone():
    lines = [{"episodes": number} for number in range(50)]
    assert draw(lines, 5, seed=3) == draw(lines[::-1], 5, seed=3) != draw(lines, 5, seed=4)
    with pytest.raises(DatasetError, match="50 lines can be evaluated again, 51 are asked for"):
        draw(lines, 51, seed=3)


def test_words_name_the_whole_policy():
    line = {"task": "t", "method": "sdm", "nfe": 1, "seed": 0, "episodes": 9, "differ": [], "successes": 8}
    told = {**line, "variant": "scratch", "disturbed": "half", "replan_steps": 4, "noise_scale": 0.5}
    name = "SDM @ 1, scratch, half disturbed, 4 executed, noise × 0.5"
    assert in_words(told) == f"t {name}, seed 0: the same 9 outcomes, 8 successes"
