"""The report's pictures: written where there are lines, absent where there are none, equal for equal lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from helpers.result_lines import fault_line, latency_line, streaming_line, success_line, timing_line
from sdm_training.report import reliability
from sdm_training.report.core_comparison import TASKS
from sdm_training.report.estimate import Estimate
from sdm_training.report.learning_curves import curves
from sdm_training.report.page import pictures
from sdm_training.report.plots.canvas import COLUMN, WIDTH, errors
from sdm_training.report.plots.latency_histogram import latency_lines
from sdm_training.report.plots.speed_success import speed_points
from sdm_training.report.plots.streaming_jitter import longest_run
from sdm_training.report.plots.suite_bars import suite_bars, suite_rates
from sdm_training.report.policies import DP3, SDM, Policy
from sdm_training.report.suite_tasks import metaworld

NAMES = (
    "success",
    "core_success",
    "speed_success",
    "learning_curves",
    "latency_success",
    "suite_success",
    "latency_histogram",
    "fault_times",
    "streaming_jitter",
)


def lines() -> list[dict[str, Any]]:
    """A few policies on every core task, timed, and the snapshots of two trainings."""
    found = [timing_line("student, 1 NFE", 1.0), timing_line("teacher, 10 NFE", 2.5)]
    for task in TASKS:
        found += [success_line(task, method, nfe, "1110" * 25) for method, nfe in (("sdm", 1), ("dp3", 10), ("mip", 2))]
    found += [latency_line("sdm", 1, latency_ms) for latency_ms in (0.0, 25.0)]
    spread = {"histogram": [1, 5, 3], "histogram_edges_ms": [0.9, 1.0, 1.1, 1.2], "load": 1.5}
    found += [timing_line("student, 1 step, lockstep", 1.0, what="graph/infer", **spread)]
    found += [fault_line(), fault_line("inference_nan", max_ms=151.0), fault_line("disk_full", expected="goes on")]
    found += [streaming_line()]
    return found + [snapshot(step, seed) for step in (100, 200) for seed in (0, 1)]


def snapshot(step: int, seed: int) -> dict[str, Any]:
    line = success_line("fork/reach", "sdm", 1, ("1110" if seed else "1000") * 5)
    return {**line, "protocol": "snapshot", "seed": seed, "step": step, "train_s": step / 10 + seed}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two folders with the pictures of the same lines."""
    made = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    for folder in made:
        pictures(lines(), folder)
        reliability.pictures(lines(), folder)
    return made


def test_every_picture_is_written_as_png_and_svg_and_not_empty(folders: list[Path]) -> None:
    assert {file.name for file in folders[0].iterdir()} == {
        f"{name}.{kind}" for name in NAMES for kind in ("png", "svg")
    }
    assert all(file.stat().st_size > 5_000 for file in folders[0].iterdir())


def test_pictures_are_as_wide_as_a_column_or_a_page(folders: list[Path]) -> None:
    widths = {
        file.stem: float(re.findall(r'width="([\d.]+)pt"', file.read_text())[0]) for file in folders[0].glob("*.svg")
    }
    wide = {"core_success", "suite_success"}
    assert widths == {name: pytest.approx(72 * (WIDTH if name in wide else COLUMN)) for name in NAMES}


def test_equal_lines_give_equal_pictures(folders: list[Path]) -> None:
    for file in folders[0].iterdir():
        assert file.read_bytes() == (folders[1] / file.name).read_bytes(), file.name


def test_an_interval_that_rounding_carried_past_its_rate_has_no_negative_reach() -> None:
    assert errors(Estimate(1.0, 0.5, 1 - 1e-16)) == [[50.0], [0.0]]
    assert errors(Estimate(0.0, 1e-16, 0.5)) == [[0.0], [50.0]]


def test_snapshots_are_pooled_over_seeds_in_the_order_of_training() -> None:
    points = curves([snapshot(200, 0), snapshot(100, 1), snapshot(100, 0)])["fork/reach"][SDM]
    assert [(point.step, point.rate.value, point.seconds) for point in points] == [(100, 0.5, 10.5), (200, 0.25, 20.0)]


def test_the_evaluations_of_a_best_five_make_a_curve_without_seconds() -> None:
    best = success_line("a/b", "dp3", 10, "1" * 100, protocol="best5", curve=[[5, 10], [10, 20]])
    points = curves([best])["a/b"][DP3]
    assert [(point.step, point.rate.value, point.seconds) for point in points] == [(5, 0.5, None), (10, 1.0, None)]


def test_only_timed_policies_that_ran_on_all_compared_tasks_have_a_point() -> None:
    found = lines()
    assert {point.policy for point in speed_points(found)} == {SDM, DP3}  # mip's two evaluations were not timed
    found += [timing_line("two", 1.2, nfe=2), success_line("metaworld/sweep", "manicm", 1, "1110" * 25)]
    points = {point.policy: point for point in speed_points(found)}
    assert set(points) == {SDM, DP3, Policy("mip", 2)}
    assert points[SDM].rate.value == 0.75


def test_the_suite_is_metaworld_s_fifty_tasks_by_difficulty() -> None:
    assert {label: len(tasks) for label, tasks in metaworld().items()} == {
        "easy": 28,
        "medium": 11,
        "hard": 6,
        "very hard": 5,
    }


def test_of_a_suite_that_is_partly_run_only_that_part_is_shown(tmp_path: Path) -> None:
    partly = [success_line(task, "sdm", 1, "1110" * 25) for task in ("metaworld/sweep", "fork/reach")]
    partly.append({**success_line("metaworld/sweep-into", "sdm", 1, "1110" * 25), "network": "keypoint"})
    rates = suite_rates(partly)
    assert {label: list(tasks) for label, tasks in rates.items() if tasks} == {
        "medium": ["metaworld/sweep", "metaworld/sweep-into"]
    }
    assert rates["medium"]["metaworld/sweep"][SDM].value == 0.75
    suite_bars(partly, tmp_path / "partly")
    assert svg_text(tmp_path / "partly.svg") >= {"sweep", "medium: 1 of 11 tasks", "easy: 0 of 28 tasks", "not run"}


def test_a_suite_that_is_run_whole_names_each_of_its_tasks(tmp_path: Path) -> None:
    tasks = [task for of_label in metaworld().values() for task in of_label]
    drawn = [("sdm", 1, "keypoint"), ("sdm", 1, "small"), ("dp3", 10, "keypoint"), ("dp3", 10, "small")]
    drawn.append(("consistency", 1, "keypoint"))
    lines = [
        success_line(task, method, nfe, "1110" * 25, network=network)
        for task in tasks
        for method, nfe, network in drawn
    ]
    suite_bars(lines, tmp_path / "whole")
    found = svg_text(tmp_path / "whole.svg")
    assert {task.removeprefix("metaworld/") for task in tasks} <= found
    assert "not run" not in found


def test_of_equal_timings_the_newest_with_a_histogram_is_drawn() -> None:
    spread = {"histogram": [1], "histogram_edges_ms": [0.9, 1.1]}
    timed = [timing_line("student, 1 step, lockstep", p50, what="loop", **spread) for p50 in (1.0, 2.0)]
    without = timing_line("student, 1 step, lockstep", 3.0, what="loop")
    alone = timing_line("student, 1 NFE", 4.0, **spread)  # not of the graph
    assert [line["p50_ms"] for line in latency_lines([*timed, without, alone]).values()] == [2.0]


def test_of_equally_long_streaming_runs_the_newest_is_drawn() -> None:
    runs = [streaming_line(longest_ms=1.0), streaming_line(longest_ms=2.0), streaming_line(minutes=0.2)]
    run = longest_run(runs)
    assert run is not None
    assert run["longest_ms"] == 2.0


def test_only_faults_that_must_stop_the_arm_have_a_time(folders: list[Path]) -> None:
    found = svg_text(folders[0] / "fault_times.svg")
    assert {"camera_silent", "inference_nan"} <= found
    assert "disk_full" not in found


def svg_text(path: Path) -> set[str]:
    """The words of a picture, which matplotlib notes beside their outlines."""
    return set(re.findall(r"<!-- (.*?) -->", path.read_text()))


def test_no_lines_no_picture(tmp_path: Path) -> None:
    assert speed_points([]) == []
    assert curves([]) == {}
    pictures([], tmp_path)
    reliability.pictures([], tmp_path)
    assert [file.stem for file in tmp_path.glob("*.png")] == ["success"]  # whose tasks are given
