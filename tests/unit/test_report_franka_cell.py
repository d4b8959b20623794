"""The table of the Franka cell."""

from __future__ import annotations

from sdm_training.report.franka_cell import franka_table
from sdm_training.report.lines import FINAL

LINE = {
    **FINAL,
    **{"collection": "franka", "task": "franka/pick-place", "method": "sdm", "nfe": 1, "seed": 0},
    **{"ci95": [0.5, 1.0], "commit": "1234567890ab"},
}


def test_offline_and_driven_success_stand_side_by_side_and_the_newest_counts():
    driven = {**LINE, "mode": "graph", "episodes": 50}
    lines = [
        {**LINE, "mode": "direct", "episodes": 100, "successes": 80},
        {**LINE, "mode": "direct", "episodes": 100, "successes": 90},
        {**LINE, "mode": "direct", "episodes": 100, "successes": 70, "noise_scale": 0.0},
        {**LINE, "mode": "direct", "episodes": 5, "successes": 5},
        {**LINE, "mode": "direct", "episodes": 100, "successes": 60, "eval_seed0": 5000},
        {**LINE, "mode": "direct", "episodes": 100, "successes": 50, "camera_noise": "d4xx"},
        {**driven, "successes": 40, "missed_steps": 30, "late_steps": 155, "steps": 1000},
        {**driven, "successes": 50, "missed_steps": 0, "late_steps": 0, "steps": 1, "collection": "x"},
    ]
    _, _, first, *others = franka_table(lines).splitlines()
    cells = "90 [50, 100] (100) | 80 [50, 100] (50) | 3.0 | 15.5 | 1234567 / 1234567 |"
    assert first == f"| `franka/pick-place` | SDM @ 1 | {cells}"
    assert [other.count("not run") for other in others] == [4, 4, 4]
