"""Who needs a token, and where it comes from."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from sdm_cockpit.page_token import page_token
from sdm_core.errors import ContractError


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_none_is_asked_for(host: str) -> None:
    assert page_token(host, "") == ("", "")


def test_a_network_gets_a_new_one_at_every_start_in_a_file_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (token, line), (other, _) = page_token("0.0.0.0", ""), page_token("0.0.0.0", "")
    assert len(token) >= 12
    assert token != other
    path = Path(line.removeprefix("the token is in "))
    assert path.read_text().strip() == token
    assert path.stat().st_mode & 0o077 == 0, "others of this machine must not read it"
    assert token not in line


def test_that_of_a_file_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("correct horse battery\n")
    assert page_token("127.0.0.1", str(path)) == ("correct horse battery", f"the token is in {path}")


@pytest.mark.parametrize(("text", "line"), [(None, "cannot be read"), ("short", "holds no 8 letters")])
def test_a_file_without_a_token_is_one_line(tmp_path: Path, text: str | None, line: str) -> None:
    path = tmp_path / "token"
    if text:
        path.write_text(text)
    with pytest.raises(ContractError, match=line):
        page_token("0.0.0.0", str(path))
