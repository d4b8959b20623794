"""The last few observations, aligned in time, as one network input."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.contract import Contract
from sdm_core.errors import ObservationError


@dataclass(frozen=True)
class PolicyInput:
    """What a policy sees at `stamp_ns`: state float64[T,S], oldest first, and cloud float32[C,N,channels] in the base
    frame."""

    stamp_ns: int
    state: NDArray[np.float64]
    cloud: NDArray[np.float32]


class ObservationWindow:
    """Collects stamped states and clouds; gives the policy's input for a cloud's stamp.

    States come at the control rate, clouds often slower. The input of stamp t takes the states nearest to t, t−dt, …
    and the `cloud.steps` newest clouds up to t. At an episode's start the first state and cloud are repeated, as DP3
    does.
    """

    def __init__(self, contract: Contract, max_age_s: float = 0.2, max_skew_s: float | None = None) -> None:
        if contract.observation.cloud is None:
            raise ObservationError("the contract observes no cloud; this window makes cloud inputs only")
        self._dt_ns = contract.dt_ns
        self._steps = contract.n_obs_steps
        self._cloud_steps = contract.observation.cloud.steps
        self._max_age_ns = int(max_age_s * 1e9)
        self._max_skew_ns = contract.dt_ns // 2 if max_skew_s is None else int(max_skew_s * 1e9)
        # A frame may lag its states by the maximum age, and must still find them.
        history = self._steps + self._max_age_ns // contract.dt_ns + 1
        self._states: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=history)
        self._clouds: deque[tuple[int, NDArray[np.float32]]] = deque(maxlen=self._cloud_steps)
        self._first_state_ns: int | None = None

    def reset(self) -> None:
        """Forgets everything: a new episode begins."""
        self._states.clear()
        self._clouds.clear()
        self._first_state_ns = None

    def add_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        """Adds a state float64[S]. Raises ObservationError unless its stamp is newer than the last one."""
        self._refuse_backwards("state", stamp_ns, self._states)
        if self._first_state_ns is None:
            self._first_state_ns = stamp_ns
        self._states.append((stamp_ns, state))

    def add_cloud(self, stamp_ns: int, cloud: NDArray[np.float32]) -> None:
        """Adds a cloud float32[N,channels]. Raises ObservationError unless its stamp is newer than the last one."""
        self._refuse_backwards("cloud", stamp_ns, self._clouds)
        self._clouds.append((stamp_ns, cloud))

    def check_age(self, stamp_ns: int, now_ns: int) -> None:
        """Raises ObservationError where an observation is older than the maximum age or lies in the future."""
        age_ns = now_ns - stamp_ns
        if age_ns > self._max_age_ns:
            raise ObservationError(f"observation is {age_ns / 1e6:.0f} ms old, {self._max_age_ns / 1e6:.0f} ms allowed")
        if age_ns < -self._max_skew_ns:
            raise ObservationError(f"observation lies {-age_ns / 1e6:.0f} ms in the future; synchronise the clocks")

    def policy_input(self, stamp_ns: int) -> PolicyInput:
        """The input for the cloud of `stamp_ns`. Raises ObservationError if a state or the cloud is missing or old."""
        stamps = [stamp for stamp, _ in self._clouds if stamp <= stamp_ns]
        if not stamps:
            raise ObservationError("no cloud has come yet")
        if stamp_ns - stamps[-1] > self._max_age_ns:
            raise ObservationError(
                f"newest cloud is {(stamp_ns - stamps[-1]) / 1e6:.0f} ms older than the states, "
                f"{self._max_age_ns / 1e6:.0f} ms allowed; check the camera"
            )
        clouds = [cloud for stamp, cloud in self._clouds if stamp <= stamp_ns]
        clouds = [clouds[0]] * (self._cloud_steps - len(clouds)) + clouds
        wanted = [stamp_ns - back * self._dt_ns for back in reversed(range(self._steps))]
        return PolicyInput(stamp_ns, np.stack([self._nearest(stamp) for stamp in wanted]), np.stack(clouds))

    def _nearest(self, wanted_ns: int) -> NDArray[np.float64]:
        if self._first_state_ns is None:
            raise ObservationError("no state has come yet")
        if wanted_ns < self._first_state_ns:
            wanted_ns = self._first_state_ns
        stamp, state = min(self._states, key=lambda entry: abs(entry[0] - wanted_ns))
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
