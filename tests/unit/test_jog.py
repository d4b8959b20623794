"""An operator's target: never far ahead of the arm, near where it is let go, and still while nobody asks for motion."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import CommandSpace
from sdm_core.commands.speed_share import slowed
from sdm_core.contract import Contract, StateEntry
from sdm_core.share import share_directory
from sdm_policy_node.teleop.jog import Jog, Speeds

CONTRACT = Contract.load(share_directory("sdm_bringup") / "config" / "robot" / "fr3_contract.yaml")
SPACE = CommandSpace(CONTRACT.action)
# Over the table, pointing down.
STAND = np.array([0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0])
STILL, YAW, FORWARDS = np.zeros(6), np.array([0.0, 0, 0, 0, 0, 1]), np.array([1.0, 0, 0, 0, 0, 0])
PERIOD_NS = 10_000_000
TICKS = CONTRACT.dt_ns // PERIOD_NS
# Of the target's lead in motion: m and rad.
LEAD, TURN = 0.06, 0.15


class Arm:
    """Follows every command at once, but hangs `sag` (m) below it; commands come through the pipeline."""

    def __init__(self, speed_share: float = 1.0, sag: float = 0.0) -> None:
        self._pipeline = CommandPipeline(slowed(CONTRACT, speed_share), period_ns=PERIOD_NS, max_age_ns=300_000_000)
        self._jog = Jog(CONTRACT, Speeds(linear=0.12, angular=0.6))
        self._now_ns, self._sag = 0, np.array([0, 0, sag, 0, 0, 0, 0])
        self.command = MeasuredPose(CONTRACT).of(STAND)
        self._jog.start(self.state)
        self._pipeline.reset(self.command)

    @property
    def state(self) -> NDArray[np.float64]:
        return self.command[:7] - self._sag

    def period(self, twist: NDArray[np.float64], *, paused: bool = False, told: bool = True) -> None:
        """One chunk, and the commands of its control period; a paused command_node gives none. Where the operator is
        not `told` so, he believes that he is followed."""
        chunk = self._jog.chunk(self._now_ns, self.state, twist, not (paused and told))
        if not paused:
            self._pipeline.add(chunk)
        for _ in range(TICKS):
            if not paused:
                command = self._pipeline.tick(self._now_ns).command
                assert command is not None
                self.command = command
            self._now_ns += PERIOD_NS

    def led(self, step: NDArray[np.float64]) -> None:
        """By hand, by `step` float64[D]; commands begin anew from there."""
        self.command = SPACE.advance(self.command, step)
        self._pipeline.reset(self.command)


def lead(jog: Jog, state: NDArray[np.float64]) -> tuple[float, float]:
    """The target's, from this state: m and rad."""
    assert jog.target is not None
    step = SPACE.difference(MeasuredPose(CONTRACT).of(state), jog.target)
    return float(np.linalg.norm(step[:3])), float(np.linalg.norm(step[-3:]))


def test_an_arm_that_stands_is_not_led_far_however_long_a_key_is_held() -> None:
    jog = Jog(CONTRACT, Speeds(linear=0.12, angular=0.6))
    jog.start(STAND)
    for step in range(200):
        chunk = jog.chunk(step * CONTRACT.dt_ns, STAND, YAW + FORWARDS)
        turns = [np.linalg.norm(SPACE.difference(chunk.targets[0], target)[-3:]) for target in chunk.targets]
        assert max(turns) <= TURN + 1e-9
    assert lead(jog, STAND) == pytest.approx((LEAD, TURN))
    jog.chunk(200 * CONTRACT.dt_ns, STAND, STILL)
    assert lead(jog, STAND) == pytest.approx((0.005, 0.03))


@pytest.mark.parametrize(("speed_share", "twist"), [(1.0, YAW), (0.2, YAW), (0.2, FORWARDS)])
def test_who_lets_go_of_the_key_stops_the_arm(speed_share: float, twist: NDArray[np.float64]) -> None:
    arm = Arm(speed_share)
    for _ in range(200 if twist is YAW else 40):
        arm.period(twist)
    released, places = arm.command, []
    for _ in range(40):
        arm.period(STILL)
        places.append(SPACE.difference(released, arm.command) @ [*twist[:3], 0, *twist[3:]])
    # It goes on by little more than it brakes in, and is there as soon as the limits allow.
    assert places[-1] < 0.015 if twist is FORWARDS else places[-1] < 0.12
    assert np.ptp(places[12:]) < 1e-3  # after 0.65 s
    assert min(places) > -1e-6
    assert max(places) < places[-1] + 0.01  # nor does it swing back by more than it does when it keeps up


@pytest.mark.parametrize("told", [True, False])
def test_an_arm_that_was_led_by_hand_in_a_pause_stays_where_it_was_left(told: bool) -> None:
    arm = Arm()
    for _ in range(20):
        arm.period(FORWARDS)
    for _ in range(20):
        arm.period(STILL)
    way = np.array([0.05, 0.2, 0.0, 0.0, 0.0, 0.0, 1.2])
    steps = 71 if told else 1  # who is not told notices a long way alone
    for _ in range(steps):
        arm.led(way / steps)
        arm.period(STILL, paused=True, told=told)
    left = arm.command
    for step in range(60):
        arm.period(STILL, paused=step < 3, told=told)
    assert SPACE.difference(left, arm.command) == pytest.approx(np.zeros(SPACE.dim), abs=1e-9)


@pytest.mark.parametrize("twist", [FORWARDS, YAW])
def test_keys_that_were_pressed_in_a_pause_are_forgotten(twist: NDArray[np.float64]) -> None:
    arm = Arm()
    for step in range(20):
        arm.period(twist if step < 10 else STILL, paused=True)
    for _ in range(20):
        arm.period(STILL)
    assert SPACE.difference(MeasuredPose(CONTRACT).of(STAND), arm.command) == pytest.approx(np.zeros(SPACE.dim))


@pytest.mark.parametrize(("speed_share", "sag"), [(1.0, 0.003), (0.2, 0.003), (1.0, 0.015)])
def test_taps_do_not_let_an_arm_creep_that_sags_under_its_load(speed_share: float, sag: float) -> None:
    arm = Arm(speed_share, sag)
    for _ in range(20):
        arm.period(STILL)
    begin = arm.command
    for _ in range(30):
        for twist in (FORWARDS, -FORWARDS):
            for step in range(20):
                arm.period(twist if step < 3 else STILL)
    assert arm.command[2] == pytest.approx(begin[2], abs=1e-6)


def test_a_pause_without_a_hand_on_the_arm_does_not_let_it_sag_farther() -> None:
    arm = Arm(sag=0.015)
    for _ in range(20):
        arm.period(STILL)
    begin = arm.command
    for _ in range(5):
        for step in range(40):
            arm.period(STILL, paused=step < 20)
    assert arm.command == pytest.approx(begin)


def test_what_a_measured_gripper_holds_is_held_on_to_where_the_arm_was_led() -> None:
    gripper = StateEntry(name="gripper", unit="1")
    observation = CONTRACT.observation.model_copy(update={"state": (*CONTRACT.observation.state, gripper)})
    jog = Jog(CONTRACT.model_copy(update={"observation": observation}), Speeds(linear=0.12, angular=0.6))
    jog.start(np.array([*STAND, 0.0]))
    jog.toggle_gripper()
    held = np.array([*STAND, 0.7])  # something is between the fingers
    jog.chunk(0, held, STILL)
    chunk = jog.chunk(CONTRACT.dt_ns, held + 0.2 * np.eye(8)[1], STILL, False)
    assert chunk.targets[0] == pytest.approx([*STAND[:1], 0.2, *STAND[2:], 1.0])
