"""The token that visitors from other machines need."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

from sdm_core.errors import ContractError

from sdm_cockpit.page.doorkeeper import is_this_machine

_LEAST_LETTERS = 8


def page_token(host: str, token_file: str) -> tuple[str, str]:
    """The token for a page on `host`, and a line for whoever starts it: both empty where only this machine reaches it
    and no file names one. A new token, in a new file, is made where none is named. Raises ContractError where the file
    holds none."""
    if token_file:
        try:
            token = Path(token_file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ContractError(f"parameter token_file: {token_file} cannot be read ({error}); write one") from None
        if len(token) < _LEAST_LETTERS:
            raise ContractError(f"parameter token_file: {token_file} holds no {_LEAST_LETTERS} letters; write more")
        return token, f"the token is in {token_file}"
    if is_this_machine(host):
        return "", ""
    token = secrets.token_urlsafe(9)
    # A log goes to files and over the network; this file is its owner's alone.
    handle, path = tempfile.mkstemp(prefix="sdm_cockpit_token_")
    with os.fdopen(handle, "w") as file:
        file.write(token + "\n")
    return token, f"the token is in {path}"
