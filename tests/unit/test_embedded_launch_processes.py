"""No process outlives its launch, however either ends. Beyond what ROS 2's launch promises."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.launching import Launched, is_running, wait_until_gone

LAUNCH = [sys.executable, "-m", "embedded_ros.cli.main", "launch"]
LAUNCH_FILE = """
import sys
from launch import LaunchDescription
from launch.actions import ExecuteProcess, Shutdown

def generate_launch_description():
    script = [sys.executable, "-u", "-c", {script!r}]
    on_exit = Shutdown() if {required} else None
    process = ExecuteProcess(cmd=script, output="screen", sigterm_timeout="1", on_exit=on_exit)
    bystander = [ExecuteProcess(cmd=["sleep", "60"])] if {required} else []
    return LaunchDescription([*bystander, process])
"""
# The newest handler is asked first: before the one that stops the process.
RAISING_HANDLER = """
import sys
from launch import LaunchDescription
from launch.actions import ExecuteProcess, LogInfo, RegisterEventHandler
from launch.event_handlers import OnShutdown
from launch.substitutions import LaunchConfiguration

def generate_launch_description():
    process = ExecuteProcess(cmd=[sys.executable, "-u", "-c", {script!r}], output="screen")
    farewell = OnShutdown(on_shutdown=[LogInfo(msg=LaunchConfiguration("nosuch"))])
    return LaunchDescription([process, RegisterEventHandler(farewell)])
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

    def start(script: str, required: bool = False, text: str = LAUNCH_FILE) -> tuple[Launched, list[int]]:
        path = tmp_path / "test.launch.py"
        path.write_text(text.format(script=script, required=required))
        started.append(Launched([*LAUNCH, str(path)]))
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


def test_killed_process_leaves_no_child_behind(launch):
    launched, (parent, child) = launch(SLEEPER + REPORT + "time.sleep(60)")
    os.kill(parent, signal.SIGKILL)
    code, output = launched.finish()
    assert code == 0
    assert "exit code -9" in output
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


@pytest.mark.parametrize(
    ("end", "code"), [("sys.exit(0)", 0), ("sys.exit(3)", 1), ("os.kill(os.getpid(), 9)", 1)], ids=lambda end: str(end)
)
def test_end_of_a_required_process_is_the_end_of_all(launch, end, code):
    launched, _ = launch(f"import os, sys; print('pids', os.getpid()); {end}", required=True)
    ended, output = launched.finish()
    assert ended == code
    started = re.findall(r"started with pid \[(\d+)\]", output)
    assert len(started) == 2
    assert all(wait_until_gone(int(pid)) for pid in started)


def test_handler_that_raises_on_shutdown_keeps_no_process_alive(launch):
    waits = "import os, time; print('pids', os.getpid()); time.sleep(60)"
    launched, (pid,) = launch(waits, text=RAISING_HANDLER)
    launched.process.send_signal(signal.SIGTERM)
    code, output = launched.finish(timeout=30.0)
    assert code == 1
    assert output.count("launch configuration 'nosuch' does not exist") == 1
    assert wait_until_gone(pid)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to offer")
def test_full_disk_ends_neither_a_launch_nor_its_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")  # the limit would cut those files, too
    pid = tmp_path / "pid"
    # More than a pipe holds: were it not read, the process would wait for ever.
    chatter = "import os, time\nfor _ in range(2000): print('x' * 99)\n"
    file = tmp_path / "test.launch.py"
    script = f"{chatter}open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    file.write_text(LAUNCH_FILE.format(script=script, required=False))
    # The log may have a kilobyte, the screen nothing.
    command = ["bash", "-c", 'ulimit -f 1; exec "$@" > /dev/full', "bash", *LAUNCH, str(file)]
    launched = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert pid.exists()
        launched.send_signal(signal.SIGTERM)
        _, errors = launched.communicate(timeout=30)
    finally:
        launched.kill()
        launched.communicate()
    assert (launched.returncode, errors) == (0, "")
    assert wait_until_gone(int(pid.read_text()))
