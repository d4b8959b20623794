"""When a student converged: the first snapshot within the last one's interval, and how much sooner than `best`."""

from __future__ import annotations

from typing import Any

from helpers.result_lines import success_line
from sdm_training.report.convergence import converged, convergence_table
from sdm_training.report.learning_curves import curves
from sdm_training.report.markdown import NOT_RUN, NOTHING_RUN
from sdm_training.report.policies import BEST, DP3, SDM, Policy

TASK = "fork/reach"


def snapshots(policy: Policy, successes: list[int], seconds_each: float) -> list[dict[str, Any]]:
    """One training's, a hundred steps apart, of a hundred episodes each."""
    return [
        {
            **success_line(TASK, policy.method, policy.nfe, "1" * count + "0" * (100 - count)),
            **({} if policy == DP3 else {"teacher": "dp3 seed 0"}),
            "protocol": "snapshot",
            "seed": 0,
            "step": 100 * number,
            "train_s": seconds_each * number,
        }
        for number, count in enumerate(successes, 1)
    ]


def test_snapshots_on_other_seeds_or_by_a_faulty_camera_are_no_points_of_a_curve() -> None:
    reported = snapshots(SDM, [20, 97], 2.0)
    others = [{**line, **other} for line in reported for other in ({"eval_seed0": 5000}, {"camera_noise": "d4xx"})]
    assert curves([*reported, *others]) == curves(reported)


def test_a_student_has_converged_where_it_first_reaches_the_interval_of_its_last_weights() -> None:
    points = curves(snapshots(SDM, [20, 80, 93, 80, 97], 2.0))[TASK][SDM]
    assert converged(points) == points[2], "97 of 100 has 91.5 as its lower limit"
    assert converged(points[:1]) == points[0], "a training with one snapshot converged there"


def test_the_table_compares_the_students_times_with_that_of_best() -> None:
    lines = snapshots(SDM, [20, 95, 97], 2.0) + snapshots(BEST, [20, 60, 97], 4.0)
    rows = {row.split(" | ")[1]: row.split(" | ") for row in convergence_table(curves(lines)).splitlines()[2:]}
    assert rows[SDM.name][2:] == ["97 [92, 99] (100)", "20", "200 of 300", "4", "95 [89, 98] (100)", "1.5", "3.0 |"]
    assert rows[BEST.name][4:6] == ["300 of 300", "12"]
    assert rows[BEST.name][-2:] == ["1.0", "1.0 |"]


def test_what_converged_at_its_first_snapshot_may_have_done_so_before() -> None:
    lines = snapshots(SDM, [95, 96, 97], 2.0) + snapshots(BEST, [20, 60, 97], 4.0)
    row = next(row for row in convergence_table(curves(lines)).splitlines() if SDM.name in row)
    assert "| ≤ 100 of 300 | ≤ 2 |" in row
    assert row.endswith("| ≥ 3.0 | ≥ 6.0 |")


def test_without_best_no_ratio_is_given() -> None:
    assert convergence_table(curves(snapshots(SDM, [97], 2.0))).endswith(f"| {NOT_RUN} | {NOT_RUN} |")


def test_teachers_and_snapshots_without_times_have_no_row() -> None:
    untimed = {
        **success_line(TASK, "sdm", 1, "10" * 50),
        "teacher": "dp3 seed 0",
        "protocol": "best5",
        "curve": [[5, 9], [10, 18]],
    }
    assert convergence_table(curves([*snapshots(DP3, [20, 97], 2.0), untimed])) == NOTHING_RUN
