"""docs/reliability.md, from lines."""

from __future__ import annotations

from helpers.result_lines import fault_line, streaming_line
from sdm_training.report.reliability import fault_table, longest, page, seam_table, streaming_table, verdict


def test_a_fault_within_its_bar_is_a_row_with_its_numbers() -> None:
    row = "| `camera_silent` | 100 | 90 | 141 | 260 | ≤ 150 | 0 | held (policy_refuses); resumes by itself | 0.8 |"
    assert row in page([fault_line()])
    assert "Every fault is as it should be." in verdict([fault_line()])
    assert "no image / for 90 ms" in page([fault_line()])  # a bar in a cell would end it


def test_what_misses_its_bar_is_named() -> None:
    late, moving = fault_line(max_ms=151.0), fault_line("checkpoint_pickle", expected="never starts", motion_share=0.1)
    beyond = fault_line("inference_nan", limit_violations=2, trials=20)
    assert "**≤ 150, missed**" in fault_table([late])
    said = verdict([late, moving, beyond, fault_line("joints_silent")])
    assert "Not as it should be: `camera_silent`, `checkpoint_pickle`, `inference_nan`." in said
    assert "| **2** |" in fault_table([beyond])
    assert "Commands beyond limits: `inference_nan`." in said
    assert "Fewer than 100 trials: `inference_nan`." in said


def test_what_may_go_on_has_no_times_but_must_go_on() -> None:
    on = fault_line("joints_reordered", expected="goes on", bar_ms=None, went_on=100)
    assert "| `joints_reordered` | 100 | – | – | – | goes on |" in fault_table([on])
    assert "Not as it should be: `joints_reordered`" in verdict([{**on, "went_on": 0}])


def test_a_short_trial_replaces_no_line_and_a_newer_long_one_does() -> None:
    lines = [fault_line(), fault_line(trials=3, max_ms=1.0), fault_line(max_ms=99.0)]
    assert [line["max_ms"] for line in longest(lines)] == [99.0]
    assert [line["max_ms"] for line in longest(lines[:2])] == [141.2]


def test_seams_and_streaming_have_tables() -> None:
    seam = {
        "kind": "seam", "sort": "rough", "contract": "fr3/my-task", "pairs": 5000, "rate_hz": 100.0, "violations": 0,
        "worst_excess": {"velocity": 1e-15, "jerk": 9e-12}, "jump_p50": 0.025, "jump_max": 0.041,
        "lag_ms": {"p50": 116.9, "p95": 250.6, "p99": 331.2}, "machine": "a machine",
    }  # fmt: skip
    assert "| rough | 5,000 | 100 | 0 | 9e-12 | 25, 41 | 117, 251, 331 | a machine |" in seam_table([seam])
    run = streaming_line()
    grown = "command_node 80.0 (+0.2) | command_node 12 (+0)"
    assert f"| 30.0 | 0.160% | 0.050% | no | 31.0, 22.0 | {grown} | 1.5 | a machine |" in streaming_table([run])
    assert "| yes |" in streaming_table([{**run, "missed_share": 0.0015}])


def test_the_cockpits_cost_and_page_have_tables() -> None:
    origin = {"load": 1.2, "machine": "a machine", "date": "2026-11-21", "commit": "abc"}
    measured = ("answer_p50", "answer_p99", "loop_p50", "loop_p99", "period_p50", "period_p99")
    cost = {"kind": "cockpit", "pairs": 10, "seconds": 15.0, "loops": 3000, "cockpit_cpu": 0.1452, **origin}
    for name in measured:
        cost |= {f"{name}_ms": [4.0, 4.1], f"{name}_ratio": 1.025, f"{name}_ci95": [0.99, 1.04]}
    opened = {
        "kind": "cockpit_page", "trials": 3, "shown_ms": [900.0, 1000.0, 2000.0], "braked_ms": [8.0, 9.0, 9.5],
        "rest_ms": [50.0, 60.0, 70.0], "gone_ms": [700.0, 800.0, 900.0],
        "allowed_ms": {"shown": 3000, "braked": 100, "gone": 1000}, **origin,
    }  # fmt: skip
    text = page([cost, opened])
    assert "| answer, p99 | 4.00 | 4.10 | 1.025 [0.990, 1.040] |" in text
    assert "the cockpit takes 15% of a core" in text
    assert "| pause is clicked, the arm is led no farther | 3 | 60 | 70 | – |" in text
    assert "| pause is clicked, the gate brakes the arm | 3 | 9 | 10 | 100 |" in text


def test_what_was_not_measured_is_not_run() -> None:
    assert page([]).count("Not run.") == 9
