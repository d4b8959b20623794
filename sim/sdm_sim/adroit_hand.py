"""Adroit's hand (Kumar, 2016) as gymnasium-robotics has it, whatever carries it: its names and its actions."""

# pyright: reportAttributeAccessIssue=false
# (mujoco's compiled modules carry no types)

from __future__ import annotations

import mujoco
from sdm_core.contract import ActionSpec

from sdm_sim.task_contract import actions

HAND_JOINTS = 24
# The site in the grip of the palm, and the states of where it is, in m in the world.
PALM_SITE, PALM = "S_grasp", ("palm.x", "palm.y", "palm.z")


def actuator_names(model: mujoco.MjModel) -> tuple[str, ...]:
    """The carrier's and, last, the hand's; each is called like its joint, and joints come in the same order."""
    return tuple(model.actuator(index).name.removeprefix("A_") for index in range(model.nu))


def position_targets(actuators: tuple[str, ...]) -> ActionSpec:
    """Actions that are the actuators' position targets, in halves of their ranges."""
    return ActionSpec(
        kind="native",
        entries=actions("half the range of the actuator's position target", -1, 1, *actuators),
        base_frame="world",
        tool_frame="palm",
        hold=(None,) * len(actuators),  # the joints stay with their last targets
    )
