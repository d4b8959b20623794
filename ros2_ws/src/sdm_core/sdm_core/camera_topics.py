"""Where realsense2_camera publishes, relative to the namespace: for who listens to it and who simulates it."""

from __future__ import annotations

DEPTH_IMAGE = "camera/camera/depth/image_rect_raw"
DEPTH_INFO = "camera/camera/depth/camera_info"
POINTS = "camera/camera/depth/color/points"


def colour_image(camera: str) -> str:
    """The colour of the camera of this name."""
    return f"camera/{camera}/color/image_raw"


def colour_info(camera: str) -> str:
    """The calibration that accompanies `colour_image`."""
    return f"camera/{camera}/color/camera_info"
