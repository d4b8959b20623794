"""A 3Dconnexion SpaceMouse, through the library pyspacemouse (extra `spacemouse`)."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import SdmError

from sdm_policy_node.teleop.keyboard import Keyboard
from sdm_policy_node.teleop.operator_input import Key

_POLL_S = 0.005
# A cap that is held reports all the time; a silent device is let go, or unplugged.
_SILENT_S = 0.2
# Smaller deflections are the cap at rest.
_DEAD_ZONE = 0.05
_AXES = ("x", "y", "z", "roll", "pitch", "yaw")


class SpaceMouse:
    """Its cap moves, its first button toggles the gripper; the keyboard beside it does the rest."""

    def __init__(self, hold_s: float) -> None:
        """`hold_s`: of the keyboard beside it."""
        self._keyboard = Keyboard(hold_s)
        self._device: Any = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._twist, self._reported, self._heard = np.zeros(6), -1.0, 0.0
        self._pressed = False
        self._keys: list[Key] = []
        self._thread = threading.Thread(target=self._read, name="space_mouse", daemon=True)

    def open(self) -> None:
        try:
            import pyspacemouse  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise SdmError(
                "no SpaceMouse: the library pyspacemouse is missing; pip install 'sdm_policy_node[spacemouse]'"
            ) from None
        except Exception as error:  # it loads the system's libhidapi
            raise SdmError(f"no SpaceMouse: {error}; install libhidapi") from None
        try:
            self._device = pyspacemouse.open(axis_convention=pyspacemouse.AxisConvention.ROS)
        except Exception as error:
            raise SdmError(f"no SpaceMouse: {error}; plug it in, and allow reading /dev/hidraw*") from None
        self._keyboard.open()
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._device is not None:
            self._thread.join()
            self._device.close()
        self._keyboard.close()

    def twist(self) -> NDArray[np.float64]:
        with self._lock:
            silent = time.monotonic() - self._heard > _SILENT_S
            twist = np.zeros(6) if silent else np.where(np.abs(self._twist) > _DEAD_ZONE, self._twist, 0.0)
        return np.clip(twist + self._keyboard.twist(), -1.0, 1.0)

    def pressed(self) -> list[Key]:
        with self._lock:
            keys, self._keys = self._keys, []
        return keys + self._keyboard.pressed()

    def _read(self) -> None:
        while not self._stop.wait(_POLL_S):
            try:
                state = self._device.read()
            except Exception:  # unplugged: it falls silent
                return
            with self._lock:
                self._take(state)

    def _take(self, state: Any) -> None:
        if state.t == self._reported:
            return
        self._reported, self._heard = state.t, time.monotonic()
        self._twist = np.array([getattr(state, axis) for axis in _AXES], np.float64)
        pressed = bool(state.buttons and state.buttons[0])
        if pressed and not self._pressed:
            self._keys.append(Key.GRIPPER)
        self._pressed = pressed
