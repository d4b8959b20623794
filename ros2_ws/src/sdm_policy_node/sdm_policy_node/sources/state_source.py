"""The robot's state, from joint_states and, where the contract asks for it, current_pose."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_core.runtime.state_vector import StateVector
from sensor_msgs.msg import JointState

from sdm_policy_node.pose_message import frame_difference, pose_values
from sdm_policy_node.sources.observation_source import sensor_qos
from sdm_policy_node.time_stamps import to_ns

JOINT_TOPIC = "joint_states"
POSE_TOPIC = "current_pose"
POSE_NAMES = ("ee.x", "ee.y", "ee.z", "ee.qx", "ee.qy", "ee.qz", "ee.qw")

# So many publishers of joint states are told apart, by the names of their joints.
_PUBLISHERS = 16
# So many messages of each topic in a row without a pair, over so long (ns), are a fault of their stamps. Where some are
# lost or come late it is shorter, and where a topic is slow or silent it is many of the other one alone.
_APART, _APART_NS = 20, 1_000_000_000

Deliver = Callable[[int, NDArray[np.float64]], None]
Refuse = Callable[[int, ObservationError], None]


class StateSource:
    """Gathers the contract's state by name over both messages, once for each pair whose stamps agree.

    A state has the older stamp of its pair. That older message is delivered again only beside a nearer one, never
    beside the next period's. Where both topics come and their stamps never agree, the state is refused, once in
    20 messages of both and a second.

    A contract that needs one of the messages only is served by that one alone. Joint states that have none of its names
    are another device's on the same topic, such as a gripper's, and are left out.
    """

    def __init__(self, node: Node, reliable: bool, deliver: Deliver, refuse: Refuse, depth: int | None = None) -> None:
        """On the executor's thread: `deliver(stamp_ns, state[S])`, or `refuse(stamp_ns, reason)`. `depth` messages may
        wait for it; by default 50 where every one counts, else 5, as old ones tell nothing of the present."""
        qos = sensor_qos(reliable, depth or (50 if reliable else 5))
        self._deliver = deliver
        self._refuse = refuse
        self._joints: JointState | None = None
        self._joint_names: dict[tuple[str, ...], None] = {}  # of each publisher, the one that was heard last at the end
        self._left_out: set[tuple[str, ...]] = set()
        self._pose: PoseStamped | None = None
        self._vector: StateVector | None = None
        self._delivered: dict[str, int] = {}  # stamps of the last state's messages, by topic
        self._apart: dict[
            str, tuple[int, int]
        ] = {}  # messages since the last pair, and the first one's stamp, by topic
        self._node = node
        self._subscriptions = (
            node.create_subscription(JointState, JOINT_TOPIC, self._on_joints, qos),
            node.create_subscription(PoseStamped, POSE_TOPIC, self._on_pose, qos),
        )

    def close(self) -> None:
        """Listens no more."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def differences(self, contract: Contract) -> list[str]:
        """A line each for what the messages heard so far lack: names that the contract needs, its base frame."""
        lines = []
        wanted = _joints_of(contract)
        if self._joint_names and (missing := wanted - self._heard_of(wanted)):
            lines.append(f"joint_states lack {', '.join(sorted(missing))}; the contract's state needs them")
        if self._pose and _needs_pose(contract):
            lines.append(frame_difference(self._pose, POSE_TOPIC, contract.action.base_frame))
        return [line for line in lines if line]

    def configure(self, contract: Contract, max_skew_s: float) -> None:
        """Begins to deliver states of this contract; `max_skew_s`: see Contract.skew_ns."""
        self._vector = StateVector(contract.observation.state)
        self._needs_pose = _needs_pose(contract)
        self._wanted = _joints_of(contract)
        self._needs_joints = bool(self._wanted)
        self._joints = None
        self._left_out.clear()
        self._max_skew_ns = contract.skew_ns(max_skew_s)
        self._frame = contract.action.base_frame
        # A simulated environment with commands of its own has chosen the sign that its demonstrations have, too.
        self._sign_as_sent = contract.action.kind == "native"
        self._delivered = {}
        self._apart.clear()

    def _on_joints(self, message: JointState) -> None:
        names = tuple(message.name)
        self._joint_names.pop(names, None)
        self._joint_names[names] = None
        if len(self._joint_names) > _PUBLISHERS:
            del self._joint_names[next(iter(self._joint_names))]
        if self._vector and self._needs_joints and not self._leaves_out(names):
            self._joints = message
            self._merge(JOINT_TOPIC)

    def _heard_of(self, wanted: frozenset[str]) -> frozenset[str]:
        """The names of the newest joint states that have any of these."""
        return next((names for names in map(frozenset, reversed(self._joint_names)) if names & wanted), frozenset())

    def _leaves_out(self, names: tuple[str, ...]) -> bool:
        """Whether joint states of these names are of no use; says so once."""
        if not self._wanted.isdisjoint(names):
            return False
        if names not in self._left_out and len(self._left_out) < _PUBLISHERS:
            self._left_out.add(names)
            self._node.get_logger().info(
                f"{JOINT_TOPIC} of {', '.join(names) or 'no names'} are left out: the contract's state has none of them"
            )
        return True

    def _on_pose(self, message: PoseStamped) -> None:
        self._pose = message
        if self._vector and self._needs_pose:
            self._merge(POSE_TOPIC)

    def _merge(self, topic: str) -> None:
        """The newest messages, of which this topic's has just come."""
        joints = self._joints if self._needs_joints else None
        pose = self._pose if self._needs_pose else None
        if (self._needs_joints and joints is None) or (self._needs_pose and pose is None):
            return
        messages = {JOINT_TOPIC: joints, POSE_TOPIC: pose}
        stamps = {name: to_ns(message.header.stamp) for name, message in messages.items() if message}
        stamp_ns = min(stamps.values())
        if _skew_ns(stamps) > self._max_skew_ns:
            self._note_apart(topic, stamps)
            return
        self._apart.clear()
        if self._had_nearer(stamps):
            return
        try:
            state = self._gathered(joints, pose)
        except ObservationError as error:
            self._refuse(stamp_ns, error)
            return
        self._delivered = stamps
        self._deliver(stamp_ns, state)

    def _note_apart(self, topic: str, stamps: dict[str, int]) -> None:
        """Counts a message whose stamp lies too far from the other topic's; refuses the state once many of both do."""
        count, first_ns = self._apart.get(topic, (0, stamps[topic]))
        self._apart[topic] = (count + 1, first_ns)
        apart = self._apart.values()
        if len(apart) < len(stamps) or min(count for count, _ in apart) < _APART:
            return
        if max(stamps[name] - first_ns for name, (_, first_ns) in self._apart.items()) < _APART_NS:
            return
        self._apart.clear()
        reason = (
            f"{JOINT_TOPIC} and {POSE_TOPIC} lie {_skew_ns(stamps) / 1e6:.1f} ms apart, "
            f"{self._max_skew_ns / 1e6:.1f} ms allowed; check the stamps (0 is none), clocks and rates of both, or "
            "raise max_skew_s"
        )
        # The older stamp: a newer one of a wrong clock would refuse what comes long after the clock is right again.
        self._refuse(min(stamps.values()), ObservationError(reason))

    def _had_nearer(self, stamps: dict[str, int]) -> bool:
        """Whether the last state was of this stamp, or had the older message beside one that is as near or nearer."""
        if not self._delivered:
            return False
        older = min(stamps, key=stamps.__getitem__)
        if stamps[older] == min(self._delivered.values()):
            return True
        return stamps[older] == self._delivered[older] and _skew_ns(stamps) >= _skew_ns(self._delivered)

    def _gathered(self, joints: JointState | None, pose: PoseStamped | None) -> NDArray[np.float64]:
        names: list[str] = []
        values: list[float] = []
        if joints:
            names += joints.name
            values += joints.position
        if pose:
            names += POSE_NAMES
            values += pose_values(pose, POSE_TOPIC, self._frame, self._sign_as_sent)
        assert self._vector is not None
        return self._vector.gather(names, values)


def _skew_ns(stamps: dict[str, int]) -> int:
    """How far the stamps (ns) of the topics lie apart."""
    return max(stamps.values()) - min(stamps.values())


def _joints_of(contract: Contract) -> frozenset[str]:
    """The names that joint states are to have."""
    return frozenset(contract.state_names) - frozenset(POSE_NAMES)


def _needs_pose(contract: Contract) -> bool:
    return not set(contract.state_names).isdisjoint(POSE_NAMES)
