"""The contract of the cell's tasks: that of the real one (config/robot/fr3_contract.yaml), with the hand's opening.

`joint_states` on the real cell must then be the relay that has the hand's joints too. Its limits are a brisk arm's:
with all axes together, within a third of the speed that the FR3 itself allows and half of the acceleration; where it
turns, within two thirds and half.
"""

from __future__ import annotations

from sdm_core.contract import ActionEntry, ActionSpec, CameraSpec, CloudSpec, Contract

from sdm_sim.franka import fr3
from sdm_sim.franka.robot import POSE_NAMES
from sdm_sim.franka.scene import CAMERA, WRIST
from sdm_sim.task_contract import states, task_contract

CONTROL_HZ = 20.0
POSITION_LOW, POSITION_HIGH = (0.25, -0.40, 0.005), (0.75, 0.40, 0.55)
# Above the table and below the arm, which would take half of the cloud's points from what lies there.
CROP_LOW, CROP_HIGH = (0.25, -0.42, 0.006), (0.78, 0.42, 0.3)


def franka_contract(name: str, seen_to: float, width: int, height: int) -> Contract:
    """The contract of the task `name`, whose clouds end at y = `seen_to` (m), with cameras of so many pixels."""
    crop_high = (CROP_HIGH[0], seen_to, CROP_HIGH[2])
    translation = {"unit": "m", "max_velocity": 0.5, "max_acceleration": 2.5, "max_jerk": 50.0}
    rotation = {"unit": "1", "max_velocity": 1.5, "max_acceleration": 6.0, "max_jerk": 120.0}
    bounds = zip(POSE_NAMES[:3], POSITION_LOW, POSITION_HIGH, strict=True)
    return task_contract(
        name,
        CONTROL_HZ,
        (*states("m", *POSE_NAMES[:3]), *states("1", *POSE_NAMES[3:]), *states("m", fr3.FINGER_JOINTS[0])),
        CloudSpec(frame=fr3.BASE_FRAME, crop_low=CROP_LOW, crop_high=crop_high, centre=POSE_NAMES[:3], scale=0.3),
        ActionSpec(
            kind="ee_pose",
            rotation="quaternion_xyzw",
            entries=(
                *(ActionEntry(name=axis, low=low, high=high, **translation) for axis, low, high in bounds),
                *(ActionEntry(name=part, low=-1.0, high=1.0, **rotation) for part in POSE_NAMES[3:]),
                ActionEntry(name="gripper", unit="1", low=0.0, high=1.0),
            ),
            base_frame=fr3.BASE_FRAME,
            tool_frame=fr3.TOOL_FRAME,
            gripper="1 closes, 0 opens",
            centre=POSE_NAMES[:3],
        ),
        (
            CameraSpec(name=CAMERA, width=width, height=height, depth_encoding="16UC1"),
            CameraSpec(name=WRIST, width=width, height=height),
        ),
    )
