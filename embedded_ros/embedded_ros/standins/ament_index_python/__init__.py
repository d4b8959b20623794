"""Where the installed packages are: the part of ROS 2's `ament_index_python` that nodes and launch files use."""

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
    get_packages_with_prefixes,
)
from ament_index_python.search_paths import get_search_paths

__all__ = [
    "PackageNotFoundError",
    "get_package_prefix",
    "get_package_share_directory",
    "get_packages_with_prefixes",
    "get_search_paths",
]
