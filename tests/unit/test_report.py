"""Tables from result lines: what is not run is shown as not run, and nothing is added."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from helpers.result_lines import demo_line, success_line, timing_line, wire_line
from sdm_core.errors import DatasetError
from sdm_core.results import append_result, paired_difference
from sdm_training.programs.report import Pages, check, main, report
from sdm_training.report import without_noise
from sdm_training.report.action_error import action_error
from sdm_training.report.core_comparison import METAWORLD, TASKS, policies, scores, success_by_task, summary
from sdm_training.report.estimate import Estimate, mean
from sdm_training.report.fresh_seeds import fresh_seeds_table
from sdm_training.report.lines import FINAL, FRESH, newest, pairs
from sdm_training.report.markdown import NOT_RUN
from sdm_training.report.mode_coverage import mode_coverage, mode_summary
from sdm_training.report.own_results import own_table
from sdm_training.report.policies import IMAGES, SDM, STUDENT_ROWS, TEACHER_ROWS, Policy
from sdm_training.report.shipped_students import best5_table, success_lines, success_table
from sdm_training.report.speed import latency_ms, untied_rows
from sdm_training.report.success import difference_cell, mean_cell, spread_cell, success, task_cell
from sdm_training.report.timings import timing_table

ROOT = Path(__file__).parents[2]
SWEEP, DOOR = "metaworld/sweep", "metaworld/door-open"


def hundred(task: str, method: str, nfe: int, quarter: str, **others: object) -> dict:
    return success_line(task, method, nfe, 25 * quarter, **{"collection": "shipped", **others})


def rows(table: str) -> dict[str, list[str]]:
    """The cells of each row of a Markdown table, by the first one."""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()[2:]]
    return {first: rest for first, *rest in cells}


def test_the_paired_interval_is_newcombe_s() -> None:
    # His example: 36 pairs both, 12 the first only, 2 the second only, none neither.
    first, second = "1" * 48 + "0" * 2, "1" * 36 + "0" * 12 + "1" * 2
    assert paired_difference(first, second) == pytest.approx((0.20, 0.0569, 0.3404), abs=2e-4)


def test_equal_outcomes_differ_by_nothing_within_a_symmetric_interval() -> None:
    difference, low, high = paired_difference("1101" * 25, "1101" * 25)
    assert difference == 0
    assert low == pytest.approx(-high)
    assert -0.05 < low < 0


def test_outcomes_of_other_lengths_cannot_be_paired() -> None:
    with pytest.raises(DatasetError, match="2 and 3 outcomes"):
        paired_difference("10", "101")


def test_what_is_not_run_is_shown_so_and_leaves_the_mean_open() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1110"), hundred(SWEEP, "dp3", 10, "1111")]
    table = success_table(lines, [SWEEP, "metaworld/soccer"])
    sweep, soccer, mean = table.splitlines()[2:]
    assert "75 [66, 82]" in sweep
    assert "-25 [" in sweep
    assert "2.0 + 2.0" in sweep
    assert soccer.count(NOT_RUN) == 8
    assert mean.count("–") == 8


def test_what_was_run_without_noise_stands_beside_the_same_with_it_and_in_no_other_table() -> None:
    usual, none = hundred(SWEEP, "sdm", 1, "1100"), hundred(SWEEP, "sdm", 1, "1110", noise_scale=0.0)
    lines = [usual, none, hundred(DOOR, "sdm", 1, "1111"), hundred(SWEEP, "sdm", 1, "0000", seed=1)]
    (row,) = rows(without_noise.success_table(lines)).values()
    assert row[:3] == ["SDM @ 1", "50 [40, 60] (100)", "75 [66, 82] (100)"]
    assert row[3].startswith("+25 [")
    assert without_noise.success_table([none]) == without_noise.success_table([usual]) == "Not run."
    assert "| 50 [40, 60] |" in success_table(lines, [SWEEP])


def test_what_was_run_without_noise_again_is_shown_once_by_the_newest() -> None:
    usual = hundred(SWEEP, "sdm", 1, "1100")
    lines = [usual, *(hundred(SWEEP, "sdm", 1, outcomes, noise_scale=0.0) for outcomes in ("0000", "1110"))]
    (row,) = rows(without_noise.success_table(lines)).values()
    assert row[2] == "75 [66, 82] (100)"


def test_the_best_five_stand_beside_the_final_checkpoint() -> None:
    final = hundred(SWEEP, "dp3", 10, "1110")
    best = {**final, "protocol": "best5", "successes": 90, "curve": [[5, 9], [10, 18]]}
    assert "| `metaworld/sweep` | dp3 @ 10 | 9 18 | 90 | 75 | 75 |" in best5_table([best, final])
    assert "| not run |" in best5_table([best])
    assert best5_table([final]) == "Not run."


def test_the_newest_line_counts() -> None:
    lines = [hundred("a/b", "sdm", 1, "0000"), hundred("a/b", "sdm", 1, "0001")]
    found = newest(lines, task="a/b")
    assert found is not None
    assert found["successes"] == 25
    assert task_cell(lines, "a/b", SDM).startswith("25 ")


@pytest.mark.parametrize(
    "other",
    [
        {"network": "paper"},
        {"seed": 1},
        {"episodes": 20},
        {"eval_seed0": 0},
        {"collection": "success"},
        {"protocol": "best5"},
        {"variant": "scratch"},
        {"repeats": 10},
    ],
)
def test_a_line_of_another_protocol_is_not_a_shipped_student_s(other: dict) -> None:
    line = hundred(SWEEP, "sdm", 1, "1110")
    assert success_lines([line, {**line, **other}], SWEEP)[0] is line
    assert success_lines([{**line, **other}], SWEEP)[0] is None


def test_training_seeds_are_pooled_and_each_counts_once() -> None:
    lines = [
        hundred(SWEEP, "sdm", 1, "0000", seed=0),
        hundred(SWEEP, "sdm", 1, "1111", seed=0),
        hundred(SWEEP, "sdm", 1, "1100", seed=1),
    ]
    found = success(lines, SWEEP, SDM)
    assert found is not None
    assert [line["seed"] for line in found.lines] == [0, 1]
    assert (found.rate.value, found.episodes) == (0.75, 200)
    assert task_cell(lines, SWEEP, SDM) == "75 [69, 80] (200)"


def test_a_short_trial_replaces_no_longer_evaluation() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1110"), success_line(SWEEP, "sdm", 1, "0" * 5, collection="shipped")]
    assert task_cell(lines, SWEEP, SDM) == "75 [66, 82] (100)"
    assert task_cell([*lines, hundred(SWEEP, "sdm", 1, "1111")], SWEEP, SDM) == "100 [96, 100] (100)"


def test_a_line_with_other_demonstrations_than_the_task_s_is_no_cell() -> None:
    lines = [
        hundred(SWEEP, "sdm", 1, "1110"),
        hundred(SWEEP, "dp3", 10, "1110"),
        hundred(SWEEP, "sdm", 1, "0000", demos=5),
    ]
    assert task_cell(lines, SWEEP, SDM).startswith("75 ")
    assert rows(success_by_task(lines))["demonstrations"][1] == "10"


def test_shipped_students_fill_only_the_cells_that_nothing_else_does() -> None:
    shipped = hundred(SWEEP, "sdm", 1, "1110")
    assert task_cell([shipped], SWEEP, SDM).startswith("75 ")
    compared = hundred(SWEEP, "sdm", 1, "0001", collection="success", seed=1)
    for lines in ([shipped, compared], [compared, shipped]):
        assert task_cell(lines, SWEEP, SDM) == "25 [18, 34] (100)"


def test_an_action_error_is_of_the_lines_that_the_success_is_of() -> None:
    line = hundred(SWEEP, "sdm", 1, "1110")
    elsewhere = {**line, "eval_seed0": 40000, "action_error": {"train": {"demonstrations": 9.0}}}
    assert action_error([line, elsewhere], SWEEP, SDM) == 0.01
    assert action_error([elsewhere], SWEEP, SDM) is None


def test_the_spread_is_that_of_the_seeds_means_over_tasks() -> None:
    lines = [hundred(task, "sdm", 1, "1110", seed=0) for task in (SWEEP, DOOR)]
    assert spread_cell(lines, [SWEEP, DOOR], SDM) == "– (1)"
    lines += [hundred(SWEEP, "sdm", 1, "1111", seed=1), hundred(DOOR, "sdm", 1, "1110", seed=1)]
    assert spread_cell(lines, [SWEEP, DOOR], SDM) == "± 8.8 (2)"  # of 75 and 87.5
    assert spread_cell([], [SWEEP], SDM) == NOT_RUN


def test_lines_with_repeated_starts_count_only_where_there_are_no_others() -> None:
    repeated = hundred(SWEEP, "sdm", 1, "0000", repeats=10)
    assert task_cell([repeated], SWEEP, SDM).startswith("0 ")
    assert task_cell([hundred(SWEEP, "sdm", 1, "1111"), repeated], SWEEP, SDM).startswith("100 ")


def test_a_mean_over_tasks_weighs_each_task_alike_and_says_which_part_was_run() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1111", seed=seed) for seed in range(3)] + [hundred(DOOR, "sdm", 1, "0000")]
    assert mean_cell(lines, [SWEEP, DOOR], SDM) == "50.0 [49, 52] (400)"
    assert mean_cell(lines, [SWEEP, DOOR, "a/b"], SDM) == "50.0 [49, 52] (400, 2 of 3 tasks)"
    assert mean_cell(lines, ["a/b"], SDM) == NOT_RUN


def test_a_student_is_paired_with_its_own_teacher_of_the_same_seed() -> None:
    student = hundred(SWEEP, "sdm", 1, "1110", seed=1)
    teachers = [hundred(SWEEP, "dp3", 10, "0000", seed=0), hundred(SWEEP, "dp3", 10, "1111", seed=1)]
    assert difference_cell([student, *teachers], [SWEEP], SDM).startswith("-25.0 [")
    assert difference_cell([student, teachers[0]], [SWEEP], SDM) == NOT_RUN
    other = hundred(SWEEP, "dp3_eps", 10, "1010", seed=1)
    named = {**student, "teacher": "dp3_eps seed 1"}
    assert difference_cell([named, *teachers, other], [SWEEP], SDM).startswith("+25.0 [")
    assert difference_cell(teachers, [SWEEP], Policy("dp3", 10)) == "–"


def test_students_of_other_seeds_than_their_teacher_are_paired_with_the_one_they_come_from() -> None:
    students = [hundred(SWEEP, "sdm", 1, "1110", seed=seed, teacher="dp3 seed 0") for seed in (0, 1)]
    teachers = [hundred(SWEEP, "dp3", 10, "1111", seed=0), hundred(SWEEP, "dp3", 10, "0000", seed=1)]
    cell = difference_cell([*students, *teachers], [SWEEP], SDM)
    assert cell.startswith("-25.0 [")
    assert cell.endswith("(200)")
    regression = hundred(SWEEP, "regression", 1, "1010", seed=1)
    assert difference_cell([*students, regression], [SWEEP], SDM, Policy("regression", 1)).startswith("+25.0 [")


def test_a_student_of_a_teacher_that_is_known_by_no_page_is_compared_with_that_one() -> None:
    lines = [
        hundred(SWEEP, "dp3", 10, "0000"),
        *(hundred(SWEEP, "teacher_b", nfe, quarter) for nfe, quarter in ((1, "1000"), (10, "1111"))),
        hundred(SWEEP, "sdm", 1, "1110", teacher="teacher_b seed 0"),
    ]
    table = rows(own_table(lines))
    assert table["compared with"][-1] == "teacher_b @ 10"
    assert table["difference, points"][-1].startswith("-25.0 [")
    assert difference_cell([lines[0], lines[-1]], [SWEEP], SDM) == NOT_RUN


@pytest.mark.parametrize("other", [{"repeats": 5}, {"eval_seed0": 5000}])
def test_episodes_of_other_starts_are_not_paired(other) -> None:
    student, teacher = hundred(SWEEP, "sdm", 1, "1110"), hundred(SWEEP, "dp3", 10, "1111")
    assert len(pairs([student], [teacher])[0]) == 100
    assert pairs([student], [{**teacher, **other}]) == ("", "")


def test_a_variant_is_compared_with_the_teacher_of_its_own_variant_where_there_is_one() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1110", variant="gpu-batched"), hundred(SWEEP, "dp3", 10, "1111")]
    variant = Policy("sdm", 1, variant="gpu-batched")
    assert difference_cell(lines, [SWEEP], variant).startswith("-25.0 [")
    lines.append(hundred(SWEEP, "dp3", 10, "1000", variant="gpu-batched"))
    assert difference_cell(lines, [SWEEP], variant).startswith("+50.0 [")


def test_a_difference_over_tasks_counts_each_task_alike() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1110"), hundred(SWEEP, "dp3", 10, "1111")]
    lines += [success_line(DOOR, method, nfe, "1" * 500) for method, nfe in (("sdm", 1), ("dp3", 10))]
    cell = difference_cell(lines, [SWEEP, DOOR], SDM)
    assert cell.startswith("-12.5 [")
    assert cell.endswith("(600)")
    assert difference_cell(lines, [SWEEP, DOOR, "a/b"], SDM).endswith("(600, 2 of 3 tasks)")


def test_the_limits_of_a_mean_add_their_squares() -> None:
    joined = mean([Estimate(0.5, 0.2, 0.7), Estimate(0.9, 0.5, 1.0)])
    assert (joined.value, joined.low, joined.high) == pytest.approx((0.7, 0.45, 0.7 + 0.05**0.5 / 2))
    alone = Estimate(0.5, 0.2, 0.7)
    assert mean([alone]).interval == pytest.approx(alone.interval)


def test_without_lines_every_row_of_the_comparison_is_there_and_not_run() -> None:
    table = rows(success_by_task([]))
    assert list(table) == ["demonstrations", *(policy.name for policy in TEACHER_ROWS + STUDENT_ROWS)]
    assert table.pop("demonstrations")[: len(TASKS)] == [NOT_RUN] * len(TASKS)
    assert all(cells == [NOT_RUN] * (len(TASKS) + 1) for cells in table.values())
    assert len(rows(summary([]))) == len(table)


def test_the_demonstrations_of_each_task_are_those_of_its_lines() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1110"), hundred("pusht/push-t", "sdm", 1, "1110", demos=206)]
    assert rows(success_by_task(lines))["demonstrations"] == [NOT_RUN, "10", *[NOT_RUN] * 4, "206", "–"]


def test_the_comparison_is_that_of_the_core_suite() -> None:
    suite = yaml.safe_load((ROOT / "config/suite/core.yaml").read_text())
    run = {
        Policy(row.get("method", name), nfe, row.get("network", suite["network"]), row.get("variant"))
        for name, row in suite["methods"].items()
        for nfe in (row or {}).get("nfe", [1])
    }
    assert set(suite["tasks"]) == set(TASKS)
    assert suite["eval_seed0"] == FINAL["eval_seed0"]
    assert run <= set(TEACHER_ROWS + STUDENT_ROWS)


def test_no_cell_is_empty() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1110"), timing_line("student, 1 NFE", 1.0)]
    for table in (success_by_task(lines), summary(lines), success_table(lines), timing_table(lines)):
        assert all(cell for cells in rows(table).values() for cell in cells)


def test_what_was_run_besides_comes_after_the_usual_rows() -> None:
    lines = [hundred(SWEEP, "sdm", 1, "1111", variant="gpu-batched"), hundred(SWEEP, "new", 4, "1111", network="paper")]
    assert [policy.name for policy in policies(lines)[-2:]] == ["SDM @ 1, gpu-batched", "new @ 4, paper network"]
    assert rows(success_by_task(lines))["new @ 4, paper network"][1] == "100 [96, 100] (100)"
    assert rows(summary(lines))["new @ 4, paper network"][2:4] == ["–", "–"]
    campaign = hundred(SWEEP, "sdm", 1, "1111", network="keypoint")
    assert policies([*lines, campaign]) == policies(lines), "the campaign's recipe is of another comparison"


def test_a_student_s_training_comes_on_top_of_its_teacher_s() -> None:
    lines = [
        hundred(SWEEP, "sdm", 1, "1110", teacher="dp3 seed 0", train_s=60.0),
        hundred(SWEEP, "dp3", 10, "1110", train_s=300.0),
        hundred(SWEEP, "regression", 1, "1110", train_s=240.0),
    ]
    table = rows(summary(lines))
    assert [table[name][4] for name in ("SDM @ 1", "DP3 @ 10", "regression @ 1")] == ["5.0 + 1.0", "5.0", "4.0"]
    assert rows(summary(lines[:1]))["SDM @ 1"][4] == "not run + 1.0"


def test_minutes_of_runs_that_were_trained_together_stand_apart() -> None:
    lines = [
        hundred(SWEEP, "sdm", 1, "1110", teacher="dp3 seed 0", train_s=60.0, stacked=35),
        hundred(SWEEP, "dp3", 10, "1110", train_s=300.0, stacked=30),
        hundred(SWEEP, "dp3", 10, "1110", train_s=600.0, seed=1),  # taught nobody
        hundred(DOOR, "dp3", 10, "1110", train_s=600.0),
    ]
    table = rows(summary(lines))
    assert table["SDM @ 1"][4] == "5.0 (30 together) + 1.0 (35 together)"
    assert table["DP3 @ 10"][4] == "5.0 (30 together), 10.0 (alone)"


def test_one_s_own_lines_stand_beside_each_other_whatever_they_are_of(tmp_path, capsys, monkeypatch) -> None:
    lines = [
        hundred("my/task", "dp3", 10, "1110"),
        hundred("my/task", "mine", 1, "1100", teacher="dp3 seed 0"),
        hundred(SWEEP, "mine", 1, "1111", teacher="dp3 seed 0"),
        {**hundred(SWEEP, "mine", 1, "0000", teacher="dp3 seed 0"), "eval_seed0": 5000},
    ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    monkeypatch.setattr(sys, "argv", ["sdm-report", "--lines", str(file)])
    main()
    printed = capsys.readouterr().out
    table = rows(printed)
    assert printed.startswith("| success, % | DP3 @ 10 | mine @ 1 |\n")
    assert table["`my/task`"] == ["75 [66, 82] (100)", "50 [40, 60] (100)"]
    assert table[f"`{SWEEP}`"] == ["not run", "100 [96, 100] (100)"]
    assert table["compared with"] == ["–", "DP3 @ 10"]
    assert table["difference, points"][1].startswith("-25.0 [")
    assert list(tmp_path.iterdir()) == [file]


def test_one_s_own_lines_of_several_numbers_of_demonstrations_stand_in_columns_of_their_own() -> None:
    lines = [
        hundred(SWEEP, "dp3", 10, "1110"),
        hundred(SWEEP, "mine", 1, "1100", teacher="dp3 seed 0"),
        hundred(SWEEP, "dp3", 10, "1111", demos=50),
        hundred(SWEEP, "mine", 1, "1110", teacher="dp3 seed 0", demos=50),
        hundred("my/task", "dp3", 10, "1110"),
    ]
    printed = own_table(lines)
    names = ("DP3 @ 10", "mine @ 1")
    columns = [f"{name}, {demos} demonstrations" for demos in (10, 50) for name in names]
    assert printed.startswith(f"| success, % | {' | '.join(columns)} |\n")
    table = rows(printed)
    assert [cell.split()[0] for cell in table[f"`{SWEEP}`"]] == ["75", "50", "100", "75"]
    assert table["`my/task`"] == ["75 [66, 82] (100)", *["not run"] * 3]
    assert [cell.split()[0] for cell in table["difference, points"]] == ["–", "-25.0", "–", "-25.0"]


def test_one_s_own_student_of_several_teachers_has_a_column_of_each() -> None:
    lines = [
        hundred(SWEEP, "dp3", 10, "1111"),
        hundred(SWEEP, "dp3_eps", 10, "1110"),
        hundred(SWEEP, "mine", 1, "1110", teacher="dp3 seed 0"),
        hundred(SWEEP, "mine", 1, "1100", teacher="dp3_eps seed 0"),
    ]
    printed = own_table(lines)
    students = ("mine @ 1, from DP3", "mine @ 1, from DP3, noise prediction")
    assert printed.startswith(f"| success, % | DP3 @ 10 | DP3, noise prediction @ 10 | {' | '.join(students)} |\n")
    table = rows(printed)
    assert [cell.split()[0] for cell in table[f"`{SWEEP}`"]] == ["100", "75", "75", "50"]
    assert table["compared with"] == ["–", "–", "DP3 @ 10", "DP3, noise prediction @ 10"]
    assert [cell.split()[0] for cell in table["difference, points"][2:]] == ["-25.0", "-25.0"]


def test_one_s_own_students_of_two_trainings_of_a_teacher_have_a_column_of_each() -> None:
    lines = [
        *(hundred(SWEEP, "dp3", 10, quarter, seed=seed) for seed, quarter in enumerate(("1111", "1100"))),
        *(hundred(SWEEP, "sdm", 1, "1110", teacher=f"dp3 seed {seed}") for seed in (0, 1)),
    ]
    printed = own_table(lines)
    assert printed.startswith("| success, % | DP3 @ 10 | SDM @ 1, from DP3 seed 0 | SDM @ 1, from DP3 seed 1 |\n")
    assert [cell.split()[0] for cell in rows(printed)["difference, points"]] == ["–", "-25.0", "+25.0"]


@pytest.mark.parametrize(("text", "message"), [(None, "no such file"), ("{}\n", "holds no success lines")])
def test_files_without_lines_are_one_line(text, message, tmp_path, monkeypatch) -> None:
    file = tmp_path / "mine.jsonl"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(sys, "argv", ["sdm-report", "--lines", str(file)])
    with pytest.raises(SystemExit, match=f"mine.jsonl: {message}"):
        main()


def test_a_summary_s_mean_is_of_metaworld_and_the_other_tasks_stand_beside_it() -> None:
    lines = [hundred(task, "sdm", 1, "1110") for task in METAWORLD]
    lines += [hundred("fork/reach", "sdm", 1, "0000"), hundred("pusht/push-t", "sdm", 1, "0000", score=0.5)]
    cells = rows(summary(lines))["SDM @ 1"]
    assert cells[0] == "75.0 [71, 78] (500)"
    assert cells[5:7] == ["0 [0, 4] (100)", "0.500"]


def test_what_was_chosen_is_checked_on_fresh_seeds_of_another_training() -> None:
    assert fresh_seeds_table([]).count(NOT_RUN) == 18
    old = [hundred("metaworld/basketball", "consistency", nfe, "1111") for nfe in (1, 3)]
    chosen = [{**line, **FRESH} for line in old]
    assert fresh_seeds_table(old + chosen) == fresh_seeds_table([])
    fresh = [
        hundred("metaworld/basketball", "consistency", 1, "1110", **FRESH, seed=1),
        hundred("metaworld/basketball", "edm", 19, "1100", **FRESH, seed=1),
    ]
    table = fresh_seeds_table(fresh)
    words = "| `metaworld/basketball` | Consistency Policy (best) @ 1 | 50 [40, 60] (100) | 75 [66, 82] (100) | +25.0 ["
    assert words in table
    assert "| Consistency Policy (best) @ 3 | 50 [40, 60] (100) | not run | not run |" in table
    again = [
        hundred(SWEEP, method, nfe, outcomes, seed=seed)
        for method, nfe, outcomes in (("consistency", 1, "1110"), ("edm", 19, "1100"))
        for seed in (0, 1, 2)
    ]
    table = fresh_seeds_table(again)
    words = "training seed 0 | Consistency Policy (best) @ 1 | 50.0 [43, 57] (200, 1 of 5 tasks) | 75.0 [69, 80] (200, "
    assert words in table


def test_scores_are_shown_where_a_task_has_one() -> None:
    line = hundred("pusht/push-t", "sdm", 1, "1110")
    assert scores([line]) == "Not run."
    table = scores([{**line, "score": 0.8}, {**line, "score": 0.9, "seed": 1}])
    assert "| `pusht/push-t` | SDM @ 1 | 0.850 | 2 |" in table


def test_mode_coverage_stands_beside_the_teacher_s() -> None:
    student = success_line("fork/reach", "sdm", 1, "1" * 8, ways="LLLLRRRR", repeats=4)
    teacher = success_line("fork/reach", "dp3", 10, "1" * 8, ways="LRLRLRLL", repeats=4)
    assert mode_coverage([hundred(SWEEP, "sdm", 1, "1110")]) == "Not run."
    table = mode_coverage([student, teacher])
    # The student chooses by the start; of the teacher's pairs of successes 4 of 6 and 3 of 6 differ.
    assert "| SDM @ 1 | 100 [68, 100] (8) | 100 | L4 R4 | 1.00 (105 %) | 0.00 (0 %) | 2 |" in table
    assert "| DP3 @ 10 | 100 [68, 100] (8) | 100 | L5 R3 | 0.95 | 1.17 | 2 |" in table
    other = success_line("fork/reach", "sdm", 1, "1" * 6 + "00", seed=1, ways="LLLLRR--", repeats=4)
    assert "| SDM @ 1 | 88 [64, 97] (16) | 100, 75 | L8 R6 |" in mode_coverage([student, other])


def test_a_student_s_modes_in_short_beside_its_teacher_s_at_ten_and_at_one_evaluation() -> None:
    ways = {"ways": "LR--", "repeats": 2}
    trainings = [success_line("fork/reach", "dp3", 1, "1100", seed=seed, **ways) for seed in (0, 1)]
    table = mode_summary([*trainings, success_line("fork/reach", "sdm", 1, "1111", ways="LRLR", repeats=2)])
    assert table.splitlines()[2:] == [
        "| DP3 @ 10 | not run | not run |",
        "| DP3 @ 1 | 50 [22, 78] (8) | 50, 50 |",
        "| regression @ 1 | not run | not run |",
        "| SDM @ 1 | 100 [51, 100] (4) | 100 |",
    ]


def test_different_ways_from_one_start_need_repeated_starts_with_two_successes() -> None:
    line = success_line("fork/reach", "sdm", 1, "1101", ways="LR-R")
    assert "| L1 R2 | 0.92 | not run | not run |" in mode_coverage([line])
    assert "| L1 R2 | 0.92 | 2.00 | 1 |" in mode_coverage([{**line, "repeats": 2}])
    alone = success_line("fork/reach", "sdm", 1, "1001", ways="L--R", repeats=2)
    assert "| L1 R1 | 1.00 | – | 0 |" in mode_coverage([alone])


def test_a_latency_is_that_of_the_network_and_its_evaluations() -> None:
    lines = [
        timing_line("student, 1 NFE", 1.0),
        timing_line("teacher, 10 NFE", 2.5),
        timing_line("student, 1 NFE", 0.8, backend="onnxruntime"),
        timing_line("big", 50.0, nfe=1, network="paper"),
        timing_line("simple network, 1 NFE", 5.0),
    ]
    assert latency_ms(lines, SDM) == 1.0
    assert latency_ms(lines, Policy("edm", 10)) == 2.5
    assert latency_ms(lines, Policy("sdm", 1, network="paper")) == 50.0
    assert latency_ms(lines, Policy("mip", 2)) is None
    assert latency_ms(lines, Policy("sdm", 1, network="simple")) == 5.0
    assert latency_ms(lines, IMAGES) is None
    assert untied_rows(lines, [10]) == [["10", "small", "cpu", "openvino", "1", "400"]]


def test_a_timing_row_for_each_part_variant_and_machine() -> None:
    lines = [timing_line(name, 1.0) for name in ("student", "teacher", "student")]
    assert timing_table(lines).count("| `infer` |") == 2
    elsewhere = [timing_line("student", 1.0, machine="four cores"), timing_line("student", 1.0, device="H200")]
    devices = [row.split(" | ")[2] for row in timing_table(lines + elsewhere).splitlines()[2:]]
    assert devices == ["two cores", "two cores", "four cores", "H200"]
    assert timing_table([]) == "Not run."


@dataclass(frozen=True)
class Files:
    """Results of one line, the published figures, a page to be made, and two with a block for their tables."""

    results: Path
    published: Path
    pages: Pages

    def report(self) -> None:
        report(self.results, self.published, self.pages)

    def check(self) -> None:
        check(self.results, self.published, self.pages)


def marked(block: str) -> str:
    return f"<!-- {block}:begin -->\nold\n<!-- {block}:end -->\n"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    append_result(tmp_path / "results" / "success.jsonl", hundred(SWEEP, "sdm", 1, "1101"))
    readme, runtime, demo = (tmp_path / name for name in ("README.md", "embedded_ros.md", "first_demo.md"))
    blocks = {readme: ("results", "campaign", "modes"), runtime: ("results", "conformance"), demo: ("results",)}
    for file, names in blocks.items():
        file.write_text("before\n" + "".join(map(marked, names)) + "after\n")
    docs, zoo = tmp_path / "docs", tmp_path / "models" / "zoo.md"
    pages = Pages(docs / "results.md", readme, runtime, docs / "reliability.md", zoo, docs / "failures.md", demo)
    return Files(tmp_path / "results", ROOT / "benchmarks/published", pages)


def test_the_page_and_the_others_blocks_are_made_from_the_lines(files: Files) -> None:
    append_result(files.results / "timing.jsonl", wire_line(0.3))
    append_result(files.results / "demo.jsonl", demo_line())
    files.report()
    page = files.pages.results
    assert "| SDM @ 1 | not run | 75 [66, 82] (100) |" in page.read_text()
    assert "| |" not in page.read_text()
    rows_of = (
        (files.pages.readme, "| `metaworld/sweep`"),
        (files.pages.readme, "| SDM @ 1 | not run | not run | not run |"),
        (files.pages.readme, "| regression @ 1 | not run | not run |"),
        (files.pages.runtime, "| `JointState`"),
        (files.pages.demo, "| sweep | student, 1 step | lockstep | 5/5 | 200 Hz | 2.5 % | 1.0 / 2.0 | – |"),
    )
    for file, row in rows_of:
        text = file.read_text()
        assert row in text
        assert "old" not in text
        assert text.startswith("before")
        assert text.endswith("after\n")
    assert "JointState" not in page.read_text()
    for picture in ("success.png", "latency.png"):
        assert (page.parent / "pictures" / picture).stat().st_size > 10_000


def test_a_page_without_one_place_for_its_table_is_refused(files: Files) -> None:
    whole = files.pages.readme.read_text()
    for text in (whole.replace("<!-- modes:end -->", ""), whole + marked("modes")):
        files.pages.readme.write_text(text)
        with pytest.raises(DatasetError, match=r"README\.md: [02] places for the block 'modes'; give it one"):
            files.report()
    assert not files.pages.results.exists()


def test_a_page_that_the_lines_do_not_give_is_found_out(files: Files) -> None:
    with pytest.raises(DatasetError, match=r"results\.md.*run sdm-report"):
        files.check()
    files.report()
    files.check()
    append_result(files.results / "timing.jsonl", wire_line(0.3))
    with pytest.raises(DatasetError, match=r"embedded_ros\.md"):
        files.check()
    append_result(files.results / "success.jsonl", hundred(DOOR, "sdm", 1, "1101"))
    with pytest.raises(DatasetError, match=r"results\.md"):
        files.check()
    assert "75" not in files.pages.results.read_text().split("door-open")[0]  # checking writes nothing


def test_the_committed_pages_are_what_the_committed_lines_give() -> None:
    docs, zoo = ROOT / "docs", ROOT / "models" / "zoo.md"
    runtime, failures = docs / "embedded_ros.md", docs / "failures.md"
    demo = docs / "tutorials" / "first_demo.md"
    pages = Pages(docs / "results.md", ROOT / "README.md", runtime, docs / "reliability.md", zoo, failures, demo)
    check(ROOT / "benchmarks/results", ROOT / "benchmarks/published", pages)


def test_no_lines_no_page(tmp_path: Path, files: Files) -> None:
    with pytest.raises(DatasetError, match="no success lines"):
        report(tmp_path / "none", files.published, files.pages)
    assert not files.pages.results.exists()
