"""rerun's SDK, which is an extra."""

from __future__ import annotations

from typing import Any

from sdm_core.errors import SdmError


def rerun_sdk() -> Any:
    """The module rerun. Raises SdmError where it is not installed."""
    try:
        import rerun  # pyright: ignore[reportMissingImports] (an extra)
    except ImportError as error:
        raise SdmError(f"rerun cannot be loaded ({error}); run `pip install 'sdm_cockpit[rerun]'`") from None
    return rerun
