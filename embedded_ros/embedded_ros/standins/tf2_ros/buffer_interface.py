from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time

Transform = Callable[[Any, TransformStamped], Any]


class TypeException(Exception):
    """Nobody has told how a type is transformed: import the package that does, as `tf2_geometry_msgs`."""


class TransformRegistration:
    """How the types of messages are transformed; one table for all buffers."""

    _transforms: ClassVar[dict[type, Transform]] = {}

    def add(self, key: type, callback: Transform) -> None:
        """From now on messages of this type are transformed by `callback(message, transform)`."""
        self._transforms[key] = callback

    def get(self, key: type) -> Transform:
        if key not in self._transforms:
            raise TypeException(f"Type {key} is not loaded or supported")
        return self._transforms[key]


class BufferInterface:
    """Transforms stamped messages by what a subclass looks up."""

    def __init__(self) -> None:
        self.registration = TransformRegistration()

    def transform(self, object_stamped: Any, target_frame: str, timeout: Duration | None = None) -> Any:
        """The message in another frame, at its own stamp; TypeException, and what `lookup_transform` raises."""
        apply = self.registration.get(type(object_stamped))
        header = object_stamped.header
        return apply(object_stamped, self.lookup_transform(target_frame, header.frame_id, header.stamp, timeout))

    def transform_full(
        self,
        object_stamped: Any,
        target_frame: str,
        target_time: Time,
        fixed_frame: str,
        timeout: Duration | None = None,
    ) -> Any:
        """The message as seen from another frame at another time, by way of a frame that did not move meanwhile."""
        apply = self.registration.get(type(object_stamped))
        header = object_stamped.header
        return apply(
            object_stamped,
            self.lookup_transform_full(target_frame, target_time, header.frame_id, header.stamp, fixed_frame, timeout),
        )

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration | None = None
    ) -> TransformStamped:
        raise NotImplementedError

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration | None = None,
    ) -> TransformStamped:
        raise NotImplementedError
