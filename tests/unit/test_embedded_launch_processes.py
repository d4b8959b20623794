"""No process outlives its launch, however either ends. Beyond what ROS 2's launch promises."""

from __future__ import annotations

import signal
import sys

import pytest
from helpers.launching import Launched, is_running, wait_until_gone

LAUNCH_FILE = """
import sys
from launch import LaunchDescription
from launch.actions import ExecuteProcess, Shutdown

def generate_launch_description():
    script = [sys.executable, "-u", "-c", {script!r}]
    required = Shutdown() if {required} else None
    return LaunchDescription([ExecuteProcess(cmd=script, output="screen", sigterm_timeout="1", on_exit=required)])
"""
SLEEPER = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
)
REPORT = "import os; print('pids', os.getpid(), child.pid); "


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Starts a launch of one script; returns it and the process ids that the script reports."""
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    started: list[Launched] = []

    def start(script: str, required: bool = False) -> tuple[Launched, list[int]]:
        path = tmp_path / "test.launch.py"
        path.write_text(LAUNCH_FILE.format(script=script, required=required))
        started.append(Launched([sys.executable, "-m", "embedded_ros.cli.main", "launch", str(path)]))
        return started[-1], [int(pid) for pid in started[-1].wait_for("pids").split()]

    yield start
    for launched in started:
        launched.kill()


def test_crashed_process_leaves_no_child_behind(launch):
    launched, (parent, child) = launch(SLEEPER + REPORT + "os.abort()")
    code, output = launched.finish()
    assert code == 0
    assert "exit code -6" in output
    assert not is_running(parent)
    assert wait_until_gone(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signalled_launch_leaves_nothing_behind(launch, number):
    launched, pids = launch(SLEEPER + REPORT + "time.sleep(60)")
    launched.process.send_signal(number)
    launched.finish()
    assert all(wait_until_gone(pid) for pid in pids)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's death")
def test_killed_launch_takes_its_processes_along(launch):
    launched, (parent, _) = launch("import os, time; print('pids', os.getpid(), 0); time.sleep(60)")
    launched.process.kill()
    assert wait_until_gone(parent)


def test_second_interrupt_does_not_cut_the_orderly_stop_short(launch):
    busy = (
        "import os, signal, time\n"
        "def stop(*_):\n"
        "    print('closing'); time.sleep(0.5); print('file is whole'); os._exit(0)\n"
        "signal.signal(signal.SIGINT, stop); print('pids', os.getpid()); time.sleep(60)"
    )
    launched, _ = launch(busy)
    launched.process.send_signal(signal.SIGINT)
    launched.wait_for("closing")
    launched.process.send_signal(signal.SIGINT)
    _, output = launched.finish()
    assert "again, ignoring" in output
    assert "file is whole" in output
    assert "finished cleanly" in output


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3, 1)])
def test_death_of_a_required_process_fails_the_launch(launch, status, code):
    launched, _ = launch(f"import os, sys; print('pids', os.getpid()); sys.exit({status})", required=True)
    assert launched.finish()[0] == code
