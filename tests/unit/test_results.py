"""Result lines and Wilson's interval."""

from __future__ import annotations

import errno
import fcntl
import itertools
import json
import multiprocessing
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy.stats import binomtest
from sdm_core.errors import DatasetError
from sdm_core.results import append_result, difference, mode_entropy, pairwise_disagreements, read_results, wilson

WRITERS, LINES = 4, 60


def write_lines(path: str, writer: int) -> None:
    for line in range(LINES):
        append_result(path, {"writer": writer, "line": line, "padding": "x" * (37 * line)})


def test_lines_come_back_in_order_from_a_folder_that_did_not_exist(tmp_path: Path) -> None:
    path = tmp_path / "results" / "a.jsonl"
    for index in range(3):
        append_result(path, {"index": index, "name": "émigré"})
    assert read_results(path) == [{"index": index, "name": "émigré"} for index in range(3)]
    assert len(path.read_text().splitlines()) == 3


def test_no_file_means_no_results(tmp_path: Path) -> None:
    assert read_results(tmp_path / "none.jsonl") == []


def test_concurrent_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_lines, args=(str(path), writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
        assert process.exitcode == 0
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for writer in range(WRITERS):
        assert [line["line"] for line in lines if line["writer"] == writer] == list(range(LINES))
    assert all(line["padding"] == "x" * (37 * line["line"]) for line in lines)


def test_a_writer_waits_for_another_that_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_result(path, {"writer": "first"})
    waiting = multiprocessing.get_context("fork").Process(target=append_result, args=(path, {"writer": "second"}))
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
        file.write('{"writer": "holder"}\n')
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)  # the forked process has this open file too, so that closing frees nothing
    waiting.join(10)
    assert waiting.exitcode == 0
    assert [line["writer"] for line in read_results(path)] == ["first", "holder", "second"]


def test_a_reader_waits_for_a_writer_in_the_middle_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    reader = context.Process(target=lambda: sender.send(read_results(path)), daemon=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write('{"line": ')
        file.flush()
        reader.start()
        assert not receiver.poll(0.3)
        file.write("1}\n")
        file.flush()
        fcntl.flock(file, fcntl.LOCK_UN)
    assert receiver.poll(10)
    assert receiver.recv() == [{"line": 1}]
    reader.join()


def test_a_line_is_kept_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    path = tmp_path / "results.jsonl"
    monkeypatch.setattr(fcntl, "flock", no_locks)
    append_result(path, {"without": "locks"})
    monkeypatch.setattr("sdm_core.results.fcntl", None)
    append_result(path, {"without": "fcntl"})
    assert [line["without"] for line in read_results(path)] == ["locks", "fcntl"]


def test_a_result_that_is_not_a_number_is_refused_and_nothing_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with pytest.raises(ValueError, match="JSON"):
        append_result(path, {"action_error": float("nan")})
    assert read_results(path) == []


def test_a_broken_line_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append_result(path, {"a": 1})
    path.write_text(path.read_text() + '{"a": \n')
    with pytest.raises(DatasetError, match=r"results\.jsonl:2: not valid JSON"):
        read_results(path)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 100), (100, 100), (85, 100), (3, 7), (599, 600)])
def test_wilson_s_interval_is_scipy_s(successes: int, trials: int) -> None:
    expected = binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_trial_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("ways", "outcomes", "entropy"),
    [
        ("LLLL", "1111", 0.0),
        ("LRLR", "1111", 1.0),
        ("LRRR", "1111", 0.8112781244591328),  # of 1/4 and 3/4, in bits
        ("LRRR", "1100", 1.0),  # failures do not count
        ("LL--", "1111", 0.0),
        ("LR", "00", 0.0),
        ("", "", 0.0),
    ],
)
def test_mode_entropy_is_that_of_the_ways_of_successes(ways: str, outcomes: str, entropy: float) -> None:
    assert mode_entropy(ways, outcomes) == pytest.approx(entropy, abs=1e-12)


def test_mode_entropy_is_in_units_of_all_modes_alike() -> None:
    assert mode_entropy("ABC", "111", modes=3) == pytest.approx(1.0)
    assert mode_entropy("ABAB", "1111", modes=4) == pytest.approx(0.5)


def test_a_policy_that_chooses_by_the_start_never_disagrees_with_itself() -> None:
    ways, outcomes = "LLLRRR", "111111"
    assert mode_entropy(ways, outcomes) == pytest.approx(1.0)
    assert pairwise_disagreements(ways, outcomes, repeats=3) == [0.0, 0.0]


@pytest.mark.parametrize("repeats", [2, 3, 5])
@pytest.mark.parametrize("modes", ["LR", "ABC"])
def test_the_disagreement_of_equally_likely_ways_is_1_in_expectation_for_any_number_of_tries(
    modes: str, repeats: int
) -> None:
    every = ["".join(ways) for ways in itertools.product(modes, repeat=repeats)]  # each as likely as any other
    ways = "".join(every)
    values = pairwise_disagreements(ways, "1" * len(ways), repeats, modes=len(modes))
    assert len(values) == len(every)
    assert statistics.fmean(values) == pytest.approx(1.0)


def test_a_difference_of_independent_rates_is_newcombe_s() -> None:
    published = (0.2, 0.0524, 0.3339)  # 56 of 70 and 48 of 80, his table II's method 10
    assert difference(56, 70, 48, 80) == pytest.approx(published, abs=5e-5)
    assert difference(48, 80, 56, 70) == pytest.approx((-0.2, -0.3339, -0.0524), abs=5e-5)
    with pytest.raises(DatasetError, match="70 and 0 trials cannot be compared"):
        difference(56, 70, 0, 0)


@pytest.mark.parametrize(("rate", "trials", "too_few"), [(0.5, 20, 10), (0.8, 100, 50)])
def test_so_many_trials_tell_a_policy_from_one_of_90_percent(rate: float, trials: int, too_few: int) -> None:
    """As docs/real_arm.md says."""
    for count, told in ((trials, True), (too_few, False)):
        _, low, _ = difference(round(0.9 * count), count, round(rate * count), count)
        assert (low > 0) is told


def test_a_disagreement_is_the_share_of_pairs_of_successes_that_differ() -> None:
    assert pairwise_disagreements("LLLR", "1111", repeats=4) == [pytest.approx(2 * 3 / 6)]
    assert pairwise_disagreements("LLLR", "1101", repeats=4) == [pytest.approx(2 * 2 / 3)]  # failures do not count


def test_starts_with_fewer_than_two_successes_tell_of_no_disagreement() -> None:
    assert pairwise_disagreements("LRLLLR", "110010", repeats=2) == [2.0]
    assert pairwise_disagreements("L-R-", "1111", repeats=2) == []


@pytest.mark.parametrize(
    ("refused", "reason"),
    [
        (lambda: mode_entropy("LR", "1"), "2 ways and 1 outcomes cannot be paired"),
        (lambda: mode_entropy("ABC", "111"), "the ways ABC are more than 2 modes"),
        (lambda: pairwise_disagreements("ABC", "111", repeats=3), "the ways ABC are more than 2 modes"),
        (lambda: pairwise_disagreements("LR", "111", repeats=2), "2 ways and 3 outcomes cannot be paired"),
        (lambda: pairwise_disagreements("LRL", "111", repeats=2), "3 episodes are not 2 of each start"),
    ],
)
def test_ways_that_tell_nothing_are_refused(refused: Callable[[], object], reason: str) -> None:
    with pytest.raises(DatasetError, match=reason):
        refused()
