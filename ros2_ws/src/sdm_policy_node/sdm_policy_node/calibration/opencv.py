"""OpenCV, which is an extra."""

from __future__ import annotations

from typing import Any

from sdm_core.errors import SdmError


def opencv() -> Any:
    """The module cv2. Raises SdmError where it is not installed, or has no hand-eye calibration."""
    try:
        import cv2
    except ImportError as error:
        raise SdmError(f"OpenCV cannot be loaded ({error}); run `pip install 'sdm_policy_node[calibration]'`") from None
    if not hasattr(cv2, "calibrateHandEye"):
        raise SdmError(f"OpenCV {cv2.__version__} has no hand-eye calibration; run `pip install 'opencv-python<5'`")
    return cv2
