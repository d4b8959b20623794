"""The contract of a simulated task: what all of them share, and, as arguments, what a task says of its own."""

from __future__ import annotations

from collections.abc import Iterable

from sdm_core.contract import (
    ActionEntry,
    ActionSpec,
    CameraSpec,
    CloudSpec,
    Contract,
    ObservationSpec,
    Rates,
    StateEntry,
)

# Of two observations eight actions are predicted, and four of them run.
N_OBS_STEPS, HORIZON, N_ACTION_STEPS = 2, 8, 4
# The camera of a task that has but one.
CAMERA_NAME = "camera"


def task_contract(
    name: str,
    control_hz: float,
    state: Iterable[StateEntry],
    cloud: CloudSpec,
    action: ActionSpec,
    cameras: tuple[CameraSpec, ...],
) -> Contract:
    """The contract of a task, without normaliser statistics."""
    return Contract(
        task=name,
        rates=Rates(control_hz=control_hz),
        n_obs_steps=N_OBS_STEPS,
        horizon=HORIZON,
        n_action_steps=N_ACTION_STEPS,
        observation=ObservationSpec(state=tuple(state), cloud=cloud, cameras=cameras),
        action=action,
    )


def states(unit: str, *names: str) -> tuple[StateEntry, ...]:
    """State entries that share a unit."""
    return tuple(StateEntry(name=name, unit=unit) for name in names)


def actions(unit: str, low: float, high: float, *names: str) -> tuple[ActionEntry, ...]:
    """Action entries that share a unit and bounds."""
    return tuple(ActionEntry(name=name, unit=unit, low=low, high=high) for name in names)


def depth_camera(size: int) -> CameraSpec:
    """A depth camera of size × size pixels."""
    return CameraSpec(name=CAMERA_NAME, width=size, height=size, depth_encoding="16UC1")
