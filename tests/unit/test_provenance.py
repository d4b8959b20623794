"""The commit that a result line names is that of these sources, and nobody else's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from helpers.modules import module_at
from sdm_core import provenance

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def copy(tmp_path: Path) -> ModuleType:
    """The module as it is installed below a repository that somebody works in."""
    git(tmp_path, "init")
    (tmp_path / "notes.txt").write_text("theirs")
    git(tmp_path, "add", "notes.txt")
    git(tmp_path, "commit", "-m", "theirs")
    file = tmp_path / "venv" / "sdm_core" / "provenance.py"
    file.parent.mkdir(parents=True)
    shutil.copy(str(provenance.__file__), file)
    return module_at(file)


def test_a_copy_below_another_repository_does_not_give_that_one_s_commit(
    copy: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SDM_COMMIT", raising=False)
    assert copy.commit() == "unknown"
    monkeypatch.setenv("SDM_COMMIT", "0123456789ab")
    assert copy.commit() == "0123456789ab"


def test_a_copy_below_its_own_checkout_gives_that_one_s_commit_and_says_where_sources_differ(
    copy: ModuleType, tmp_path: Path
) -> None:
    source = tmp_path / copy._SOURCE
    source.parent.mkdir(parents=True)
    shutil.copy(str(provenance.__file__), source)
    git(tmp_path, "add", copy._SOURCE)
    git(tmp_path, "commit", "-m", "ours")
    head = git(tmp_path, "rev-parse", "--short=12", "HEAD")
    assert copy.commit() == head
    (tmp_path / "notes.txt").write_text("changed")
    assert copy.commit() == f"{head}-dirty"
