"""What the embedded runtime's tf2 promises beyond tf2_ros."""

from __future__ import annotations

from geometry_msgs.msg import TransformStamped
from rclpy.time import Time
from tf2_ros import Buffer


def test_a_cancelled_future_stays_cancelled() -> None:
    buffer = Buffer()
    future = buffer.wait_for_transform_async("base", "hand", Time())
    future.cancel()
    hand = TransformStamped(child_frame_id="hand")
    hand.header.frame_id, hand.transform.rotation.w = "base", 1.0
    buffer.set_transform(hand, "test")
    assert buffer.can_transform("base", "hand", Time())
    assert (future.cancelled(), future.done()) == (True, False)
