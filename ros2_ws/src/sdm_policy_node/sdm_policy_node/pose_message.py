"""PoseStamped as seven numbers, checked on arrival."""

from __future__ import annotations

import math

from geometry_msgs.msg import PoseStamped
from sdm_core.errors import ObservationError
from sdm_core.quaternion_sign import canonical


def frame_difference(message: PoseStamped, topic: str, frame: str) -> str:
    """One line if the pose is not given in `frame`, else empty."""
    found = message.header.frame_id
    return "" if found == frame else f"{topic} is in frame '{found}', the contract's base frame is '{frame}'"


def pose_values(message: PoseStamped, topic: str, frame: str, sign_as_sent: bool = False) -> list[float]:
    """x y z qx qy qz qw with a unit quaternion, the canonical one of its two signs, or with `sign_as_sent` the
    message's. Raises ObservationError on another frame, no place or no direction."""
    if difference := frame_difference(message, topic, frame):
        raise ObservationError(difference)
    point, rotation = message.pose.position, message.pose.orientation
    position = [point.x, point.y, point.z]
    if not all(map(math.isfinite, position)):
        raise ObservationError(f"{topic} has the position {position}, which is no place; check the driver")
    quaternion = [rotation.x, rotation.y, rotation.z, rotation.w]
    norm = math.hypot(*quaternion)
    if not 1e-6 < norm < math.inf:
        raise ObservationError(f"{topic} has the quaternion {quaternion}, which has no direction; check the driver")
    unit = [part / norm for part in quaternion]
    return [*position, *(unit if sign_as_sent else canonical(unit))]
