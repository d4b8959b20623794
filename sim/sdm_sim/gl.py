"""How MuJoCo renders here. It decides on import, so this runs before mujoco is imported anywhere."""

from __future__ import annotations

import ctypes
import os

_CANDIDATES = {"egl": ("libEGL.so.1", "libGL.so.1"), "osmesa": ("libOSMesa.so.8",)}


def choose_gl() -> str:
    """Sets MUJOCO_GL to the first headless renderer whose libraries load, else to `disable`; a user's own setting
    stays."""
    chosen = os.environ.get("MUJOCO_GL") or next((name for name in _CANDIDATES if _loads(name)), "disable")
    os.environ["MUJOCO_GL"] = chosen
    if chosen == "egl":
        os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    return chosen


def rendering_available() -> bool:
    """Whether images can be rendered; depth never needs it (see depth_camera.py)."""
    return os.environ.get("MUJOCO_GL", "disable").lower() not in ("disable", "disabled", "off", "false", "0")


def _loads(name: str) -> bool:
    try:
        for library in _CANDIDATES[name]:
            ctypes.CDLL(library)
    except OSError:
        return False
    return True
