"""The cloud and the images as the policy gets them, made by the code that it makes them with."""

from __future__ import annotations

import threading
import time

from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_core.perception.crop_box import CropBox
from sdm_policy_node.parameters import SensingParameters
from sdm_policy_node.sources.camera_pose import CameraPose
from sdm_policy_node.sources.observation_source import Frame
from sdm_policy_node.sources.perception import Perception, Seen

from sdm_cockpit.graph.problems import Problems

SOURCE = "observation"
# What a frame needs besides itself comes within so long, or is missing (s).
_COMPANIONS_WAIT_S = 0.1
_POLL_S = 0.005
# Frames on whose images a match by stamp may call, behind the newest one (s).
_KEPT_S = 0.2
# Without a frame for so long, what was seen last is no longer what the policy sees (s).
_SILENT_S = 1.0


class ObservationListener:
    """Observes on a thread of its own, at most `rate_hz` times a second: the newest frame, and none that came before.

    A cloud that takes long delays nothing but the next cloud.
    """

    def __init__(
        self,
        node: Node,
        settings: SensingParameters,
        contract: Contract,
        camera_pose: CameraPose,
        problems: Problems,
        rate_hz: float,
    ) -> None:
        """Raises ContractError where what the contract observes cannot be seen."""
        self._problems = problems
        self._period_s = 1 / rate_hz
        self._newest: Frame | None = None
        self._seen: Seen | None = None
        self._changed = threading.Condition()
        self._stopped = False
        self._perception = Perception(node, settings, contract, self._on_frame, queue=1, max_age_s=_KEPT_S)
        self._perception.configure(contract, camera_pose)
        self._thread = threading.Thread(target=self._observe_all, name="observations", daemon=True)
        self._thread.start()

    @property
    def seen(self) -> Seen | None:
        """What the newest frame showed; None where there is none, or it could not be used."""
        return self._seen

    def crop_to(self, box: CropBox) -> None:
        """From the next frame on the cloud is cropped to this box."""
        with self._problems.of("crop box"):
            self._perception.crop_to(box)

    def close(self) -> None:
        """Listens no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()
        self._perception.close()

    def _on_frame(self, frame: Frame) -> None:
        if frame.fault and frame.fault.harmless:  # the one before it is as good
            return
        with self._changed:
            self._newest = frame
            self._changed.notify()

    def _observe_all(self) -> None:
        while not self._stopped:
            seen, begun = None, time.monotonic()
            with self._problems.of(SOURCE):
                if (frame := self._next_frame()) is not None:
                    seen = self._observed(frame)
            self._seen = seen
            self._sleep(self._period_s - (time.monotonic() - begun))

    def _next_frame(self) -> Frame | None:
        """The newest one, once it has come. Raises ObservationError where none comes for long."""
        with self._changed:
            came = self._changed.wait_for(lambda: self._stopped or self._newest is not None, _SILENT_S)
            frame, self._newest = self._newest, None
        if not came:
            raise ObservationError(f"no image has come for {_SILENT_S:g} s; check the camera")
        return frame

    def _observed(self, frame: Frame) -> Seen:
        deadline = time.monotonic() + _COMPANIONS_WAIT_S
        while frame.fault is None and not self._perception.ready(frame) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return self._perception.observe(frame)

    def _sleep(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped, max(0.0, seconds))
