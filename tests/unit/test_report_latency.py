"""The table of success against latency, from lines of a world that does not wait."""

from __future__ import annotations

import pytest
from helpers.result_lines import latency_line, success_line
from sdm_training.report.latency_curves import latency_curves, latency_table
from sdm_training.report.policies import DP3, SDM
from sdm_training.report.success import success

TASK = "metaworld/push-wall"


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]


def test_a_world_that_waits_has_no_curve() -> None:
    assert latency_curves([success_line(TASK, "sdm", 1, "1110")]) == {}


def test_each_latency_is_a_column_and_what_is_not_run_says_so() -> None:
    lines = [
        latency_line("sdm", 1, 0.0, "1111"),
        latency_line("sdm", 1, 50.0, "1100", held=0.25),
        latency_line("dp3", 10, 0.0, "1110"),
        latency_line("sdm", 1, 0.0, "1000", latency="measured", answer_ms=1.75),
    ]
    header, _, student, teacher, difference, held = rows(latency_table(lines))
    assert header == ["task", "policy", "0 ms", "50 ms", "its own time"]
    assert student[:2] == [f"`{TASK}`", "SDM @ 1"]
    assert [cell.split(" [")[0] for cell in student[2:]] == ["100", "50", "1.8 ms: 25"]
    assert [cell.split(" [")[0] for cell in teacher[1:]] == ["DP3 @ 10", "75", "not run", "not run"]
    assert [cell.split(" [")[0] for cell in difference[1:]] == ["difference, points", "+25", "not run", "not run"]
    assert held[1:] == ["held, % of steps", "0", "25", "0"]


def test_seeds_are_pooled_and_a_repeated_cell_counts_once() -> None:
    lines = [
        latency_line("dp3", 10, 25.0, "0000"),
        latency_line("dp3", 10, 25.0, "1111"),
        latency_line("dp3", 10, 25.0, "1100", seed=1),
    ]
    found = latency_curves(lines)[TASK][DP3].injected[25.0]
    assert (found.episodes, found.rate.value) == (8, 0.75)


def test_a_curve_knows_how_late_its_policy_is_by_itself() -> None:
    lines = [latency_line("sdm", 1, 25.0), latency_line("sdm", 1, 0.0, latency="measured", answer_ms=1.75)]
    curve = latency_curves(lines)[TASK][SDM]
    assert curve.own_ms == 1.75
    assert list(curve.injected) == [25.0]
    assert latency_curves(lines[:1])[TASK][SDM].own_ms is None


def test_no_other_table_is_made_of_late_lines() -> None:
    assert success([latency_line("sdm", 1, 0.0)], TASK, SDM) is None


@pytest.mark.parametrize("other", [{"camera_noise": "d4xx"}, {"eval_seed0": 0}, {"replan_steps": 1}])
def test_a_curve_is_of_the_reported_protocol(other: dict) -> None:
    assert latency_curves([latency_line("sdm", 1, 0.0, **other)]) == {}


def test_a_curve_is_of_the_usual_number_of_demonstrations() -> None:
    lines = [latency_line("sdm", 1, ms) for ms in (0.0, 25.0)] + [latency_line("sdm", 1, 50.0, demos=50)]
    assert list(latency_curves(lines)[TASK][SDM].injected) == [0.0, 25.0]
