"""Small contracts."""

from __future__ import annotations

from typing import Any

from sdm_core.contract import (
    ActionEntry,
    ActionSpec,
    Bounds,
    CameraSpec,
    CloudSpec,
    Contract,
    ImageSpec,
    NormaliserStatistics,
    ObservationSpec,
    Rates,
    StateEntry,
)

SMALL_STATE = ("hand.x", "hand.y", "hand.z", "gap")


def small_contract(
    *,
    task: str = "test/reach",
    control_hz: float = 10.0,
    n_obs_steps: int = 2,
    horizon: int = 4,
    n_action_steps: int = 2,
    cloud: dict[str, Any] | None = None,
    state: tuple[str, ...] = SMALL_STATE,
) -> Contract:
    """Native commands of three entries at 10 Hz, four state entries, clouds of 32 points; `cloud` overrides entries."""
    crop: dict[str, Any] = {"crop_low": (-1.0, -1.0, 0.0), "crop_high": (1.0, 1.0, 2.0)}
    cloud_spec = CloudSpec(**{"frame": "world", "points": 32, "network_points": 16, **crop, **(cloud or {})})
    colour = "rgb8" if cloud_spec.coloured else None
    return Contract(
        task=task,
        rates=Rates(control_hz=control_hz),
        n_obs_steps=n_obs_steps,
        horizon=horizon,
        n_action_steps=n_action_steps,
        observation=ObservationSpec(
            state=tuple(StateEntry(name=name, unit="m") for name in state),
            cloud=cloud_spec,
            cameras=(CameraSpec(name="camera", width=16, height=12, depth_encoding="16UC1", colour_encoding=colour),),
        ),
        action=ActionSpec(
            kind="native",
            entries=tuple(ActionEntry(name=name, unit="1", low=-1, high=1) for name in ("dx", "dy", "gripper")),
            base_frame="world",
            tool_frame="hand",
            gripper="+1 closes",
            hold=(0.0, 0.0, None),
        ),
    )


def image_contract(
    *,
    with_cloud: bool = False,
    cameras: tuple[str, ...] = ("camera",),
    image: dict[str, Any] | None = None,
    **options: Any,
) -> Contract:
    """A small contract of colour images 8×6 made of 16×12 pixels, one of each camera; `image` overrides entries."""
    plain = small_contract(**options)
    spec = {"size": (8, 6), **(image or {})}
    first, *others = cameras
    depth = "16UC1" if with_cloud else None
    observation = ObservationSpec(
        state=plain.observation.state,
        cloud=plain.observation.cloud if with_cloud else None,
        cameras=(
            CameraSpec(name=first, width=16, height=12, depth_encoding=depth, colour_encoding="rgb8"),
            *(CameraSpec(name=name, width=16, height=12, colour_encoding="rgb8") for name in others),
        ),
        images=tuple(ImageSpec(**{"camera": name, **spec}) for name in cameras),
    )
    return plain.model_copy(update={"observation": observation})


def with_normaliser(contract: Contract) -> Contract:
    """The contract with statistics, as a training would have left it: state and action within ±1."""
    state, action = (
        Bounds(low=(-1.0,) * size, high=(1.0,) * size) for size in (contract.state_dim, contract.action_dim)
    )
    return contract.model_copy(update={"normaliser": NormaliserStatistics(state=state, action=action)})
