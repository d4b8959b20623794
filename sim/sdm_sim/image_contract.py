"""The contract of a task whose policies are shown the colour of its cameras, too."""

from __future__ import annotations

from sdm_core.contract import Contract, ImageSpec


def with_images(contract: Contract, height: int) -> Contract:
    """The contract with the colour image of every camera, stored `height` pixels high and in proportion wide."""
    cameras = tuple(camera.model_copy(update={"colour_encoding": "rgb8"}) for camera in contract.observation.cameras)
    images = tuple(
        ImageSpec(camera=camera.name, size=(round(height * camera.width / camera.height), height)) for camera in cameras
    )
    observation = contract.observation.model_copy(update={"cameras": cameras, "images": images})
    return Contract.model_validate(contract.model_copy(update={"observation": observation}).model_dump())
