"""The contract of a Robomimic task: robosuite's own OSC deltas at 20 Hz, and the poses of its hands.

The deltas are those of the published demonstrations: along the world's axes, from where the hand is now. A robosuite
action has no limits of motion but its own, and is therefore `native`.
"""

from __future__ import annotations

from sdm_core.contract import ActionEntry, ActionSpec, Contract, StateEntry

from sdm_sim.robomimic.views import IMAGE_SIZE, VIEWS
from sdm_sim.task_contract import actions, depth_camera, states, task_contract

CONTROL_HZ = 20.0
# What an action of 1 is worth (m and rad).
TRANSLATION, ROTATION = 0.05, 0.5


def arm_prefixes(task: str) -> tuple[str, ...]:
    """What the names of each arm's entries begin with: nothing where there is but one."""
    return ("robot0.", "robot1.") if task == "transport" else ("",)


def robomimic_contract(task: str) -> Contract:
    """The contract of `robomimic/<task>`."""
    prefixes = arm_prefixes(task)
    return task_contract(
        f"robomimic/{task}",
        CONTROL_HZ,
        [entry for prefix in prefixes for entry in _states(prefix)],
        VIEWS[task].cloud(),
        ActionSpec(
            kind="native",
            entries=tuple(entry for prefix in prefixes for entry in _actions(prefix)),
            delta_reference="the measured pose of the grip site",
            base_frame="world",
            tool_frame="grip_site",
            gripper="+1 closes, -1 opens",
            hold=(*(0.0,) * 6, None) * len(prefixes),
        ),
        (depth_camera(IMAGE_SIZE),),
    )


def _states(prefix: str) -> tuple[StateEntry, ...]:
    return (
        *states("m", *(f"{prefix}ee.{axis}" for axis in "xyz")),
        *states("1", *(f"{prefix}ee.q{axis}" for axis in "xyzw")),
        *states("m", *(f"{prefix}finger_joint{finger}" for finger in (1, 2))),
    )


def _actions(prefix: str) -> tuple[ActionEntry, ...]:
    return (
        *actions(f"{1000 * TRANSLATION:g} mm per step", -1, 1, *(f"{prefix}ee.d{axis}" for axis in "xyz")),
        *actions(f"{ROTATION:g} rad per step", -1, 1, *(f"{prefix}ee.r{axis}" for axis in "xyz")),
        *actions("effort", -1, 1, f"{prefix}gripper"),
    )
