"""Tables from result lines: what is not run is shown as not run, and nothing is added."""

from __future__ import annotations

from pathlib import Path

import pytest
from sdm_core.errors import DatasetError
from sdm_core.results import append_result, paired_difference, wilson
from sdm_training.programs.report import report
from sdm_training.report import PROTOCOL, best5_table, newest, success_lines, success_table, timing_table


def success(task: str, method: str, nfe: int, quarter: str) -> dict:
    outcomes = 25 * quarter
    low, high = wilson(outcomes.count("1"), len(outcomes))
    return {
        **PROTOCOL,
        "task": task,
        "method": method,
        "nfe": nfe,
        "successes": outcomes.count("1"),
        "outcomes": outcomes,
        "ci95": [low, high],
        "train_s": 120.0,
        "machine": "a machine",
    }


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
    lines = [success("metaworld/sweep", "sdm", 1, "1110"), success("metaworld/sweep", "dp3", 10, "1111")]
    table = success_table(lines, ["metaworld/sweep", "metaworld/soccer"], lambda task: "medium")
    sweep, soccer, mean = table.splitlines()[2:]
    assert "75 [66, 82]" in sweep
    assert "-25 [" in sweep
    assert "2.0 + 2.0" in sweep
    assert soccer.count("not run") == 6
    assert mean.count("–") >= 2


def test_the_best_five_stand_beside_the_final_checkpoint() -> None:
    final = success("metaworld/sweep", "dp3", 10, "1110")
    best = {**final, "protocol": "best5", "successes": 90, "curve": [[5, 9], [10, 18]]}
    assert "| `metaworld/sweep` | dp3 @ 10 | 9 18 | 90 | 75 |" in best5_table([best, final])
    assert "| not run |" in best5_table([best])
    assert best5_table([final]) == "Not run."


def test_the_newest_line_counts() -> None:
    lines = [success("a/b", "sdm", 1, "0000"), success("a/b", "sdm", 1, "0001")]
    found = newest(lines, task="a/b")
    assert found is not None
    assert found["successes"] == 25


@pytest.mark.parametrize(
    "other", [{"network": "paper"}, {"seed": 1}, {"episodes": 20}, {"eval_seed0": 0}, {"protocol": "best5"}]
)
def test_a_line_of_another_protocol_is_not_reported(other: dict) -> None:
    line = success("metaworld/sweep", "sdm", 1, "1110")
    assert success_lines([line, {**line, **other}], "metaworld/sweep")[0] is line
    assert success_lines([{**line, **other}], "metaworld/sweep")[0] is None


def test_a_timing_row_for_each_part_and_variant() -> None:
    line = {"kind": "timing", "what": "infer", "device": "cpu", "backend": "openvino", "threads": 1, "n": 9}
    lines = [{**line, "variant": name, "p50_ms": 1.0, "p99_ms": 2.0} for name in ("student", "teacher")]
    assert timing_table(lines).count("| `infer` |") == 2


def test_the_page_and_the_readme_are_made_from_the_lines(tmp_path: Path) -> None:
    append_result(tmp_path / "results" / "success.jsonl", success("metaworld/sweep", "sdm", 1, "1101"))
    readme, page = tmp_path / "README.md", tmp_path / "docs" / "results.md"
    readme.write_text("before\n<!-- results:begin -->\nold\n<!-- results:end -->\nafter\n")
    report(tmp_path / "results", page, readme)
    assert "| `metaworld/sweep` | medium | 75 [" in page.read_text()
    text = readme.read_text()
    assert "| `metaworld/sweep`" in text
    assert "old" not in text
    assert text.startswith("before")
    assert text.endswith("after\n")
    assert (tmp_path / "docs" / "pictures" / "success.png").stat().st_size > 10_000


def test_no_lines_no_page(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no success lines"):
        report(tmp_path / "results", tmp_path / "page.md", tmp_path / "README.md")
    assert not (tmp_path / "page.md").exists()
