"""Locks, the queue and the workers of sdm-benchmark: each job once, and one that fails or dies is alone in it."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest
from helpers.jobs import ToyJob, toy_job
from rich.console import Console
from sdm_core.errors import SdmError
from sdm_training.benchmark.job_queue import JobQueue
from sdm_training.benchmark.plan import Plan
from sdm_training.benchmark.run_job import Finished, run_job
from sdm_training.benchmark.runners.local import LocalRunner, LocalSettings
from sdm_training.programs.benchmark import BenchmarkError, work
from sdm_training.runs.lock import Held, is_held, lock

HOLD = """
import sys, time
from pathlib import Path
from sdm_training.runs.lock import lock
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds tmp_path / "a.lock"."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "a.lock")], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_lock_is_its_holder_s_until_that_one_is_dead(tmp_path, holder):
    path = tmp_path / "a.lock"
    assert is_held(path)
    with pytest.raises(Held, match=rf"held by process {holder.pid} on {socket.gethostname()}"), lock(path):
        pass
    holder.kill()
    holder.wait()
    assert path.exists(), "a killed holder leaves its file"
    assert not is_held(path)
    with lock(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
        assert is_held(path)
    assert not is_held(path)


def test_without_locks_it_is_one_line_what_to_do(tmp_path, monkeypatch):
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    path = tmp_path / "a.lock"
    path.touch()
    monkeypatch.setattr(fcntl, "flock", no_locks)
    message = r"a\.lock: No locks available; keep the runs on a filesystem that can lock files$"
    with pytest.raises(SdmError, match=message):
        is_held(path)
    with pytest.raises(SdmError, match=message), lock(path):
        pass


def test_of_many_that_ask_at_once_one_gets_the_lock(tmp_path):
    together, inside, held = threading.Barrier(8), [], threading.Event()

    def contend() -> None:
        together.wait()
        try:
            with lock(tmp_path / "a.lock"):
                inside.append(1)
                held.wait()
        except Held:
            inside.append(0)
        if len(inside) == 8:
            held.set()

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(inside) < 8:
        time.sleep(0.001)
    held.set()
    for thread in threads:
        thread.join()
    assert sum(inside) == 1


def test_a_job_runs_once_and_its_output_goes_to_its_log(tmp_path, capfd):
    job = toy_job(tmp_path, "a")
    for _ in range(2):
        finished = run_job(job)
        assert (finished.outcome, finished.note) == ("done", "made")
    assert job.product.read_text() == "made\n"
    assert "a at work" in job.log.read_text()
    assert "$ sdm-demos" in job.log.read_text()
    assert capfd.readouterr() == ("", "")
    print("after it, again to the terminal", flush=True)
    assert capfd.readouterr().out == "after it, again to the terminal\n"


@pytest.mark.parametrize(
    ("ending", "note"),
    [("project error", "no such task"), ("bug", r"ZeroDivisionError: a bug \(see .*/runs/jobs/a\.log\)")],
)
def test_an_error_is_one_line_and_its_traceback_is_in_the_log(tmp_path, ending, note):
    job = toy_job(tmp_path, "a", ending=ending)
    finished = run_job(job)
    assert finished.outcome == "failed"
    assert re.fullmatch(note, finished.note)
    assert "Traceback" in job.log.read_text()
    assert not is_held(job.lock)


def test_a_job_that_another_process_is_at_is_left_to_it(tmp_path):
    job = toy_job(tmp_path, "a")
    with lock(job.lock):
        assert run_job(job).outcome == "busy"
    assert not job.product.exists()


class Book:
    """A queue, and what it has told."""

    def __init__(self, *jobs: ToyJob) -> None:
        self.started: list[str] = []
        self.ended: dict[str, str] = {}
        self.queue = JobQueue(jobs, lambda job: self.started.append(job.name), self._end)

    def _end(self, job: object, finished: Finished) -> None:
        self.ended[finished.name] = finished.outcome

    def take(self, count: int | None = None) -> list[str]:
        return [job.name for job in self.queue.take(count)]


def test_the_queue_hands_out_what_is_ready_in_order_and_once(tmp_path):
    a, b, c, d = (
        toy_job(tmp_path, "a"),
        toy_job(tmp_path, "b", "a"),
        toy_job(tmp_path, "c"),
        toy_job(tmp_path, "d", "x"),
    )
    book = Book(a, b, c, d)
    assert book.take(1) == ["a"]
    assert book.take() == ["c", "d"], "what a job needs and is not in the plan is there already"
    assert book.take() == []
    book.queue.settle(Finished("a", "done", ""))
    assert book.take() == ["b"]
    assert book.queue.left == 3


def test_what_needs_a_failed_job_is_blocked_and_nothing_else(tmp_path):
    book = Book(*(toy_job(tmp_path, *names) for names in (("a",), ("b", "a"), ("c", "b"), ("d",))))
    assert book.take() == ["a", "d"]
    book.queue.settle(Finished("a", "failed", "no"))
    book.queue.settle(Finished("d", "done", ""))
    assert book.take() == []
    assert book.ended == {"a": "failed", "b": "blocked", "c": "blocked", "d": "done"}
    assert book.queue.left == 0


def test_what_another_process_does_is_waited_for_and_taken_as_done(tmp_path):
    a, b = toy_job(tmp_path, "a"), toy_job(tmp_path, "b", "a")
    book = Book(a, b)
    with lock(a.lock):
        assert book.take() == []
    assert book.take() == ["a"]
    book.queue.settle(Finished("a", "busy", "another process is at it"))
    a.make()  # as the other process does
    assert book.take() == ["b"]
    assert book.ended["a"] == "done"


def run_locally(*jobs: ToyJob, workers: int = 2) -> str:
    """Runs jobs as sdm-benchmark does; returns what it has printed."""
    screen = io.StringIO()
    try:
        work(Plan(list(jobs), 0, []), LocalRunner(LocalSettings(workers=workers)), Console(file=screen, width=300))
    except BenchmarkError as error:
        screen.write(f"error: {error}")
    return screen.getvalue()


def test_workers_run_everything_but_what_fails_or_dies(tmp_path):
    screen = run_locally(
        toy_job(tmp_path, "bad", ending="project error"),
        toy_job(tmp_path, "dead", ending="death"),
        toy_job(tmp_path, "good"),
        toy_job(tmp_path, "after_bad", "bad"),
        toy_job(tmp_path, "after_good", "good"),
    )
    assert sorted(path.stem for path in tmp_path.glob("*.product")) == ["after_good", "good"]
    assert "failed bad: no such task" in screen
    assert "failed dead: its worker ended with status -9" in screen
    assert screen.endswith("2 of 5 jobs failed, 1 that need them were not begun; the same command tries them again")
    # A second call tries what has failed again, and repeats nothing else.
    run_locally(toy_job(tmp_path, "bad"), toy_job(tmp_path, "good"), toy_job(tmp_path, "after_bad", "bad"))
    assert sorted(path.stem for path in tmp_path.glob("*.product")) == ["after_bad", "after_good", "bad", "good"]
    assert (tmp_path / "good.product").read_text() == "made\n"


def test_two_benchmarks_on_the_same_folder_share_the_work(tmp_path):
    jobs = [toy_job(tmp_path, f"job{number}", takes_s=0.1) for number in range(6)]
    screens: list[str] = []
    both = [threading.Thread(target=lambda: screens.append(run_locally(*jobs))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert len(screens) == 2
    assert not any("failed" in screen for screen in screens)
    for job in jobs:
        assert job.product.read_text() == "made\n"
        assert len(job.product.with_suffix(".attempts").read_text().split()) == 1
