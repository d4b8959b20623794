"""Files and folders are on disk whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from sdm_core.atomic import atomic_file, atomic_folder, atomic_write


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with atomic_folder(target) as room:
        (room / "a").write_text("1")
        assert not target.exists()
    assert contents(target) == {"a": "1"}
    assert stat.S_IMODE(target.stat().st_mode) == 0o755
    assert [path.name for path in target.parent.iterdir()] == ["target"]


def test_a_folder_replaces_the_old_one_entirely(tmp_path: Path) -> None:
    target = tmp_path / "target"
    for name in ("old", "new"):
        with atomic_folder(target) as room:
            (room / name).write_text(name)
    assert contents(target) == {"new": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_folder_leaves_the_old_one_and_no_rubbish(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "a").write_text("old")

    def interrupted() -> None:
        with atomic_folder(target) as room:
            (room / "a").write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert contents(target) == {"a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_take_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (target / "a").write_text("old")
    rename = Path.rename

    def failing_rename(self: Path, to: Path) -> Path:
        if (self / "b").exists():
            raise OSError("no more room for names")
        return rename(self, to)

    monkeypatch.setattr(Path, "rename", failing_rename)

    def replace() -> None:
        with atomic_folder(target) as room:
            (room / "b").write_text("new")

    with pytest.raises(OSError, match="no more room"):
        replace()
    assert contents(target) == {"a": "old"}
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_file_is_replaced_whole_and_readable_by_others(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    atomic_write(target, b"old")
    atomic_write(target, b"new")
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sdm_core.atomic.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic_write(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(("suffix", "name"), [(None, ".film.partial.gif"), (".mp4", ".film.partial.mp4")])
def test_a_file_that_is_written_by_name_appears_whole(tmp_path: Path, suffix: str | None, name: str) -> None:
    target = tmp_path / "deep" / "film.gif"
    for text in ("old", "new"):
        with atomic_file(target, suffix) as partial:
            partial.write_text(text)
            assert partial == target.with_name(name)
    assert contents(tmp_path) == {"deep/film.gif": "new"}


def test_a_file_that_is_not_written_or_not_whole_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_text("old")

    def interrupted() -> None:
        with atomic_file(target) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with atomic_file(target):
        pass
    assert contents(tmp_path) == {"film.mp4": "old"}
