"""Makes the stand-ins importable under their ROS names, only where no ROS 2 is importable.

Two finders, put on `sys.meta_path` when the interpreter starts (by `embedded_ros.pth` in site-packages). The one at the
front answers for the stand-ins' names alone: it leaves them to a real package, and must come before the path's finder
because a mere folder `launch` on the path would be found as a namespace package. The one at the end offers interface
packages (`sensor_msgs.msg`), after everything really installed has had its turn.
Every interpreter of the environment pays for this module's import, so it stays free of heavier ones.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from types import ModuleType

STANDINS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "standins")

# Kinds of interfaces: the modules of their packages, and the folders and endings of their definitions.
INTERFACE_KINDS = ("msg", "srv", "action")

# Endings of the interface packages that rosbags defines; a failed import of another name costs no look into them.
_STANDARD_ENDINGS = ("_msgs", "_interfaces", "_srvs", "rmw_dds_common")


def install() -> None:
    if not any(isinstance(finder, StandInFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, StandInFinder())
        sys.meta_path.append(InterfaceFinder())


class StandInFinder:
    """Finds `rclpy`, `launch`, … here, unless they are installed."""

    def __init__(self) -> None:
        names = (entry.name for entry in os.scandir(STANDINS) if entry.is_dir())
        self._names = {name for name in names if name.isidentifier() and not name.startswith("_")}

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if fullname not in self._names:
            return None
        if fullname == "rclpy":
            _refuse_foreign_ros()
        if _installed(fullname) or real_ros_is_importable():
            return None
        return PathFinder.find_spec(fullname, [STANDINS])


class InterfaceFinder:
    """Finds the modules `package`, `package.msg`, `.srv` and `.action` of packages that have interface definitions."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package, _, kind = fullname.partition(".")
        if kind not in ("", *INTERFACE_KINDS) or real_ros_is_importable() or not _is_interface_package(package):
            return None
        return ModuleSpec(fullname, InterfaceLoader(), is_package=not kind)  # type: ignore[arg-type]  # by its methods


class InterfaceLoader:
    """Fills a module `package.msg`, `package.srv` or `package.action` with classes made from the definitions."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        package, _, kind = module.__name__.partition(".")
        if kind:
            from .interfaces.message import interface_module

            interface_module(package, kind, module)


def real_ros_is_importable() -> bool:
    return _installed("rclpy") is not None


def ament_prefixes() -> list[str]:
    """AMENT_PREFIX_PATH, then the environment itself: pip puts `share/<package>` there."""
    listed = [entry for entry in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if entry]
    return [*listed, sys.prefix]


def _installed(name: str) -> ModuleSpec | None:
    """The spec of a real package: a folder without `__init__.py` is none."""
    spec = PathFinder.find_spec(name)
    return spec if spec is not None and spec.origin is not None else None


def _refuse_foreign_ros() -> None:
    """Name the clash where a ROS 2 built for another Python is sourced."""
    spec = _installed("rclpy")
    if spec is None or spec.origin is None:
        return
    folder = os.path.dirname(spec.origin)
    built = sorted(name for name in os.listdir(folder) if name.startswith("_rclpy_pybind11"))
    if built and not {f"_rclpy_pybind11{suffix}" for suffix in EXTENSION_SUFFIXES}.intersection(built):
        raise ImportError(
            f"the sourced ROS 2 at {folder} is built for another Python ({built[0]}), this is Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}: use that ROS 2's Python, or start from a shell where "
            "no ROS 2 is sourced to run on the embedded runtime"
        )


def _is_interface_package(package: str) -> bool:
    shares = [os.path.join(prefix, "share", package) for prefix in ament_prefixes()]
    if any(os.path.isdir(os.path.join(share, kind)) for share in shares for kind in INTERFACE_KINDS):
        return True
    if not package.endswith(_STANDARD_ENDINGS):
        return False
    from .interfaces.registry import is_interface_package

    return is_interface_package(package)
