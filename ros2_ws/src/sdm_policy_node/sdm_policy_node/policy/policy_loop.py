"""Inference on its own thread: the newest observation wins, and the executor never waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.errors import ObservationError, SdmError, StreamFault
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.stream_guard import RESTART_NS

from sdm_policy_node.sources.observation_source import Frame
from sdm_policy_node.sources.perception import Perception

# A simulated clock and camera_info announce themselves to nobody here, so a waiting frame looks again this often.
_POLL_S = 0.001


@dataclass(frozen=True, eq=False)
class Plan:
    """A chunk, and the newest state [S] of the observation that it answers."""

    chunk: ActionChunk
    state: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of one frame: a plan, or a refusal, or neither where no replan was due. `refused` is what the refusal
    counts as."""

    frame: Frame
    plan: Plan | None = None
    refusal: str = ""
    refused: str = "observation"
    cloud_ms: float = 0.0
    inference_ms: float = 0.0


class PolicyLoop:
    """Owns window and runtime. States and frames are handed in from any thread; answers leave on the loop's.

    A frame waits, for a bounded time, until the state of its stamp is there, the clock has reached it, and perception
    has all that it needs: messages of one instant travel on several topics and arrive in any order. The newest frame
    that has waited enough is answered. One that waits still overtakes none: a fast camera would starve a slow one.
    Frames between two inferences are observed, too: what is wrong with them is known at once.
    """

    def __init__(
        self,
        runtime: PolicyRuntime,
        perception: Perception,
        *,
        window: ObservationWindow,
        max_age_s: float,
        replan_steps: int,
        timeout_s: float,
        now_ns: Callable[[], int],
        simulated_clock: bool,
        answer: Callable[[Answer], None],
        episode_started: Callable[[], None],
        clock_set_back: Callable[[], None],
    ) -> None:
        """`simulated_clock`: it may leap, so that no frame lies too far ahead of it to wait for. `episode_started` is
        called between the last answer of one episode and the first of the next; `clock_set_back` from `add_state`,
        before a frame can be answered with states of the new clock."""
        contract = runtime.contract
        self._runtime = runtime
        self._perception = perception
        self._window = window
        self._replan_ns = replan_steps * contract.dt_ns
        # Half a period of tolerance: a camera's stamps are not exact multiples of the control period.
        self._tolerance_ns = contract.dt_ns // 2
        self._history_ns = int(max_age_s * 1e9) + contract.n_obs_steps * contract.dt_ns
        self._timeout_ns = int(timeout_s * 1e9)
        self._now_ns = now_ns
        self._simulated_clock = simulated_clock
        self._answer = answer
        self._episode_started = episode_started
        self._clock_set_back = clock_set_back

        self._inbox = threading.Condition()
        self._states: deque[tuple[int, NDArray[np.float64]]] = deque(maxlen=4096)
        self._newest_state_ns = -1
        self._state_refusal: tuple[int, str] = (-1, "")
        self._frames: deque[Frame] = deque()
        self._stopped = False

        self._episode = threading.Lock()
        self._last_replan_ns: int | None = None
        self._busy_since: float | None = None
        self.overtaken = 0
        """Frames that a newer one replaced before their turn."""
        self._thread = threading.Thread(target=self._run, name="policy_loop", daemon=True)

    def start(self, seed: int) -> None:
        """Begins to answer."""
        self.start_episode(seed)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread after the answer that it is giving."""
        with self._inbox:
            self._stopped = True
            self._inbox.notify()
        self._thread.join()

    def start_episode(self, seed: int) -> None:
        """Forgets all observations and seeds the noise; waits for the answer that is being given."""
        with self._episode:
            with self._inbox:
                self._forget_states()
                self._frames.clear()
            self._window.reset()
            self._runtime.start_episode(seed)
            self._last_replan_ns = None
            self._episode_started()

    def stalled_s(self) -> float:
        """For how long the thread has been at one frame; infinite once it has ended."""
        if not self._thread.is_alive():
            return float("inf")
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def add_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        """A state [S] has come. Raises ObservationError if it is older than the last one, unless by so much that the
        clock was set back: the old clock's states are then forgotten."""
        with self._inbox:
            if self._newest_state_ns - stamp_ns > RESTART_NS:
                self._forget_states()
                self._clock_set_back()
            if stamp_ns <= self._newest_state_ns:
                back_ms = (self._newest_state_ns - stamp_ns) / 1e6
                raise ObservationError(f"its stamp lies {back_ms:.1f} ms before the last one; check the driver's clock")
            self._states.append((stamp_ns, state))
            self._newest_state_ns = stamp_ns
            self._wake_for_frames()

    def refuse_state(self, stamp_ns: int, reason: str) -> None:
        """The state of this stamp cannot be used; a frame of that time need not wait for it."""
        with self._inbox:
            self._state_refusal = (stamp_ns, reason)
            self._wake_for_frames()

    def add_frame(self, frame: Frame) -> None:
        """A frame has come. Of those that have waited their time, and were not taken up, only the newest is kept."""
        with self._inbox:
            self._frames.append(frame)
            while len(self._frames) > 1 and self._has_waited(self._frames[1]):
                self._frames.popleft()
                self.overtaken += 1
            self._inbox.notify()

    def _forget_states(self) -> None:
        self._states.clear()
        self._newest_state_ns = -1
        self._state_refusal = (-1, "")

    def _wake_for_frames(self) -> None:
        """Wakes the thread where a frame waits: states alone ask nothing, and may come a thousand times a second."""
        if self._frames:
            self._inbox.notify()

    def _run(self) -> None:
        while (frame := self._next_frame()) is not None:
            with self._episode:
                # An episode may have begun since: what was seen before it is no part of it.
                with self._inbox:
                    if frame not in self._frames:
                        continue
                    while self._frames.popleft() is not frame:
                        self.overtaken += 1
                    states = [entry for entry in self._states if entry[0] >= frame.stamp_ns - self._history_ns]
                    self._states.clear()
                    refusal = self._state_refusal
                self._busy_since = time.monotonic()
                try:
                    self._answer(self._respond(frame, states, refusal))
                finally:
                    self._busy_since = None

    def _next_frame(self) -> Frame | None:
        """The newest frame that is complete or has waited long enough, once there is one; None after `stop`."""
        with self._inbox:
            while not self._stopped:
                for frame in reversed(self._frames):
                    if self._is_complete(frame) or self._has_waited(frame):
                        return frame
                self._inbox.wait(_POLL_S if self._frames else None)
            return None

    def _has_waited(self, frame: Frame) -> bool:
        """Whether a frame has waited long enough, or waits in vain: its stamp will still be ahead of the clock then."""
        if time.perf_counter_ns() - frame.received_ns >= self._timeout_ns:
            return True
        return not self._simulated_clock and frame.stamp_ns - self._now_ns() > self._timeout_ns + self._tolerance_ns

    def _is_complete(self, frame: Frame) -> bool:
        has_state = max(self._newest_state_ns, self._state_refusal[0]) >= frame.stamp_ns
        return has_state and self._perception.ready(frame) and self._now_ns() >= frame.stamp_ns - self._tolerance_ns

    def _respond(
        self, frame: Frame, states: list[tuple[int, NDArray[np.float64]]], state_refusal: tuple[int, str]
    ) -> Answer:
        last_ns = self._last_replan_ns
        # It is due before the last one, too: the clock was set back.
        due = last_ns is None or not last_ns <= frame.stamp_ns < last_ns + self._replan_ns - self._tolerance_ns
        start = after_cloud = time.perf_counter_ns()
        try:
            for stamp_ns, state in states:
                self._window.add_state(stamp_ns, state)
            if state_refusal[0] >= frame.stamp_ns:
                return Answer(frame, refusal=state_refusal[1])
            self._window.check_age(frame.stamp_ns, self._now_ns())
            seen = self._perception.observe(frame)
            if seen.cloud is not None:
                self._window.add_cloud(frame.stamp_ns, seen.cloud)
            self._window.add_images(frame.stamp_ns, seen.images)
            after_cloud = time.perf_counter_ns()
            observation = self._window.policy_input(frame.stamp_ns)
            if not due:
                return Answer(frame, cloud_ms=(after_cloud - start) / 1e6)
            chunk = self._runtime.infer(observation)
        except StreamFault as fault:
            return Answer(frame, refusal=str(fault), refused=f"{fault.kind} image")
        except SdmError as error:
            return Answer(frame, refusal=str(error))
        except Exception as error:  # whatever a backend raises must end in a refusal, never in a dead thread
            return Answer(frame, refusal=f"{type(error).__name__}: {error}")
        self._last_replan_ns = frame.stamp_ns
        return Answer(
            frame,
            Plan(chunk, observation.state[-1]),
            cloud_ms=(after_cloud - start) / 1e6,
            inference_ms=(time.perf_counter_ns() - after_cloud) / 1e6,
        )
