"""Message packages that a robot's own software brings along: needed by those alone who choose that robot."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from sdm_core.errors import ContractError


def optional_interfaces(module: str, needed_by: str, *types: str) -> ModuleType:
    """The module, as in `franka_msgs.action`; `types` are those of it that not every release has.

    Raises ContractError naming what to install where the package is missing, cannot be loaded, or lacks a type.
    """
    package = module.split(".")[0]
    try:
        found = import_module(module)
    except ModuleNotFoundError:
        name = f"ros-$ROS_DISTRO-{package.replace('_', '-')}"
        raise ContractError(
            f"{needed_by} needs {package}, which is not there; install {name}, or build it and source its workspace"
        ) from None
    except ImportError as error:
        raise ContractError(
            f"{needed_by} needs {package}, which cannot be loaded: {error}; build it for this ROS and Python"
        ) from None
    if missing := [name for name in types if not hasattr(found, name)]:
        raise ContractError(
            f"{needed_by} needs {', '.join(missing)} of {module}, which this release lacks; take a newer ROS, or build "
            f"a newer {package} and source its workspace"
        )
    return found
