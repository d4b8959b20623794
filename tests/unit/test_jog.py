"""An operator's target: never far ahead of the arm, and still while nobody asks for motion."""

from __future__ import annotations

import numpy as np
import pytest
from helpers.motion import with_measured_gripper
from numpy.typing import NDArray
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import CommandSpace
from sdm_core.commands.speed_share import slowed
from sdm_core.contract import Contract
from sdm_core.share import share_directory
from sdm_policy_node.teleop.jog import Jog, Speeds

CONTRACT = Contract.load(share_directory("sdm_bringup") / "config" / "robot" / "fr3_contract.yaml")
SPACE = CommandSpace(CONTRACT.action)
SPEEDS = Speeds(linear=0.12, angular=0.6)
# Over the table, pointing down.
STAND = np.array([0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0])
STILL, YAW, FORWARDS = np.zeros(6), np.array([0.0, 0, 0, 0, 0, 1]), np.array([1.0, 0, 0, 0, 0, 0])
PERIOD_NS = 10_000_000
TICKS = CONTRACT.dt_ns // PERIOD_NS
LAG_S = 0.15
# How far the target may lead: m and rad.
LEAD, TURN = 0.06, 0.15


class Arm:
    """Lags behind its commands, which come through the pipeline, and hangs `sag` (m) below them."""

    def __init__(self, speed_share: float = 1.0, sag: float = 0.0) -> None:
        self._pipeline = CommandPipeline(slowed(CONTRACT, speed_share), period_ns=PERIOD_NS, max_age_ns=300_000_000)
        self._jog = Jog(CONTRACT, SPEEDS)
        self._now_ns, self._sag = 0, np.array([0, 0, sag, 0, 0, 0, 0])
        command = MeasuredPose(CONTRACT).of(STAND)
        self.place = SPACE.advance(command, -self._sag)
        """Where it is measured to be."""
        self._pipeline.reset(command)
        self._jog.start(self.place[:7])

    def period(self, twist: NDArray[np.float64]) -> None:
        """One chunk, and the commands of its control period."""
        self._pipeline.add(self._jog.chunk(self._now_ns, self.place[:7], twist))
        for _ in range(TICKS):
            command = self._pipeline.tick(self._now_ns).command
            assert command is not None
            ahead = SPACE.difference(self.place, command) - self._sag
            self.place = SPACE.advance(self.place, ahead * PERIOD_NS * 1e-9 / LAG_S)
            self._now_ns += PERIOD_NS


def moved(begin: NDArray[np.float64], arm: Arm) -> NDArray[np.float64]:
    return SPACE.difference(begin, arm.place)


def test_an_arm_that_stands_is_not_led_far_however_long_a_key_is_held() -> None:
    jog = Jog(CONTRACT, SPEEDS)
    jog.start(STAND)
    measured = MeasuredPose(CONTRACT).of(STAND)
    for step in range(200):
        chunk = jog.chunk(step * CONTRACT.dt_ns, STAND, YAW + FORWARDS)
        ahead = np.array([SPACE.difference(measured, target) for target in chunk.targets])
        assert np.linalg.norm(ahead[:, :3], axis=1).max() <= LEAD + 1e-9
        assert np.linalg.norm(ahead[:, -3:], axis=1).max() <= TURN + 1e-9
    assert np.linalg.norm(ahead[-1, :3]) == pytest.approx(LEAD)
    assert np.linalg.norm(ahead[-1, -3:]) == pytest.approx(TURN)


@pytest.mark.parametrize(("speed_share", "seconds"), [(1.0, 5.0), (0.2, 5.0), (0.2, 10.0)])
def test_a_turn_ends_near_where_its_key_was_let_go(speed_share: float, seconds: float) -> None:
    arm, turned = Arm(speed_share), []
    for _ in range(round(seconds / CONTRACT.dt)):
        arm.period(YAW)
    released = arm.place
    for _ in range(80):
        arm.period(STILL)
        turned.append(moved(released, arm)[-1])
    assert min(turned) > -1e-3
    assert max(turned) < TURN + 0.01
    assert max(turned) - turned[-1] < 0.01


@pytest.mark.parametrize(("twist", "axis", "way"), [(FORWARDS, 0, 0.12 * 0.15), (YAW, -1, 0.6 * 0.15)])
def test_a_tap_moves_as_far_as_it_asks_for(twist: NDArray[np.float64], axis: int, way: float) -> None:
    arm = Arm()
    begin = arm.place
    for step in range(60):
        arm.period(twist if step < round(0.15 / CONTRACT.dt) else STILL)
    assert moved(begin, arm)[axis] == pytest.approx(way, rel=0.02)


@pytest.mark.parametrize("sag", [0.003, 0.015, 0.025])
@pytest.mark.parametrize("rest", [5, 17])
def test_taps_do_not_let_an_arm_creep_that_sags_under_its_load(sag: float, rest: int) -> None:
    arm = Arm(sag=sag)
    for _ in range(20):
        arm.period(STILL)
    begin = arm.place
    for _ in range(8):
        for twist in (FORWARDS, -FORWARDS):
            for step in range(3 + rest):
                arm.period(twist if step < 3 else STILL)
    for _ in range(20):
        arm.period(STILL)
    assert moved(begin, arm)[2] == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize(("told", "gripper"), [(None, 0.4), (1.0, 1.0)])
def test_a_measured_gripper_goes_on_as_it_was_told_and_where_nobody_told_it_as_it_stands(
    told: float | None, gripper: float
) -> None:
    jog, state = Jog(with_measured_gripper(CONTRACT), SPEEDS), np.array([*STAND, 0.4])
    if told is not None:
        jog.gripper_told(told)
    jog.start(state)
    assert set(jog.chunk(0, state, STILL).targets[:, -1].tolist()) == {gripper}
    jog.toggle_gripper()
    toggled = jog.chunk(0, state, STILL).targets[0, -1]
    jog.rest()
    jog.start(state)
    assert jog.chunk(0, state, STILL).targets[0, -1] == toggled
