"""A slow run is not taken for one that hangs."""

from __future__ import annotations

from pathlib import Path

from sdm_sim.demo.signs_of_life import SignsOfLife


def test_a_run_lives_as_long_as_one_of_its_files_grows(tmp_path: Path) -> None:
    log, results = tmp_path / "run.log", tmp_path / "run.jsonl"
    signs = SignsOfLife((log, results), patience_s=60.0)
    assert signs.grown(1000.0)  # it begins
    for minute in range(1, 10):
        now = 1000.0 + 59.0 * minute
        assert not signs.missing(now)
        path = log if minute % 2 else results
        path.write_text(path.read_text() + "a line\n" if path.exists() else "a line\n")
        assert signs.grown(now)
        assert not signs.grown(now + 1.0)


def test_a_run_that_writes_nothing_is_given_up_in_the_end(tmp_path: Path) -> None:
    signs = SignsOfLife((tmp_path / "run.log",), patience_s=60.0)
    signs.grown(1000.0)
    signs.grown(1060.0)
    assert not signs.missing(1060.0)
    assert signs.missing(1060.1)
