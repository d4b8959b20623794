"""The contract of a task whose policies are shown the colour of its cameras, too."""

from __future__ import annotations

from collections.abc import Collection

from sdm_core.contract import XYZRGB, CameraSpec, Contract, ImageSpec, ObservationSpec
from sdm_core.errors import TaskError


def with_images(contract: Contract, height: int) -> Contract:
    """The contract with the colour image of every camera, stored `height` pixels high and in proportion wide."""
    observation = _with_colour(contract.observation, contract.observation.cameras)
    images = tuple(
        ImageSpec(camera=camera.name, size=(round(height * camera.width / camera.height), height))
        for camera in observation.cameras
    )
    return _observing(contract, observation.model_copy(update={"images": images}))


def with_coloured_cloud(contract: Contract) -> Contract:
    """The contract with the colour of each of the cloud's points. Raises TaskError where it has no cloud."""
    cloud = contract.observation.cloud
    if cloud is None:
        raise TaskError(f"{contract.task}: has no cloud whose points could have a colour; leave colour out")
    observation = _with_colour(contract.observation, contract.observation.depth_cameras)
    return _observing(contract, observation.model_copy(update={"cloud": cloud.model_copy(update={"channels": XYZRGB})}))


def _with_colour(observation: ObservationSpec, cameras: Collection[CameraSpec]) -> ObservationSpec:
    seen = tuple(
        camera.model_copy(update={"colour_encoding": "rgb8"}) if camera in cameras else camera
        for camera in observation.cameras
    )
    return observation.model_copy(update={"cameras": seen})


def _observing(contract: Contract, observation: ObservationSpec) -> Contract:
    return Contract.model_validate(contract.model_copy(update={"observation": observation}).model_dump())
