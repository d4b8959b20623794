"""How geometry messages are transformed; importing it lets `tf2_ros.Buffer.transform` take them."""

from tf2_geometry_msgs.transforms import (
    do_transform_point,
    do_transform_pose,
    do_transform_pose_stamped,
    do_transform_vector3,
)

__all__ = ["do_transform_point", "do_transform_pose", "do_transform_pose_stamped", "do_transform_vector3"]
