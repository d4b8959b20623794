"""The arrows of the design: who may import whom, and that no file is ever unpickled."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "sdm_core": ROOT / "ros2_ws/src/sdm_core/sdm_core",
    "sdm_policy_node": ROOT / "ros2_ws/src/sdm_policy_node/sdm_policy_node",
    "sdm_cockpit": ROOT / "ros2_ws/src/sdm_cockpit/sdm_cockpit",
    "sdm_training": ROOT / "ros2_ws/src/sdm_training/sdm_training",
    "sdm_sim": ROOT / "sim/sdm_sim",
    "sdm_sim.bridge": ROOT / "sim/sdm_sim/bridge",
    "embedded_ros": ROOT / "embedded_ros/embedded_ros",
    "launch files": ROOT / "launch",
    "benchmarks": ROOT / "benchmarks",
}
PROJECT = {
    "sdm_core", "sdm_policy_node", "sdm_cockpit", "sdm_training", "sdm_sim", "embedded_ros", "sdm_interfaces",
}  # fmt: skip
# Modules of ROS 2, real or stood in for.
ROS = {
    "rclpy", "launch", "launch_ros", "tf2_ros", "tf2_geometry_msgs", "message_filters", "diagnostic_updater",
    "sensor_msgs_py", "ament_index_python", "std_msgs", "std_srvs", "sensor_msgs", "geometry_msgs", "trajectory_msgs",
    "builtin_interfaces", "lifecycle_msgs", "rosgraph_msgs", "tf2_msgs", "diagnostic_msgs", "rcl_interfaces",
    "sdm_interfaces", "action_msgs", "control_msgs", "controller_manager_msgs", "franka_msgs", "moveit_msgs",
    "nav_msgs", "realsense2_camera_msgs", "unique_identifier_msgs", "visualization_msgs",
}  # fmt: skip
TORCH = {"torch", "torchvision", "tensorboard", "diffusers"}

# What each package must not import.
FORBIDDEN = {
    "sdm_core": (PROJECT - {"sdm_core"}) | ROS | TORCH | {"mujoco", "metaworld", "hydra"},
    "sdm_policy_node": {"sdm_cockpit", "sdm_training", "sdm_sim", "embedded_ros", "mujoco", "metaworld"} | TORCH,
    "sdm_cockpit": {"sdm_training", "sdm_sim", "embedded_ros", "mujoco", "metaworld"} | TORCH,
    "sdm_training": {"sdm_policy_node", "sdm_cockpit", "embedded_ros"} | ROS,
    "sdm_sim": {"sdm_training", "sdm_policy_node", "sdm_cockpit", "embedded_ros"} | ROS | TORCH,
    "sdm_sim.bridge": {"sdm_training", "sdm_policy_node", "sdm_cockpit", "embedded_ros"} | TORCH,
    "embedded_ros": {"sdm_core", "sdm_policy_node", "sdm_cockpit", "sdm_training", "sdm_sim"} | TORCH,
    "launch files": {"sdm_training", "embedded_ros"} | TORCH,
    "benchmarks": {"embedded_ros"},
}


@dataclass(frozen=True)
class Import:
    """One import: the file, its line, and the full name of the module."""

    path: Path
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: imports {self.module}"


def files_of(package: str) -> list[Path]:
    """The package's sources; what has an entry of its own is not counted in."""
    folder = PACKAGES[package]
    nested = [other for other in PACKAGES.values() if other != folder and other.is_relative_to(folder)]
    return [path for path in sorted(folder.rglob("*.py")) if not any(path.is_relative_to(other) for other in nested)]


def imports_of(path: Path) -> Iterator[Import]:
    """All imports of a file, also those within functions, by name and by importlib."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (Import(path, node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield Import(path, node.lineno, node.module)
            yield from (Import(path, node.lineno, f"{node.module}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in (
            "importlib.import_module",
            "import_module",
            "__import__",
        ):
            name = node.args[0] if node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield Import(path, node.lineno, name.value)


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_along_the_arrows(package: str) -> None:
    wrong = [
        str(found)
        for path in files_of(package)
        for found in imports_of(path)
        if found.module.split(".")[0] in FORBIDDEN[package]
        # The stand-ins are these modules.
        and not (package == "embedded_ros" and found.module.split(".")[0] in ROS)
    ]
    assert wrong == []


def test_imports_are_found_wherever_they_hide(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text(
        "import numpy as np\nfrom a.b import c\nfrom . import near\n"
        "def f():\n    import torch.nn\n    return importlib.import_module('rclpy.node')\n"
    )
    assert {found.module for found in imports_of(source)} == {"numpy", "a.b", "a.b.c", "torch.nn", "rclpy.node"}


# Of Python 3.11 and later; the nodes also run on Humble's 3.10.
NEWER = {
    "tomllib", "typing.Self", "typing.Never", "typing.LiteralString", "typing.assert_never", "typing.override",
    "enum.StrEnum", "datetime.UTC", "contextlib.chdir", "itertools.batched",
}  # fmt: skip


@pytest.mark.parametrize("package", ["sdm_core", "sdm_policy_node", "sdm_cockpit", "embedded_ros"])
def test_what_the_nodes_need_runs_on_python_3_10(package: str) -> None:
    wrong = [str(found) for path in files_of(package) for found in imports_of(path) if found.module in NEWER]
    assert wrong == []
    for path in files_of(package):
        ast.parse(path.read_text(), str(path), feature_version=(3, 10))


def test_the_packages_are_where_this_test_looks() -> None:
    named = ("sdm_core", "sdm_sim", "sdm_sim.bridge", "sdm_policy_node", "sdm_cockpit", "sdm_training", "embedded_ros")
    for package in named:
        assert files_of(package), package


def test_the_simulation_s_own_parts_do_not_need_its_bridge() -> None:
    wrong = [
        str(found)
        for path in files_of("sdm_sim")
        for found in imports_of(path)
        if found.module.startswith("sdm_sim.bridge")
    ]
    assert wrong == []


def rooms_of(package: str) -> dict[str, set[str]]:
    """Of each folder of a package, the other folders of it that its files import from."""
    base = PACKAGES[package]
    rooms: dict[str, set[str]] = {path.parent.name: set() for path in base.glob("*/__init__.py")}
    for path in files_of(package):
        room = path.relative_to(base).parts[0]
        for found in imports_of(path) if room in rooms else ():
            if found.module.startswith(f"{package}."):
                other = found.module.split(".")[1]
                rooms[room] |= {other} & (rooms.keys() - {room})
    return rooms


def test_the_core_s_rooms_stand_alone() -> None:
    assert {room: others for room, others in rooms_of("sdm_core").items() if others} == {"runtime": {"backends"}}


@pytest.mark.parametrize("package", ["sdm_policy_node", "sdm_sim"])
def test_no_two_rooms_of_a_package_need_each_other(package: str) -> None:
    rooms = rooms_of(package)
    assert any(rooms.values())
    graphlib.TopologicalSorter(rooms).prepare()  # raises CycleError


def test_what_makes_a_policy_needs_no_one_who_tells_of_it() -> None:
    rooms = rooms_of("sdm_training")
    telling = {"programs", "benchmark", "report", "failures", "zoo"}
    assert telling < rooms.keys()
    making = {room: others for room, others in rooms.items() if room not in telling}
    assert {room: others & telling for room, others in making.items() if others & telling} == {}
    graphlib.TopologicalSorter(making).prepare()  # raises CycleError


# What would tell a node that it runs on the embedded runtime, or start that runtime's own command.
RUNTIME = ("embedded_ros", "ros2-embedded", "RMW_IMPLEMENTATION", "get_rmw_implementation_identifier")
# A person's command, no node: it starts `ros2 launch`, or what stands in for it.
LAUNCHERS = {PACKAGES["sdm_sim"] / "demo" / "runs.py"}


def test_no_node_asks_which_runtime_it_runs_on() -> None:
    wrong = [
        f"{path.relative_to(ROOT)} names {name}"
        for package in ("sdm_policy_node", "sdm_cockpit", "sdm_sim", "sdm_sim.bridge", "sdm_core", "launch files")
        for path in files_of(package)
        if path not in LAUNCHERS
        for name in RUNTIME
        if name in path.read_text()
    ]
    assert wrong == []
    assert all(path.is_file() for path in LAUNCHERS)


def test_the_conformance_cases_would_run_on_any_ros_2() -> None:
    """They import nothing of the embedded runtime, and reach into nothing's private parts."""
    cases = sorted((ROOT / "tests/wire").glob("*.py"))
    foreign = [
        str(found)
        for path in cases
        for found in imports_of(path)
        if found.module.split(".")[0] == "embedded_ros"
        or (found.module.split(".")[0] in ROS and any(part.startswith("_") for part in found.module.split(".")[1:]))
    ]
    reached = [
        f"{path.relative_to(ROOT)}:{node.lineno}: .{node.attr}"
        for path in cases
        for node in ast.walk(ast.parse(path.read_text(), str(path)))
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
        if not (isinstance(node.value, ast.Name) and node.value.id == "self")
    ]
    assert foreign + reached == []
    assert len(cases) > 15


def own_sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from files_of(package)


def test_no_pickle_is_ever_loaded() -> None:
    wrong = []
    for path in own_sources():
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            where = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
                if {name.split(".")[0] for name in names} & {
                    "pickle",
                    "cPickle",
                    "_pickle",
                    "dill",
                    "cloudpickle",
                    "joblib",
                }:
                    wrong.append(f"{where}: imports {names}")
            if not isinstance(node, ast.Call):
                continue
            call, keywords = ast.unparse(node.func), {each.arg: ast.unparse(each.value) for each in node.keywords}
            if keywords.get("allow_pickle", "False") != "False":
                wrong.append(f"{where}: {call} allows pickle")
            if call == "torch.load" and keywords.get("weights_only") != "True":
                wrong.append(f"{where}: torch.load without weights_only=True")
            if call.startswith("yaml.") and call.split(".")[1] in ("load", "unsafe_load", "full_load", "load_all"):
                wrong.append(f"{where}: {call} can run code")
    assert wrong == []


LIGHT = {
    "the core, all of it": "import pkgutil, sdm_core\n"
    "for module in pkgutil.walk_packages(sdm_core.__path__, 'sdm_core.'): __import__(module.name)",
    "the simulation": "import sdm_sim.registry, sdm_sim.rollout, sdm_sim.demonstrations, sdm_sim.programs.demos\n"
    "sdm_sim.registry.make_task('metaworld/reach').close()",
    "inference": "from sdm_core.backends import openvino, onnxruntime",
}


@pytest.mark.parametrize("what", LIGHT)
def test_the_demo_s_parts_run_without_torch_open3d_or_robosuite(what: str) -> None:
    heavy = ("torch", "open3d", "robosuite", "diffusers", "sdm_training")
    check = f"import sys\nprint([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{LIGHT[what]}\n{check}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_naming_the_tasks_does_not_start_the_simulator() -> None:
    code = (
        "import sys, sdm_sim.registry as r; r.task_names(); print('mujoco' in sys.modules, 'metaworld' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"
