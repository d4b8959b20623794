"""The demo's figures, from episodes and traces as the nodes write them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sdm_sim.demo.runs import Measured, Run
from sdm_sim.demo.summary import HEADINGS, cells, latency_plot, summary_line


def measured(traces: list[dict[str, Any]]) -> Measured:
    checkpoint: Any = SimpleNamespace(
        path=Path("models/metaworld_sweep_sdm"), nfe=1, contract=SimpleNamespace(task="metaworld/sweep")
    )
    episodes = [
        {"success": True, "steps": 60, "wall_s": 0.5, "misses": 0},
        {"success": False, "steps": 100, "wall_s": 1.5, "misses": 8},
    ]
    return Measured(Run(checkpoint, "lockstep", 2, 20000), episodes, traces)


def answer(node: str, **times: float) -> dict[str, Any]:
    usual = {"cloud_ms": 1.0, "inference_ms": 2.0, "gate_publish_ms": 0.5, "loop_ms": 4.0}
    return {"node": node, "commands": 1, **usual, **times}


def test_a_run_s_line_counts_steps_over_all_episodes_and_times_answers_alone() -> None:
    traces = [
        *(answer("policy_node", cloud_ms=float(ms)) for ms in range(1, 102)),
        answer("policy_node", cloud_ms=900.0, inference_ms=0.0),  # no inference: not an answer
        *(answer("command_node", cloud_ms=900.0, loop_ms=float(ms)) for ms in range(1, 100)),
        {**answer("command_node", loop_ms=900.0), "commands": 0},  # published nothing: closed no loop
    ]
    line = summary_line(measured(traces))
    assert (line["episodes"], line["successes"], line["control_hz"], line["missed"]) == (2, 1, 80.0, 0.05)
    assert line["cloud_ms"] == [51.0, 100.0]
    assert line["inference_ms"] == [2.0, 2.0]
    assert line["loop_ms"][0] == pytest.approx(4.0)
    assert dict(zip(HEADINGS, cells(line), strict=True)) == {
        "task": "sweep",
        "policy": "student, 1 step",
        "mode": "lockstep",
        "success": "1/2",
        "control rate": "80 Hz",
        "missed steps": "5.0 %",
        "depth→cloud": "51.0 / 100.0",
        "inference": "2.0 / 2.0",
        "gate+publish": "0.5 / 0.5",
        "whole loop": f"{line['loop_ms'][0]:.1f} / {line['loop_ms'][1]:.1f}",
    }


def test_a_run_in_which_nothing_was_answered_is_shown_without_times(tmp_path: Path) -> None:
    silent, answered = summary_line(measured([])), summary_line(measured([answer("policy_node")]))
    assert cells(silent)[-4:] == ["–"] * 4
    latency_plot([silent, answered], tmp_path / "latency.png")
    assert (tmp_path / "latency.png").stat().st_size > 5_000
