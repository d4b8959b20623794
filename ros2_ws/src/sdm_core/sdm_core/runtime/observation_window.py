"""The last few observations, aligned in time, as one network input."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Contract
from sdm_core.errors import ObservationError, StreamFault
from sdm_core.nearest import nearest
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

    States come at the control rate or faster, clouds and images slower or faster. The input of stamp t takes the states
    nearest to t, t−dt, …, and of the clouds and of each camera's images up to t the `steps` nearest to these: so they
    lie as far apart as the rows that were trained on. At an episode's start the first ones are repeated, as DP3 does. A
    state that lies more than a second back is of a clock that was set back: everything begins anew.
    """

    def __init__(self, contract: Contract, max_age_s: float = 0.2, max_skew_s: float = 0.0) -> None:
        """`max_skew_s`: see Contract.skew_ns."""
        cloud, images = contract.observation.cloud, contract.observation.images
        if cloud is None and not images:
            raise ObservationError("the contract observes neither a cloud nor images; a policy needs one of them")
        self._dt_ns = contract.dt_ns
        self._steps = contract.n_obs_steps
        self._max_age_ns = int(max_age_s * 1e9)
        self._max_skew_ns = contract.skew_ns(max_skew_s)
        # A frame may lag its states by the maximum age, and must still find them, however fast they come.
        self._history_ns = self._max_age_ns + (self._steps - 1) * self._dt_ns + self._max_skew_ns
        self._states: deque[tuple[int, NDArray[np.float64]]] = deque()
        self._clouds = _Frames("cloud", cloud.steps, self._dt_ns, self._max_age_ns) if cloud else None
        self._images = {
            image.camera: _Frames(f"{image.camera}'s image", image.steps, self._dt_ns, self._max_age_ns)
            for image in images
        }
        self._first_state_ns: int | None = None

    def reset(self) -> None:
        """Forgets everything: a new episode begins."""
        self._states.clear()
        for frames in (self._clouds, *self._images.values()):
            if frames is not None:
                frames.entries.clear()
        self._first_state_ns = None

    def add_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        """Adds a state float64[S]. Raises ObservationError unless its stamp is newer than the last, or far older."""
        if self._states and self._states[-1][0] - stamp_ns > RESTART_NS:
            self.reset()
        _refuse_backwards("state", stamp_ns, self._states)
        if self._first_state_ns is None:
            self._first_state_ns = stamp_ns
        self._states.append((stamp_ns, state))
        while self._states[0][0] < stamp_ns - self._history_ns:
            self._states.popleft()

    def add_cloud(self, stamp_ns: int, cloud: NDArray[np.float32]) -> None:
        """Adds a cloud float32[N,channels]. Raises ObservationError unless its stamp is newer than the last one."""
        if self._clouds is None:
            raise ObservationError("a cloud was given, and the contract observes none")
        self._clouds.add(stamp_ns, cloud)

    def add_images(self, stamp_ns: int, images: Mapping[str, NDArray[np.uint8]]) -> None:
        """Adds an image rgb8 uint8[H,W,3] of each camera of the contract; else as add_cloud."""
        if images.keys() != self._images.keys():
            given, wanted = (", ".join(names) or "no camera" for names in (images, self._images))
            raise ObservationError(f"images of {given} were given, of {wanted} expected by the contract")
        for camera, image in images.items():
            self._images[camera].add(stamp_ns, image)

    def check_age(self, stamp_ns: int, now_ns: int) -> None:
        """Raises StreamFault where an observation is older than the maximum age or lies in the future."""
        age_ns = now_ns - stamp_ns
        if age_ns > self._max_age_ns:
            raise StreamFault(
                "stale",
                f"observation is {age_ns / 1e6:.0f} ms old, {self._max_age_ns / 1e6:.0f} ms allowed; synchronise the "
                "clocks, or raise max_age_s",
            )
        if age_ns < -self._max_skew_ns:
            ahead_ms = -age_ns / 1e6
            raise StreamFault("future", f"observation lies {ahead_ms:.0f} ms in the future; synchronise the clocks")

    def policy_input(self, stamp_ns: int) -> PolicyInput:
        """The input for the cloud and images of `stamp_ns`. Raises ObservationError if anything is missing or old."""
        cloud = None if self._clouds is None else self._clouds.up_to(stamp_ns)
        images = {camera: frames.up_to(stamp_ns) for camera, frames in self._images.items()}
        states = [self._state_at(stamp) for stamp in _back_from(stamp_ns, self._steps, self._dt_ns)]
        return PolicyInput(stamp_ns, np.stack(states), cloud, images)

    def _state_at(self, wanted_ns: int) -> NDArray[np.float64]:
        if self._first_state_ns is None:
            raise ObservationError("no state has come yet")
        if wanted_ns < self._first_state_ns:
            wanted_ns = self._first_state_ns
        stamp, state = _nearest(self._states, wanted_ns)
        skew = abs(stamp - wanted_ns)
        if skew > self._max_skew_ns:
            raise ObservationError(
                f"nearest state lies {skew / 1e6:.1f} ms from where it is needed, "
                f"{self._max_skew_ns / 1e6:.1f} ms allowed; check the rates of joint_states and current_pose, or raise "
                "max_skew_s"
            )
        return state


class _Frames:
    """The latest clouds, or images of one camera, as (stamp, array)."""

    def __init__(self, what: str, steps: int, dt_ns: int, max_age_ns: int) -> None:
        self._what = what
        self._dt_ns = dt_ns
        self._steps = steps
        self._max_age_ns = max_age_ns
        # The maximum age is the margin for frames that did not come. Of one step only the newest frame is of use.
        self._history_ns = (steps - 1) * dt_ns + max_age_ns if steps > 1 else 0
        self.entries: deque[tuple[int, NDArray]] = deque()

    def add(self, stamp_ns: int, frame: NDArray) -> None:
        """Raises ObservationError unless its stamp is newer than the last one."""
        _refuse_backwards(self._what, stamp_ns, self.entries)
        self.entries.append((stamp_ns, frame))
        while self.entries[0][0] < stamp_ns - self._history_ns:
            self.entries.popleft()

    def up_to(self, stamp_ns: int) -> NDArray:
        """Of the frames up to t those nearest to …, t−dt, t, stacked. Raises ObservationError where all are too old."""
        seen = [entry for entry in self.entries if entry[0] <= stamp_ns]
        if not seen:
            raise ObservationError(f"no {self._what} has come yet")
        age_ns = stamp_ns - seen[-1][0]
        if age_ns > self._max_age_ns:
            raise ObservationError(
                f"newest {self._what} is {age_ns / 1e6:.0f} ms older than the states, "
                f"{self._max_age_ns / 1e6:.0f} ms allowed; check the camera"
            )
        return np.stack([_nearest(seen, stamp)[1] for stamp in _back_from(stamp_ns, self._steps, self._dt_ns)])


def _back_from(stamp_ns: int, steps: int, dt_ns: int) -> list[int]:
    """The stamps …, t−dt, t of an observation of so many steps."""
    return [stamp_ns - back * dt_ns for back in reversed(range(steps))]


def _nearest(entries: Sequence[tuple[int, Any]], wanted_ns: int) -> tuple[int, Any]:
    return entries[nearest(entries, wanted_ns, lambda entry: entry[0])]


def _refuse_backwards(what: str, stamp_ns: int, entries: Sequence[tuple[int, Any]]) -> None:
    if entries and stamp_ns <= entries[-1][0]:
        back = (entries[-1][0] - stamp_ns) / 1e6
        raise ObservationError(
            f"{what} stamp lies {back:.1f} ms before the last one; duplicate or out of order; check the driver's clock"
        )
