"""`ros2-embedded launch` and `run`: what they accept, print and refuse."""

from __future__ import annotations

import subprocess
import sys

import pytest
from helpers.launching import install_package

LAUNCH_FILE = """
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, LogInfo
from launch.substitutions import LaunchConfiguration

def generate_launch_description():
    return LaunchDescription([
        DeclareLaunchArgument("task", description="Task to run"),
        DeclareLaunchArgument("mode", default_value="lockstep", choices=["lockstep", "realtime"], description="Clock"),
        DeclareLaunchArgument("video", default_value="", description="Where to"),
        LogInfo(msg=["running ", LaunchConfiguration("task"), " in ", LaunchConfiguration("mode")]),
    ])
"""


@pytest.fixture
def ros2(tmp_path, monkeypatch):
    """Runs a command line; gives exit code, standard output and standard error."""
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.launch.py").write_text(LAUNCH_FILE)

    def run(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "embedded_ros.cli.main", *arguments], capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_arguments_reach_the_launch_file(ros2):
    code, output, _ = ros2("launch", "demo.launch.py", "task:=a:=b c", "mode:=realtime")
    assert code == 0
    assert "running a:=b c in realtime" in output


def test_show_args_lists_names_descriptions_defaults_and_choices(ros2):
    code, output, _ = ros2("launch", "demo.launch.py", "--show-args")
    assert code == 0
    assert output == (
        "Arguments (pass arguments as '<name>:=<value>'):\n\n"
        "    'task':\n        Task to run\n\n"
        "    'mode':\n        Clock. Valid choices are: ['lockstep', 'realtime']\n        (default: 'lockstep')\n\n"
        "    'video':\n        Where to\n        (default: '')\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo.launch.py"], '"task" (description: "Task to run") was not provided'),
        (
            ["demo.launch.py", "task:=x", "mode:=slow"],
            "\"slow\" is not valid. Valid options are: ['lockstep', 'realtime']",
        ),
        (["demo.launch.py", "tsk:=x"], "has no argument 'tsk', did you mean 'task'?"),
        (["demo.launch.py", "task=x"], "malformed launch argument 'task=x', expected format '<name>:=<value>'"),
        (["absent.launch.py"], "launch file 'absent.launch.py' was not found"),
        (["absent", "demo.launch.py"], "Package 'absent' not found"),
    ],
)
def test_mistakes_are_named_in_one_line(ros2, arguments, said):
    code, output, errors = ros2("launch", *arguments)
    assert code == 1
    assert [said in line for line in (output + errors).splitlines()].count(True) == 1
    assert "Traceback" not in output + errors


def test_output_of_all_processes_is_shown_when_asked_for(ros2, tmp_path):
    quiet = "launch.actions.ExecuteProcess(cmd=['echo', 'quiet'])"
    (tmp_path / "quiet.launch.py").write_text(
        f"import launch\ndef generate_launch_description():\n    return launch.LaunchDescription([{quiet}])\n"
    )
    _, output, _ = ros2("launch", "--noninteractive", "--show-all-subprocesses-output", "quiet.launch.py")
    assert "[echo-1] quiet\n" in output


def test_launch_file_of_a_package_is_found_below_its_share_folder(ros2, tmp_path, monkeypatch):
    install_package(tmp_path / "prefix", "cell", {})
    folder = tmp_path / "prefix" / "share" / "cell" / "launch"
    folder.mkdir()
    (folder / "cell.launch.py").write_text(LAUNCH_FILE)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    code, output, _ = ros2("launch", "cell", "cell.launch.py", "task:=pick")
    assert code == 0
    assert "running pick in lockstep" in output
    code, _, errors = ros2("launch", "cell", "sell.launch.py")
    assert code == 1
    assert "'sell.launch.py' was not found in the share directory of package 'cell'" in errors


def test_run_starts_the_executable_in_place_with_its_arguments(ros2, tmp_path, monkeypatch):
    install_package(tmp_path / "prefix", "cell", {"arm": "import sys\nprint(sys.argv[1:])\nsys.exit(7)\n"})
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    code, output, _ = ros2("run", "cell", "arm", "--ros-args", "-p", "a:=1")
    assert code == 7
    assert output == "['--ros-args', '-p', 'a:=1']\n"


def test_run_names_the_executables_there_are(ros2, tmp_path, monkeypatch):
    install_package(tmp_path / "prefix", "cell", {"arm": ""})
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    code, _, errors = ros2("run", "cell", "leg")
    assert code == 1
    assert errors == "executable 'leg' not found in package 'cell'; it has: arm\n"


def test_console_script_of_a_python_package_is_an_executable_of_it(ros2):
    code, output, _ = ros2("run", "pytest", "pytest", "--version")
    assert code == 0
    assert output.startswith("pytest")
