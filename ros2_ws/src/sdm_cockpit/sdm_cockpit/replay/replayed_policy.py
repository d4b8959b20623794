"""What a policy would have planned at each step of a recording, through the runtime that is deployed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sdm_core.commands.anchor import Anchor
from sdm_core.contract import CloudSpec, Contract
from sdm_core.errors import ContractError
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime

from sdm_cockpit.replay.recording import Recording
from sdm_cockpit.snapshot import Plan


class ReplayedPolicy:
    """A checkpoint that sees what was recorded, and moves nothing.

    It answers every observation, where a robot's policy answers one in `n_action_steps`. The noise of step n is seeded
    with (the episode's seed, n): two policies are given the same, so that their chunks can be laid over each other.
    """

    def __init__(self, checkpoint: str | Path, backend: str = "openvino") -> None:
        """Raises CheckpointError or ContractError where it cannot be loaded."""
        self._runtime = PolicyRuntime(checkpoint, backend)
        self._anchor = Anchor(self._runtime.contract)
        self.label = self._runtime.checkpoint.path.resolve().name

    def require_fit(self, recording: Recording) -> None:
        """Raises ContractError where the policy was made for other observations or actions."""
        _require_fit(self.label, self._runtime.contract, recording)

    def plans(self, recording: Recording) -> Iterator[Plan]:
        """One for each step, in order. Raises ContractError as require_fit, ObservationError where its network gives no
        finite answer."""
        self.require_fit(recording)
        contract = self._runtime.contract
        window = ObservationWindow(contract)
        self._runtime.start_episode(recording.seed)
        for step in range(len(recording)):
            # Rows are a control period apart, as in training, also where a camera has lost an image.
            stamp_ns, state = step * contract.dt_ns, recording.state[step].astype(float)
            window.add_state(stamp_ns, state)
            if contract.observation.cloud and recording.clouds is not None:
                window.add_cloud(stamp_ns, recording.clouds[step][:, : contract.observation.cloud.channels])
            cameras = [image.camera for image in contract.observation.images]
            window.add_images(stamp_ns, {camera: recording.images[camera][step] for camera in cameras})
            chunk = self._anchor.absolute(self._runtime.infer(window.policy_input(stamp_ns)), state)
            yield recording.planned(chunk, step, self.label)


def _require_fit(label: str, policy: Contract, recording: Recording) -> None:
    mine, theirs = policy.observation, recording.contract.observation
    for what, wanted, found in (
        ("states", mine.state, theirs.state),
        ("clouds", _seen(mine.cloud, mine.cloud), _seen(theirs.cloud, mine.cloud)),
        (
            "images",
            {(i.camera, i.crop, i.size) for i in mine.images},
            {(i.camera, i.crop, i.size) for i in theirs.images},
        ),
        ("actions", policy.action, recording.contract.action),
        ("rates", policy.rates, recording.contract.rates),
    ):
        fits = wanted <= found if isinstance(wanted, set) and isinstance(found, set) else wanted == found
        if not fits:
            raise ContractError(
                f"{label} was made for other {what} than {recording.source} holds; choose one of its task"
            )


def _seen(cloud: CloudSpec | None, wanted: CloudSpec | None) -> CloudSpec | None:
    """What must agree of a cloud for a policy that wants another; the rest is how a network is given it. A policy that
    asks for no colour, or no cloud at all, can be shown those with."""
    if cloud is None or wanted is None:
        return None
    channels = min(cloud.channels, wanted.channels)
    return cloud.model_copy(update={"network_points": 1, "steps": 1, "centre": (), "scale": 1.0, "channels": channels})
