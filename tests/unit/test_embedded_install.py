"""What an installation of the embedded runtime holds, outside of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

PROJECT = Path(__file__).parents[2] / "embedded_ros"


def test_an_installation_has_every_module_and_definition(tmp_path: Path) -> None:
    source = shutil.copytree(PROJECT, tmp_path / "source", ignore=shutil.ignore_patterns("build", "*.egg-info"))
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([*command, str(source)], check=True, timeout=300)
    (wheel,) = tmp_path.glob("*.whl")
    package = PROJECT / "embedded_ros"
    files = {str(path.relative_to(PROJECT)) for path in package.rglob("*") if path.is_file()}
    wanted = {name for name in files if "__pycache__" not in name}
    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()
    assert any(name.endswith("standins/rclpy/node.py") for name in wanted)


def test_make_keeps_a_sourced_ros_out_of_its_environment() -> None:
    sourced = {"PYTHONPATH": "/opt/ros/jazzy/lib/python3", "AMENT_PREFIX_PATH": "/opt/ros/jazzy", "ROS_DISTRO": "jazzy"}
    command = ["make", "--no-print-directory", "--eval", "environment:;@env", "environment"]
    shown = subprocess.run(
        command, cwd=PROJECT.parent, env={**os.environ, **sourced}, check=True, capture_output=True, text=True
    ).stdout
    assert {line.partition("=")[0] for line in shown.splitlines()} & sourced.keys() == set()
