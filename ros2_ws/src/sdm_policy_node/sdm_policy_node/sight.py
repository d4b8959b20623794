"""Whether the policy still sees: its images come as often as they did, and can be used."""

from __future__ import annotations

import threading
from collections import deque
from itertools import pairwise
from statistics import median

# So many images show how often they come: enough for a late or a lost one not to matter.
_IMAGES = 9


class Sight:
    """Judges images by when they came, in ns of one steady clock; safe from any thread."""

    def __init__(self, silent_frames: int) -> None:
        """`silent_frames`: so many images that fail to come in a row are a silent camera; 0: none are."""
        self._silent_frames = silent_frames
        self._came: deque[int] = deque(maxlen=_IMAGES)
        self._judged_ns = 0
        self._refusal = ""
        self._lock = threading.Lock()

    def image(self, received_ns: int) -> None:
        """An image has come that has no fault of its own."""
        with self._lock:
            self._came.append(received_ns)

    def judged(self, received_ns: int, refusal: str) -> None:
        """The image that came then was refused for a reason, or used (empty). The judgement of the newest one counts,
        in whatever order they are judged."""
        with self._lock:
            if received_ns >= self._judged_ns:
                self._judged_ns, self._refusal = received_ns, refusal

    def refusal(self, now_ns: int) -> str:
        """Why the robot must not go on by what was seen last; empty where it may."""
        with self._lock:
            return self._refusal or self._silence(now_ns)

    def _silence(self, now_ns: int) -> str:
        if not self._silent_frames or len(self._came) < _IMAGES:
            return ""
        period_ns = median(later - earlier for earlier, later in pairwise(self._came))
        silent_ns = now_ns - self._came[-1]
        # Half a period later than the last of them was due: images come early and late.
        if silent_ns <= (self._silent_frames + 0.5) * period_ns:
            return ""
        return f"no image for {silent_ns / 1e6:.0f} ms, where one came every {period_ns / 1e6:.0f} ms; check the camera"
