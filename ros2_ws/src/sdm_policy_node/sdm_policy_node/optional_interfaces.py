"""Message packages that a robot's own software brings along: needed by those alone who choose that robot."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from sdm_core.errors import ContractError


def optional_interfaces(module: str, needed_by: str) -> ModuleType:
    """The module, as in `franka_msgs.action`. Raises ContractError naming what to install where it is missing."""
    package = module.split(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError:
        name = f"ros-$ROS_DISTRO-{package.replace('_', '-')}"
        raise ContractError(
            f"{needed_by} needs {package}, which is not there; install {name}, or build it and source its workspace"
        ) from None
