from __future__ import annotations

import threading
import time as steady
from typing import Any

import numpy as np
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.time import Time

from tf2_ros.exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)
from tf2_ros.frame_history import IDENTITY, FrameHistory, Pose

_QUATERNION_NORM_TOLERANCE = 0.01


class Buffer:
    """Keeps the last `cache_time` (10 s) of every frame's pose in its parent, and chains them. Thread-safe."""

    def __init__(self, cache_time: Duration | None = None, node: Any = None) -> None:
        self._keep = (cache_time or Duration(seconds=10.0)).nanoseconds
        self._frames: dict[str, FrameHistory] = {}
        self._changed = threading.Condition()
        self._logger = node.get_logger() if node is not None else get_logger("tf2_buffer")

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Take in a pose that holds at its stamp."""
        self._set(transform, authority, static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Take in a pose that holds at all times."""
        self._set(transform, authority, static=True)

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._frames.clear()

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration | None = None
    ) -> TransformStamped:
        """The transform that takes coordinates in `source_frame` to `target_frame`, at a time (Time(): the newest).

        Waits up to `timeout` for it; then raises the TransformException that says what is missing. The wait must not
        be on the executor's only thread, which has to deliver the transform.
        """
        failure = self._wait(target_frame, source_frame, time, timeout)
        if failure is not None:
            raise failure
        with self._changed:
            stamp, pose = self._lookup(target_frame, source_frame, time.nanoseconds)
        message = TransformStamped()
        message.header.frame_id = target_frame
        message.header.stamp = Time(nanoseconds=stamp).to_msg()
        message.child_frame_id = source_frame
        translation, rotation = message.transform.translation, message.transform.rotation
        translation.x, translation.y, translation.z = pose.translation.tolist()
        rotation.x, rotation.y, rotation.z, rotation.w = pose.rotation.tolist()
        return message

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Time,
        timeout: Duration | None = None,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Whether `lookup_transform` would succeed; with `return_debug_tuple` also why not, in words."""
        failure = self._wait(target_frame, source_frame, time, timeout)
        return (failure is None, str(failure or "")) if return_debug_tuple else failure is None

    def _wait(self, target: str, source: str, time: Time, timeout: Duration | None) -> TransformException | None:
        deadline = steady.monotonic() + (timeout.nanoseconds * 1e-9 if timeout is not None else 0.0)
        with self._changed:
            while True:
                try:
                    self._lookup(target, source, time.nanoseconds)
                    return None
                except InvalidArgumentException as failure:
                    return failure
                except TransformException as failure:
                    if not self._changed.wait(max(0.0, deadline - steady.monotonic())):
                        return failure

    def _lookup(self, target: str, source: str, stamp: int) -> tuple[int, Pose]:
        """The stamp (the newest common one for 0) and the pose of `source` in `target`."""
        for argument, frame in (("target_frame", target), ("source_frame", source)):
            if not frame or frame.startswith("/"):
                raise InvalidArgumentException(
                    f'Invalid argument "{frame}" passed to lookupTransform argument {argument} in tf2: '
                    + ("frame_ids cannot start with a '/'" if frame else "frame_ids cannot be empty")
                )
        known = self._frames.keys() | {history.parent for history in self._frames.values()}
        for argument, frame in (("target_frame", target), ("source_frame", source)):
            if frame not in known:
                raise LookupException(f'"{frame}" passed to lookupTransform argument {argument} does not exist. ')

        source_chain, target_chain = self._chain(source), self._chain(target)
        common = next((frame for frame in source_chain if frame in target_chain), None)
        if common is None:
            raise ConnectivityException(
                f"Could not find a connection between '{target}' and '{source}' because they are not part of the "
                "same tree.Tf has two or more unconnected trees."
            )
        upwards = source_chain[: source_chain.index(common)]
        downwards = target_chain[: target_chain.index(common)]
        if stamp == 0:
            timed = (self._frames[frame] for frame in (*upwards, *downwards))
            stamp = min((history.stamps[-1] for history in timed if not history.static), default=0)
        try:
            return stamp, self._pose_in_ancestor(downwards, stamp).inverse() @ self._pose_in_ancestor(upwards, stamp)
        except ExtrapolationException as error:
            raise ExtrapolationException(
                f"{error}, when looking up transform from frame [{source}] to frame [{target}]"
            ) from None

    def _chain(self, frame: str) -> list[str]:
        """The frame, its parent and so on to the root. A loop of frames ends where it closes."""
        chain = [frame]
        while chain[-1] in self._frames and self._frames[chain[-1]].parent not in chain:
            chain.append(self._frames[chain[-1]].parent)
        return chain

    def _pose_in_ancestor(self, frames: list[str], stamp: int) -> Pose:
        pose = IDENTITY
        for frame in frames:
            pose = self._frames[frame].at(stamp) @ pose
        return pose

    def _set(self, message: TransformStamped, authority: str, *, static: bool) -> None:
        parent, child = message.header.frame_id.lstrip("/"), message.child_frame_id.lstrip("/")
        translation, rotation = message.transform.translation, message.transform.rotation
        position = np.array([translation.x, translation.y, translation.z])
        quaternion = np.array([rotation.x, rotation.y, rotation.z, rotation.w])
        norm = float(np.linalg.norm(quaternion))
        problem = ""
        if not parent or not child:
            problem = "a frame has no name"
        elif parent == child:
            problem = "the frame is its own parent"
        elif not np.isfinite(position).all() or not np.isfinite(norm):
            problem = "it contains nan or inf"
        elif abs(norm - 1.0) > _QUATERNION_NORM_TOLERANCE:
            problem = f"its quaternion has the norm {norm:.3g}, not 1"
        if problem:
            self._logger.error(
                f"transform from '{parent}' to '{child}' by {authority or 'unknown authority'} ignored: {problem}",
                throttle_duration_sec=5.0,
            )
            return
        stamp = Time.from_msg(message.header.stamp).nanoseconds
        with self._changed:
            history = self._frames.get(child)
            if history is None or history.parent != parent or history.static != static:
                # A new parent begins a new history: poses in different parents do not interpolate.
                history = self._frames[child] = FrameHistory(parent, static)
            history.insert(stamp, Pose(position, quaternion / norm), self._keep)
            self._changed.notify_all()
