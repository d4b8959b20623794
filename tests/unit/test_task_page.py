"""docs/tasks.md and the lines that it is made from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from sdm_core.contract import Contract
from sdm_core.results import append_result, read_results
from sdm_sim.programs import tasks
from sdm_sim.registry import public_families, task_names
from sdm_sim.task_measurement import measure
from sdm_sim.task_page import page
from sdm_sim.task_pictures import sheet_name

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def line() -> dict[str, Any]:
    return measure("fork/reach", episodes=2)


def test_a_measured_task_s_line_says_what_it_is_and_how_good_its_expert(line: dict[str, Any]) -> None:
    assert (line["kind"], line["task"], line["expert"]) == ("task", "fork/reach", "scripted")
    assert (line["states"], line["actions"]) == (3, 3)
    assert (line["successes"], line["episodes"]) == (2, 2)
    assert line["demo_s"] > 0
    assert line["steps_per_s"] > 1


def test_a_task_without_an_expert_is_measured_without_one() -> None:
    line = measure("pusht/push-t", episodes=2)
    assert (line["successes"], line["ci95"], line["demo_s"]) == (None, None, None)
    assert "| recorded by people | – | – |" in page([line])


def test_every_task_has_a_row_and_only_measured_ones_have_figures(line: dict[str, Any]) -> None:
    rows = [row for row in page([line]).splitlines() if row.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == list(task_names())
    assert [row.split("`")[1] for row in rows if not row.endswith("| not measured |")] == ["fork/reach"]


def test_the_last_line_counts_and_each_kind_of_expert_has_a_row(line: dict[str, Any]) -> None:
    network = {**line, "task": "adroit/pen", "expert": "network", "successes": 1, "ci95": [0.1, 0.9]}
    planner = {**network, "expert": "planner", "successes": 0, "ci95": [0.0, 0.7]}
    text = page([network, planner, {**network, "successes": 2, "ci95": [0.3, 1.0]}])
    assert "| network | 100 [30, 100] of 2 |" in text
    assert "| planner | 0 [0, 70] of 2 |" in text
    assert "50 [10, 90]" not in text


def test_speeds_are_shown_where_they_were_measured_the_last_of_each(line: dict[str, Any]) -> None:
    assert "## Speeds" not in page([line])
    origin = {"date": "2026-01-02", "commit": "abc", "machine": "M, 2 cores"}
    sweep = {"kind": "demonstrations", "family": "fork", "tasks": 1, "episodes": 10, "workers": 2, **origin}
    evaluation = {"kind": "evaluation", "checkpoint": "models/a", "nfe": 1, "inference_share": 0.16, **origin}
    cost = {"episodes": 4, "identical": 3, "open_s": 0.44, "open_mb": 90}
    text = page(
        [
            {**sweep, "wall_s": 99.0, "cpu_s": 99.0},
            {**sweep, "wall_s": 30.4, "cpu_s": 50.0},
            {**evaluation, "steps_per_s": 512.8},
            {**evaluation, "environments": 8, "steps_per_s": 600, **cost},
        ]
    )
    assert "10 demonstrations of 1 tasks, `sdm-demos task=fork workers=2` | 30 s, 50 CPU s | 2026-01-02, abc," in text
    assert "99 s" not in text
    assert "| evaluation of `models/a`, 1 NFE, `environments=1` | 513 steps/s, 16 % of it inference |" in text
    as_alone = "3 of 4 episodes bit for bit as with one; 0.4 s and 90 MB to open one"
    assert f"1 NFE, `environments=8` | 600 steps/s, 16 % of it inference; {as_alone} |" in text


def test_the_program_writes_the_page_of_what_was_measured(
    line: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, written = tmp_path / "tasks.jsonl", tmp_path / "tasks.md"
    append_result(results, line)
    monkeypatch.setattr(sys, "argv", ["sdm-tasks", "--results", str(results), "--page", str(written)])
    tasks.main()
    assert written.read_text() == page([line])
    monkeypatch.setattr(sys, "argv", ["sdm-tasks", "adroit/dor", "--results", str(results), "--page", str(written)])
    with pytest.raises(SystemExit, match="sdm-tasks: unknown task 'adroit/dor'; did you mean adroit/door"):
        tasks.main()


def test_a_measurement_of_no_episodes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "tasks.jsonl"
    monkeypatch.setattr(sys, "argv", ["sdm-tasks", "fork/reach", "--episodes", "0", "--results", str(results)])
    with pytest.raises(SystemExit, match="2"):
        tasks.main()
    assert "--episodes 0: one at least" in capsys.readouterr().err
    assert not results.exists()


def test_a_contract_is_written_once_and_no_other_is_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "contract.yaml"
    monkeypatch.setattr(sys, "argv", ["sdm-tasks", "fork/reach", "--contract", str(file)])
    tasks.main()
    assert Contract.load(file).task == "fork/reach"
    file.write_text("task: a cell's own\n")
    with pytest.raises(SystemExit, match=r"contract\.yaml exists; name another file for the contract of fork/reach"):
        tasks.main()
    assert file.read_text() == "task: a cell's own\n"


def test_the_page_is_what_its_lines_give() -> None:
    text = page(read_results(ROOT / "benchmarks/results/tasks.jsonl"))
    assert (ROOT / "docs/tasks.md").read_text() == text, "run sdm-tasks and commit what it writes"


def test_every_family_has_its_sheet_of_pictures() -> None:
    assert all((ROOT / "docs/pictures" / sheet_name(family)).is_file() for family in public_families())
