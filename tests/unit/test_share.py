"""Finding an installed package's shared files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from sdm_core.errors import SdmError
from sdm_core.share import share_directory


def make(prefix: Path, package: str) -> Path:
    folder = prefix / "share" / package
    folder.mkdir(parents=True)
    return folder


def test_the_first_ament_prefix_that_has_the_package_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "a", "other")
    expected = make(tmp_path / "b", "arm")
    make(tmp_path / "c", "arm")
    monkeypatch.setenv("AMENT_PREFIX_PATH", os.pathsep.join(str(tmp_path / name) for name in "abc"))
    assert share_directory("arm") == expected


@pytest.mark.parametrize("path", ["", os.pathsep, None])
def test_without_ros_the_environment_s_own_prefix_serves(
    path: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path is None:
        monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    else:
        monkeypatch.setenv("AMENT_PREFIX_PATH", path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    expected = make(tmp_path, "arm")
    assert share_directory("arm") == expected


def test_an_unknown_package_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    with pytest.raises(SdmError, match="package 'no_such_package' is not installed"):
        share_directory("no_such_package")


def test_the_project_s_own_files_are_found() -> None:
    assert (share_directory("sdm_bringup") / "config" / "demos.yaml").is_file()
    assert (share_directory("sdm_interfaces") / "msg" / "ActionChunk.msg").is_file()
