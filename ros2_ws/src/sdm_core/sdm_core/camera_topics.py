"""Where realsense2_camera publishes, relative to the namespace: for who listens to it and who simulates it.

The camera of a contract's name `camera` is the node of that name in the namespace `camera`, as its driver starts, or in
another `namespace` of all cameras.
"""

from __future__ import annotations

NAMESPACE = "camera"


def depth_image(camera: str, aligned: bool = False, namespace: str = NAMESPACE) -> str:
    """The depth of the camera of this name, as it was measured or `aligned` to the pixels of its colour."""
    return f"{namespace}/{camera}/{'aligned_depth_to_color/image_raw' if aligned else 'depth/image_rect_raw'}"


def depth_info(camera: str, aligned: bool = False, namespace: str = NAMESPACE) -> str:
    """The calibration that accompanies `depth_image`."""
    return f"{namespace}/{camera}/{'aligned_depth_to_color' if aligned else 'depth'}/camera_info"


def points(camera: str, namespace: str = NAMESPACE) -> str:
    """The cloud of the camera of this name."""
    return f"{namespace}/{camera}/depth/color/points"


def colour_image(camera: str, namespace: str = NAMESPACE) -> str:
    """The colour of the camera of this name."""
    return f"{namespace}/{camera}/color/image_raw"


def colour_info(camera: str, namespace: str = NAMESPACE) -> str:
    """The calibration that accompanies `colour_image`."""
    return f"{namespace}/{camera}/color/camera_info"


# Of the one camera that the simulated tasks observe with.
DEPTH_IMAGE = depth_image("camera")
DEPTH_INFO = depth_info("camera")
