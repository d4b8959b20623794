from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import Point, PointStamped, PoseStamped, Quaternion, TransformStamped, Vector3, Vector3Stamped
from geometry_msgs.msg import Pose as PoseMessage
from tf2_ros import TransformRegistration
from tf2_ros.frame_history import IDENTITY, Pose, rotate


def do_transform_point(point: PointStamped, transform: TransformStamped) -> PointStamped:
    moved = _pose(transform) @ Pose(_vector(point.point), IDENTITY.rotation)
    return PointStamped(header=transform.header, point=Point(**_xyz(moved.translation)))


def do_transform_vector3(vector3: Vector3Stamped, transform: TransformStamped) -> Vector3Stamped:
    """Only turned: a direction or velocity has no place."""
    turned = rotate(_pose(transform).rotation, _vector(vector3.vector))
    return Vector3Stamped(header=transform.header, vector=Vector3(**_xyz(turned)))


def do_transform_pose(pose: PoseMessage, transform: TransformStamped) -> PoseMessage:
    moved = _pose(transform) @ Pose(_vector(pose.position), _quaternion(pose.orientation))
    orientation = Quaternion(**_xyz(moved.rotation), w=float(moved.rotation[3]))
    return PoseMessage(position=Point(**_xyz(moved.translation)), orientation=orientation)


def do_transform_pose_stamped(pose: PoseStamped, transform: TransformStamped) -> PoseStamped:
    return PoseStamped(header=transform.header, pose=do_transform_pose(pose.pose, transform))


for _kind, _function in (
    (PointStamped, do_transform_point),
    (Vector3Stamped, do_transform_vector3),
    (PoseStamped, do_transform_pose_stamped),
):
    TransformRegistration().add(_kind, _function)


def _pose(transform: TransformStamped) -> Pose:
    return Pose(_vector(transform.transform.translation), _quaternion(transform.transform.rotation))


def _vector(message: Any) -> np.ndarray:
    return np.array([message.x, message.y, message.z])


def _quaternion(message: Quaternion) -> np.ndarray:
    return np.array([message.x, message.y, message.z, message.w])


def _xyz(vector: np.ndarray) -> dict[str, float]:
    return dict(zip("xyz", vector.tolist(), strict=False))
