"""The keys of a terminal."""

from __future__ import annotations

import os
import select
import sys
import termios
import threading
import time
import tty
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sdm_core.errors import SdmError

from sdm_policy_node.teleop.operator_input import Key

_POLL_S = 0.05
# Which axis of the twist a key moves, and which way.
_MOTIONS = {
    "w": (0, 1), "s": (0, -1), "a": (1, 1), "d": (1, -1), "r": (2, 1), "f": (2, -1),
    "o": (3, 1), "u": (3, -1), "i": (4, 1), "k": (4, -1), "j": (5, 1), "l": (5, -1),
}  # fmt: skip
_KEYS = {
    " ": Key.GRIPPER,
    "\r": Key.START,
    "\n": Key.START,
    "y": Key.SUCCESS,
    "n": Key.FAILURE,
    "x": Key.DISCARD,
    "0": Key.REST,
    "q": Key.QUIT,
}
HELP = """\
  w s  forwards, backwards    a d  left, right      r f  up, down          (base frame)
  i k  pitch                  u o  roll             j l  yaw
  space  gripper              0    rest: command nothing until the next key
  enter  start an episode     y  keep it: a success    n  keep it: a failure    x  discard it    q  quit"""


class Keyboard:
    """A terminal tells of no key's release: a key counts as held for `hold_s` after it came last. Held keys repeat."""

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self._lock = threading.Lock()
        self._held: dict[str, float] = {}
        self._keys: list[Key] = []
        self._stop = threading.Event()
        self._settings: list[Any] | None = None
        self._thread = threading.Thread(target=self._read, name="keyboard", daemon=True)

    def open(self) -> None:
        if not sys.stdin.isatty():
            raise SdmError("the keyboard is no terminal; run sdm-teleop in one, and not from a launch file")
        self._settings = termios.tcgetattr(sys.stdin)
        tty.setcbreak(sys.stdin)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._settings is not None:
            self._thread.join()
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._settings)

    def press(self, key: str) -> None:
        """A key has come."""
        with self._lock:
            if key in _KEYS:
                self._keys.append(_KEYS[key])
            elif key in _MOTIONS:
                self._held[key] = time.monotonic()

    def twist(self) -> NDArray[np.float64]:
        now, twist = time.monotonic(), np.zeros(6)
        with self._lock:
            for key, pressed in self._held.items():
                if now - pressed <= self._hold_s:
                    axis, way = _MOTIONS[key]
                    twist[axis] += way
        return twist

    def pressed(self) -> list[Key]:
        with self._lock:
            keys, self._keys = self._keys, []
        return keys

    def _read(self) -> None:
        terminal = sys.stdin.fileno()
        while not self._stop.is_set():
            if not select.select([terminal], [], [], _POLL_S)[0]:
                continue
            text = os.read(terminal, 64).decode(errors="ignore")
            if not text:  # the terminal is gone, and with it who held the keys
                self.press("q")
                return
            for key in text:
                self.press(key)
