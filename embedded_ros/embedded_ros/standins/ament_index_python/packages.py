from __future__ import annotations

import os
from pathlib import Path

from ament_index_python.search_paths import get_search_paths

_MARKERS = Path("share", "ament_index", "resource_index", "packages")


class PackageNotFoundError(KeyError):
    """No prefix holds the package. Its message is a plain line, not a quoted key."""

    def __str__(self) -> str:
        return str(self.args[0])


def get_packages_with_prefixes() -> dict[str, str]:
    """Every known package's name and prefix."""
    found: dict[str, str] = {}
    for prefix in get_search_paths():
        folder = Path(prefix) / _MARKERS
        if folder.is_dir():
            for marker in sorted(folder.iterdir()):
                found.setdefault(marker.name, prefix)
    return found


def get_package_prefix(package_name: str) -> str:
    """The prefix (such as /opt/ros/jazzy) in which the package is installed."""
    if not package_name or os.sep in package_name:
        raise ValueError(f"'{package_name}' is not a valid package name")
    for prefix in get_search_paths():
        if (Path(prefix) / _MARKERS / package_name).exists():
            return prefix
    raise PackageNotFoundError(f"package '{package_name}' not found, searching: {get_search_paths()}")


def get_package_share_directory(package_name: str) -> str:
    """`<prefix>/share/<package>`."""
    path = os.path.join(get_package_prefix(package_name), "share", package_name)
    if not os.path.isdir(path):
        raise PackageNotFoundError(f"package '{package_name}' is known, but its folder '{path}' does not exist")
    return path
