"""The last few observations, aligned in time, as one network input."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Contract
from sdm_core.errors import ObservationError, StreamFault
from sdm_core.stream_guard import RESTART_NS


@dataclass(frozen=True)
class PolicyInput:
    """What a policy sees at `stamp_ns`, oldest first: state float64[T,S], cloud float32[C,N,channels] in the base frame
    (None where the contract has none), and images rgb8 uint8[I,H,W,3] of each camera."""

    stamp_ns: int
    state: NDArray[np.float64]
    cloud: NDArray[np.float32] | None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


class ObservationWindow:
    """Collects stamped states, clouds and images; gives the policy's input for the stamp of a cloud or image.

    States come at the control rate or faster, clouds and images often slower. The input of stamp t takes the states
    nearest to t, t−dt, … and the `steps` newest clouds, and images of each camera, up to t. At an episode's start the
    first ones are repeated, as DP3 does. A state that lies more than a second back is of a clock that was set back:
    everything begins anew.
    """

    def __init__(self, contract: Contract, max_age_s: float = 0.2, max_skew_s: float | None = None) -> None:
        cloud, images = contract.observation.cloud, contract.observation.images
        if cloud is None and not images:
            raise ObservationError("the contract observes neither a cloud nor images; a policy needs one of them")
        self._dt_ns = contract.dt_ns
        self._steps = contract.n_obs_steps
        self._max_age_ns = int(max_age_s * 1e9)
        self._max_skew_ns = contract.dt_ns // 2 if max_skew_s is None else int(max_skew_s * 1e9)
        # A frame may lag its states by the maximum age, and must still find them, however fast they come.
        self._history_ns = self._max_age_ns + (self._steps - 1) * self._dt_ns + self._max_skew_ns
        self._states: deque[tuple[int, NDArray[np.float64]]] = deque()
        self._clouds: deque[tuple[int, NDArray[np.float32]]] | None = deque(maxlen=cloud.steps) if cloud else None
        self._images: dict[str, deque[tuple[int, NDArray[np.uint8]]]] = {
            image.camera: deque(maxlen=image.steps) for image in images
        }
        self._first_state_ns: int | None = None

    def reset(self) -> None:
        """Forgets everything: a new episode begins."""
        for entries in (self._states, self._clouds, *self._images.values()):
            if entries is not None:
                entries.clear()
        self._first_state_ns = None

    def add_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        """Adds a state float64[S]. Raises ObservationError unless its stamp is newer than the last, or far older."""
        if self._states and self._states[-1][0] - stamp_ns > RESTART_NS:
            self.reset()
        self._refuse_backwards("state", stamp_ns, self._states)
        if self._first_state_ns is None:
            self._first_state_ns = stamp_ns
        self._states.append((stamp_ns, state))
        while self._states[0][0] < stamp_ns - self._history_ns:
            self._states.popleft()

    def add_cloud(self, stamp_ns: int, cloud: NDArray[np.float32]) -> None:
        """Adds a cloud float32[N,channels]. Raises ObservationError unless its stamp is newer than the last one."""
        if self._clouds is None:
            raise ObservationError("a cloud was given, and the contract observes none")
        self._refuse_backwards("cloud", stamp_ns, self._clouds)
        self._clouds.append((stamp_ns, cloud))

    def add_images(self, stamp_ns: int, images: Mapping[str, NDArray[np.uint8]]) -> None:
        """Adds an image rgb8 uint8[H,W,3] of each camera of the contract; else as add_cloud."""
        if images.keys() != self._images.keys():
            given, wanted = (", ".join(names) or "no camera" for names in (images, self._images))
            raise ObservationError(f"images of {given} were given, of {wanted} expected by the contract")
        for camera, image in images.items():
            self._refuse_backwards(f"{camera}'s image", stamp_ns, self._images[camera])
            self._images[camera].append((stamp_ns, image))

    def check_age(self, stamp_ns: int, now_ns: int) -> None:
        """Raises StreamFault where an observation is older than the maximum age or lies in the future."""
        age_ns = now_ns - stamp_ns
        if age_ns > self._max_age_ns:
            allowed = f"{self._max_age_ns / 1e6:.0f} ms allowed"
            raise StreamFault("stale", f"observation is {age_ns / 1e6:.0f} ms old, {allowed}")
        if age_ns < -self._max_skew_ns:
            ahead_ms = -age_ns / 1e6
            raise StreamFault("future", f"observation lies {ahead_ms:.0f} ms in the future; synchronise the clocks")

    def policy_input(self, stamp_ns: int) -> PolicyInput:
        """The input for the cloud and images of `stamp_ns`. Raises ObservationError if anything is missing or old."""
        cloud = None if self._clouds is None else self._newest("cloud", stamp_ns, self._clouds)
        images = {camera: self._newest(f"{camera}'s image", stamp_ns, seen) for camera, seen in self._images.items()}
        wanted = [stamp_ns - back * self._dt_ns for back in reversed(range(self._steps))]
        return PolicyInput(stamp_ns, np.stack([self._nearest(stamp) for stamp in wanted]), cloud, images)

    def _newest(self, what: str, stamp_ns: int, entries: deque) -> NDArray:
        """The newest of `entries` up to a stamp, stacked, the first one repeated until there are as many as wanted."""
        seen = [(stamp, value) for stamp, value in entries if stamp <= stamp_ns]
        if not seen:
            raise ObservationError(f"no {what} has come yet")
        age_ns = stamp_ns - seen[-1][0]
        if age_ns > self._max_age_ns:
            raise ObservationError(
                f"newest {what} is {age_ns / 1e6:.0f} ms older than the states, "
                f"{self._max_age_ns / 1e6:.0f} ms allowed; check the camera"
            )
        assert entries.maxlen is not None
        values = [value for _, value in seen]
        return np.stack([values[0]] * (entries.maxlen - len(values)) + values)

    def _nearest(self, wanted_ns: int) -> NDArray[np.float64]:
        if self._first_state_ns is None:
            raise ObservationError("no state has come yet")
        if wanted_ns < self._first_state_ns:
            wanted_ns = self._first_state_ns
        after = bisect_left(self._states, wanted_ns, key=_stamp)
        near = [self._states[index] for index in (after - 1, after) if 0 <= index < len(self._states)]
        stamp, state = min(near, key=lambda entry: abs(entry[0] - wanted_ns))
        skew = abs(stamp - wanted_ns)
        if skew > self._max_skew_ns:
            raise ObservationError(
                f"nearest state lies {skew / 1e6:.1f} ms from where it is needed, "
                f"{self._max_skew_ns / 1e6:.1f} ms allowed"
            )
        return state

    @staticmethod
    def _refuse_backwards(what: str, stamp_ns: int, entries: deque) -> None:
        if entries and stamp_ns <= entries[-1][0]:
            back = (entries[-1][0] - stamp_ns) / 1e6
            raise ObservationError(f"{what} stamp lies {back:.1f} ms before the last one; duplicate or out of order")


def _stamp(entry: tuple[int, NDArray[np.float64]]) -> int:
    return entry[0]
