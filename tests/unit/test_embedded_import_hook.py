"""Which rclpy a program gets: the real one wherever it is, and a clear line where it cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path


def start(code: str, **environment: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_ros_2_for_another_python_is_named_in_one_line(tmp_path: Path) -> None:
    package = tmp_path / "rclpy"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')\n")
    (package / "_rclpy_pybind11.cpython-38-x86_64-linux-gnu.so").touch()
    _, err = start("import rclpy", PYTHONPATH=str(tmp_path)).communicate(timeout=60)
    assert err.splitlines()[-1].startswith(f"ImportError: the sourced ROS 2 at {package} is built for another Python")


def test_a_real_rclpy_is_left_alone_and_so_are_its_messages(tmp_path: Path) -> None:
    (tmp_path / "rclpy").mkdir()
    (tmp_path / "rclpy" / "__init__.py").write_text("real = True\n")
    code = """
        import importlib.util, rclpy
        assert rclpy.real
        assert importlib.util.find_spec("launch_ros") is None
        assert importlib.util.find_spec("sensor_msgs") is None
    """
    child = start(code, PYTHONPATH=str(tmp_path))
    assert (child.communicate(timeout=60)[1], child.returncode) == ("", 0)


def test_a_folder_of_a_stand_ins_name_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "launch").mkdir()
    child = start("import launch; launch.LaunchDescription", PYTHONPATH=str(tmp_path))
    assert (child.communicate(timeout=60)[1], child.returncode) == ("", 0)
