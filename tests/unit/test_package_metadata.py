"""What package.xml declares for rosdep and colcon: every ROS package that the code imports or a launch file runs."""

from __future__ import annotations

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
EMBEDDED = ROOT / "embedded_ros" / "embedded_ros"
PACKAGES = {
    "sdm_policy_node": ROOT / "ros2_ws/src/sdm_policy_node",
    "sdm_cockpit": ROOT / "ros2_ws/src/sdm_cockpit",
    "sdm_sim": ROOT / "sim",
}
# Modules that a package of another name installs.
INSTALLED_BY = {"tf2_ros": "tf2_ros_py"}


def ros_modules() -> set[str]:
    """All that ROS itself brings: message packages, ours among them, and the modules that have a stand-in."""
    messages = {path.name for path in (EMBEDDED / "interfaces/definitions").iterdir()}
    standard = {"builtin_interfaces", "diagnostic_msgs", "geometry_msgs", "rosgraph_msgs", "sdm_interfaces", "std_msgs"}
    return messages | standard | {path.name for path in (EMBEDDED / "standins").iterdir()}


def imported(package: Path) -> set[str]:
    """Top-level modules of all import statements of a package's sources."""
    found = set()
    for path in package.glob(f"{'sdm_sim' if package.name == 'sim' else package.name}/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
            elif isinstance(node, ast.Import):
                found |= {name.name.split(".")[0] for name in node.names}
    return found


def declared(package: Path) -> set[str]:
    """Packages that its package.xml depends on at run time."""
    return {entry.text or "" for entry in ElementTree.parse(package / "package.xml").iter("exec_depend")}


@pytest.mark.parametrize("name", PACKAGES)
def test_every_ros_package_that_is_imported_is_declared(name: str):
    modules = imported(PACKAGES[name]) & ros_modules()
    assert {"rclpy", "sensor_msgs", "sdm_interfaces"} <= modules
    assert {INSTALLED_BY.get(module, module) for module in modules} <= declared(PACKAGES[name])


def test_bringup_declares_what_its_launch_files_run():
    needs = declared(ROOT / "ros2_ws/src/sdm_bringup")
    assert set(PACKAGES) <= needs
    sources = "".join(path.read_text() for path in (ROOT / "launch").glob("*.launch.py"))
    assert '"ros2", "bag", "record", "--storage", "mcap"' in sources
    assert {"launch", "launch_ros", "ros2bag", "rosbag2_storage_mcap"} <= needs
