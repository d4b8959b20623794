from __future__ import annotations

import threading
import time as steady
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import TransformStamped
from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.task import Future
from rclpy.time import Time

from tf2_ros.buffer_interface import BufferInterface
from tf2_ros.exceptions import (
    ConnectivityException,
    ExtrapolationException,
    InvalidArgumentException,
    LookupException,
    TransformException,
)
from tf2_ros.frame_history import IDENTITY, FrameHistory, Pose

Stamp = Time | TimeMessage
Query = Callable[[], TransformStamped]


class Buffer(BufferInterface):
    """Keeps the last `cache_time` (10 s) of every frame's pose in its parent, and chains them. Thread-safe.

    Times are those of rclpy or of messages; zero means the newest that all frames have. With a node, the buffer
    forgets all but static transforms when the node's time jumps back or changes its source: a new run or bag.
    """

    def __init__(self, cache_time: Duration | None = None, node: Any = None) -> None:
        super().__init__()
        self._keep = (cache_time or Duration(seconds=10.0)).nanoseconds
        self._frames: dict[str, FrameHistory] = {}
        self._changed = threading.Condition()
        self._awaited: list[tuple[Query, Future]] = []
        self._logger = get_logger("tf2_buffer") if node is None else node.get_logger()
        if node is not None:
            threshold = JumpThreshold(min_forward=None, min_backward=Duration(seconds=-1))
            self._jump_handle = node.get_clock().create_jump_callback(threshold, post_callback=self._on_jump)

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Take in a pose that holds at its stamp."""
        self._set(transform, authority, static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Take in a pose that holds at all times."""
        self._set(transform, authority, static=True)

    def clear(self) -> None:
        """Forget all but the static transforms."""
        with self._changed:
            self._frames = {frame: history for frame, history in self._frames.items() if history.static}

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Stamp, timeout: Duration | None = None
    ) -> TransformStamped:
        """The transform that takes coordinates in `source_frame` to `target_frame`, at a time.

        Waits up to `timeout` for it; then raises the TransformException that says what is missing. The wait must not
        be on the executor's only thread, which has to deliver the transform.
        """
        return self._wait(partial(self._lookup, target_frame, source_frame, _nanoseconds(time)), timeout)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Stamp,
        source_frame: str,
        source_time: Stamp,
        fixed_frame: str,
        timeout: Duration | None = None,
    ) -> TransformStamped:
        """As `lookup_transform`, between frames at two times, by way of a frame that did not move meanwhile."""
        return self._wait(self._full_query(target_frame, target_time, source_frame, source_time, fixed_frame), timeout)

    def can_transform(
        self,
        target_frame: str,
        source_frame: str,
        time: Stamp,
        timeout: Duration | None = None,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Whether `lookup_transform` would succeed; with `return_debug_tuple` also why not, in words."""
        query = partial(self._lookup, target_frame, source_frame, _nanoseconds(time))
        return self._can(query, timeout, return_debug_tuple)

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Stamp,
        source_frame: str,
        source_time: Stamp,
        fixed_frame: str,
        timeout: Duration | None = None,
        return_debug_tuple: bool = False,
    ) -> bool | tuple[bool, str]:
        """Whether `lookup_transform_full` would succeed; with `return_debug_tuple` also why not, in words."""
        query = self._full_query(target_frame, target_time, source_frame, source_time, fixed_frame)
        return self._can(query, timeout, return_debug_tuple)

    def wait_for_transform_async(self, target_frame: str, source_frame: str, time: Stamp) -> Future:
        """A future of what `lookup_transform` gives, done once it can give it."""
        return self._later(partial(self._lookup, target_frame, source_frame, _nanoseconds(time)))

    def wait_for_transform_full_async(
        self, target_frame: str, target_time: Stamp, source_frame: str, source_time: Stamp, fixed_frame: str
    ) -> Future:
        """A future of what `lookup_transform_full` gives, done once it can give it."""
        return self._later(self._full_query(target_frame, target_time, source_frame, source_time, fixed_frame))

    async def lookup_transform_async(self, target_frame: str, source_frame: str, time: Stamp) -> TransformStamped:
        return await self.wait_for_transform_async(target_frame, source_frame, time)

    async def lookup_transform_full_async(
        self, target_frame: str, target_time: Stamp, source_frame: str, source_time: Stamp, fixed_frame: str
    ) -> TransformStamped:
        return await self.wait_for_transform_full_async(
            target_frame, target_time, source_frame, source_time, fixed_frame
        )

    def _full_query(
        self, target_frame: str, target_time: Stamp, source_frame: str, source_time: Stamp, fixed_frame: str
    ) -> Query:
        at_target, at_source = _nanoseconds(target_time), _nanoseconds(source_time)
        return partial(self._lookup_full, target_frame, at_target, source_frame, at_source, fixed_frame)

    def _wait(self, query: Query, timeout: Duration | None) -> TransformStamped:
        deadline = steady.monotonic() + (timeout.nanoseconds * 1e-9 if timeout is not None else 0.0)
        with self._changed:
            while True:
                try:
                    return query()
                except InvalidArgumentException:
                    raise
                except TransformException:
                    if not self._changed.wait(max(0.0, deadline - steady.monotonic())):
                        raise

    def _can(self, query: Query, timeout: Duration | None, explain: bool) -> bool | tuple[bool, str]:
        reason = ""
        try:
            self._wait(query, timeout)
        except TransformException as failure:
            reason = str(failure)
        return (not reason, reason) if explain else not reason

    def _later(self, query: Query) -> Future:
        future = Future()
        with self._changed:
            self._awaited.append((query, future))
        self._answer()
        return future

    def _answer(self) -> None:
        """Complete the futures whose transforms are there now."""
        answers: list[tuple[Future, TransformStamped]] = []
        with self._changed:
            awaited, self._awaited = self._awaited, []
            for query, future in awaited:
                if future.cancelled():
                    continue
                try:
                    answers.append((future, query()))
                except TransformException:
                    self._awaited.append((query, future))
        for future, transform in answers:
            future.set_result(transform)

    def _on_jump(self, jump: TimeJump) -> None:
        self._logger.warning("time jumped back or changed its source: all but static transforms are forgotten")
        self.clear()

    def _lookup(self, target: str, source: str, stamp: int) -> TransformStamped:
        return _message(target, source, *self._find(target, source, stamp))

    def _lookup_full(
        self, target: str, target_stamp: int, source: str, source_stamp: int, fixed: str
    ) -> TransformStamped:
        _, in_fixed = self._find(fixed, source, source_stamp)
        stamp, in_target = self._find(target, fixed, target_stamp)
        return _message(target, source, stamp, in_target @ in_fixed)

    def _find(self, target: str, source: str, stamp: int) -> tuple[int, Pose]:
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
        elif norm == 0.0:
            problem = "its quaternion is zero"
        if problem:
            self._logger.error(
                f"transform from '{parent}' to '{child}' by {authority or 'unknown authority'} ignored: {problem}",
                throttle_duration_sec=5.0,
            )
            return
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        with self._changed:
            history = self._frames.get(child)
            if history is None or history.parent != parent or history.static != static:
                # A new parent begins a new history: poses in different parents do not interpolate.
                history = self._frames[child] = FrameHistory(parent, static)
            history.insert(stamp, Pose(position, quaternion / norm), self._keep)
            self._changed.notify_all()
        self._answer()


def _nanoseconds(time: Stamp) -> int:
    return time.nanoseconds if isinstance(time, Time) else Time.from_msg(time).nanoseconds


def _message(target: str, source: str, stamp: int, pose: Pose) -> TransformStamped:
    message = TransformStamped(child_frame_id=source)
    message.header.frame_id = target
    message.header.stamp = Time(nanoseconds=stamp).to_msg()
    translation, rotation = message.transform.translation, message.transform.rotation
    translation.x, translation.y, translation.z = pose.translation.tolist()
    rotation.x, rotation.y, rotation.z, rotation.w = pose.rotation.tolist()
    return message
