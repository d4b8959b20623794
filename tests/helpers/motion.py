"""Contracts whose commands are places to be, or rates, with limits of their motion."""

from __future__ import annotations

import numpy as np
from sdm_core.contract import ActionEntry, ActionSpec, Contract, StateEntry

from helpers.contracts import small_contract

POSE_STATE = ("ee.x", "ee.y", "ee.z", "ee.qx", "ee.qy", "ee.qz", "ee.qw")
POSE_AT_REST = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0])


def joint_contract(joints: int = 2, gripper: bool = False) -> Contract:
    """`joint_position` commands within ±1 rad at 100 Hz, and an unmeasured gripper."""
    entries = tuple(
        ActionEntry(
            name=f"joint{index}", unit="rad", low=-1, high=1, max_velocity=1.5, max_acceleration=6.0, max_jerk=120.0
        )
        for index in range(joints)
    )
    grippers = (ActionEntry(name="gripper", unit="1", low=0, high=1),) if gripper else ()
    action = ActionSpec(kind="joint_position", entries=(*entries, *grippers), base_frame="base", tool_frame="tool")
    contract = small_contract(control_hz=100.0, horizon=8, n_action_steps=4, state=tuple(e.name for e in entries))
    return contract.model_copy(update={"action": action})


def pose_contract(kind: str = "ee_pose", delta_reference: str | None = None) -> Contract:
    """x, y, z within ±0.5 m, a quaternion, and a gripper without motion limits, at 100 Hz."""
    position = (
        ActionEntry(name=f"ee.{axis}", unit="m", low=-0.5, high=0.5, max_velocity=0.5, max_acceleration=3, max_jerk=60)
        for axis in "xyz"
    )
    rotation = (
        ActionEntry(name=f"ee.q{axis}", unit="1", low=-1, high=1, max_velocity=1, max_acceleration=6, max_jerk=100)
        for axis in "xyzw"
    )
    gripper = ActionEntry(name="gripper", unit="1", low=0, high=1)
    action = ActionSpec(
        kind=kind,  # type: ignore[arg-type]
        entries=(*position, *rotation, gripper),
        rotation="quaternion_xyzw",
        delta_reference=delta_reference,
        base_frame="base",
        tool_frame="tool",
        gripper="1 closes",
    )
    contract = small_contract(control_hz=100.0, horizon=8, n_action_steps=4, state=POSE_STATE)
    return contract.model_copy(update={"action": action})


def with_measured_gripper(contract: Contract) -> Contract:
    """`contract` with a state entry of its gripper's name, the last one."""
    state = (*contract.observation.state, StateEntry(name="gripper", unit="1"))
    return contract.model_copy(update={"observation": contract.observation.model_copy(update={"state": state})})


def rate_contract(kind: str = "joint_velocity", names: tuple[str, ...] = ("joint0", "joint1")) -> Contract:
    """Rates within ±0.5 at 100 Hz, that change by 2 a second and 40 a second² at most."""
    entries = tuple(
        ActionEntry(name=name, unit="1/s", low=-0.5, high=0.5, max_acceleration=2.0, max_jerk=40.0) for name in names
    )
    action = ActionSpec(
        kind=kind,  # type: ignore[arg-type]
        entries=entries,
        base_frame="base",
        tool_frame="tool",
        hold=(0.0,) * len(names),
    )
    contract = small_contract(control_hz=100.0, horizon=20, n_action_steps=4)
    return contract.model_copy(update={"action": action})
