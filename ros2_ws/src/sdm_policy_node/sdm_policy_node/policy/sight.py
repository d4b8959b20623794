"""Whether the policy still sees: its images come as often as they did, and can be used."""

from __future__ import annotations

import threading
from collections import deque
from itertools import pairwise
from statistics import median

# So many images show how often they come: enough for a late or a lost one not to matter.
_IMAGES = 9
# A driver that runs gives its first image sooner than this.
_FIRST_IMAGE_NS = 2_000_000_000


class Sight:
    """Judges images by when they came, in ns of one steady clock; safe from any thread."""

    def __init__(self, silent_frames: int) -> None:
        """`silent_frames`: so many images that fail to come in a row are a silent camera; 0: none are."""
        self._silent_frames = silent_frames
        self._came: deque[int] = deque(maxlen=_IMAGES)
        self._judged_ns = 0
        self._refusal = ""
        self._begun_ns = 0
        self._topic = ""
        self._lock = threading.Lock()

    def begin(self, now_ns: int, topic: str) -> None:
        """From now on images are expected, on this topic; what was seen before is forgotten."""
        with self._lock:
            self._came.clear()
            self._judged_ns, self._refusal = 0, ""
            self._begun_ns, self._topic = now_ns, topic

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
        if not self._silent_frames:
            return ""
        if not self._came and self._topic and now_ns - self._begun_ns > _FIRST_IMAGE_NS:
            waited_s = (now_ns - self._begun_ns) / 1e9
            return (
                f"no image has come on '{self._topic}' for {waited_s:.0f} s; is the driver running, "
                "is its namespace right?"
            )
        if len(self._came) < _IMAGES:
            return ""
        period_ns = median(later - earlier for earlier, later in pairwise(self._came))
        silent_ns = now_ns - self._came[-1]
        # Half a period later than the last of them was due: images come early and late.
        if silent_ns <= (self._silent_frames + 0.5) * period_ns:
            return ""
        return f"no image for {silent_ns / 1e6:.0f} ms, where one came every {period_ns / 1e6:.0f} ms; check the camera"
