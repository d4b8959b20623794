"""Packages that only some families of tasks need."""

from __future__ import annotations

from importlib.util import find_spec

from sdm_core.errors import TaskError


def require_package(task: str, package: str, install: str) -> None:
    """Raises TaskError where a package that a task needs is not there; `install` is what would bring it."""
    if find_spec(package.replace("-", "_")) is None:
        raise TaskError(f"{task} needs the package {package}: {install}")
