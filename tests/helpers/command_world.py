"""A CommandStream, its robot and its policy, on a clock of the test's own."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import is_motion
from sdm_core.commands.planned_path import PlannedPath
from sdm_core.contract import Contract
from sdm_core.errors import ObservationError
from sdm_policy_node.commands.command_stream import CommandStream, StopRules
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.measured_position import MeasuredPosition
from sdm_policy_node.liveness import Liveness

from helpers.trajectory_arm import TrajectoryArm

HOLD_S = 0.1
_LONGEST_STOP = 200


class World:
    """A stream at 100 Hz, its robot, and a policy that lives as long as the test lets it.

    A robot that is given paths goes along the last one, whether it is given another or not: `driven` says where it was
    at the end of each period, `speeds` how fast it was, ten times a period.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        deadman_timeout_s: float = 0.0,
        sends_paths: bool = False,
        simulated_clock: bool = False,
        scheduler: str = "receding",
        **rules: float,
    ) -> None:
        self.contract = contract
        self.now, self.now_ns = 50.0, 10**12
        self.interlock = Interlock()
        self.measured = MeasuredPosition(contract, 0.2, max_speed=10.0) if is_motion(contract.action) else None
        self.stand = np.array([0.3, -0.3, 0.0, 0.0, 0.0, 0.0, 1.0])[: contract.state_dim]  # two joints, or a pose
        self.driven: list[np.ndarray] = []
        self.speeds: list[np.ndarray] = []
        self.path: PlannedPath | None = None
        self._arm = TrajectoryArm(self.stand) if sends_paths else None
        self._simulated = simulated_clock
        self._seen_ns = self._robots_ns
        self.stream = CommandStream(
            contract,
            CommandPipeline(contract, scheduler=scheduler, period_ns=10_000_000),
            Liveness(0.1, 0.2, deadman_timeout_s),
            self.measured,
            StopRules(HOLD_S, 0.2, **rules),
            self.interlock,
            0.01,
            sends_paths=sends_paths,
            simulated_clock=simulated_clock,
        )

    def chunk(self, target: list[float] | np.ndarray) -> None:
        """To one place, or through [H, A]."""
        targets = np.broadcast_to(target, (self.contract.horizon, np.shape(target)[-1])).copy()
        self.stream.follow(ActionChunk(self.now_ns, self.contract.dt_ns, targets, 0), self.now_ns, self.now)

    def step(
        self,
        target: list[float] | np.ndarray | None = None,
        *,
        alive: bool = True,
        speaks: bool = True,
        follows: bool = True,
        ticks_late: float = 0.0,
        sends_late: float = 0.0,
        plans_late: float = 0.0,
    ) -> GateDecision | None:
        """To the end of the period: the robot is where it was told, unless it does not follow. So many periods the
        process is given no time before it ticks, before it plans a path, or while it does."""
        # A timer keeps its phase, whatever came late.
        self.passes((-self._robots_ns % 10_000_000 / 10_000_000 or 1.0) if self._arm else 1.0)
        self.passes(ticks_late)
        if alive:
            self.stream.heard_heartbeat(self.now)
        if self.measured and speaks:
            with suppress(ObservationError):  # as after its clock was set
                self.measured.observe(self.now_ns, self.stand, self.now)
        if target is not None:
            self.chunk(target)
        decision = self.stream.tick(self.now_ns, self.now)
        if self._arm is None:
            if decision and decision.command is not None and follows:
                self.stand = decision.command[: len(self.stand)]
        elif decision:
            self.passes(sends_late)
            self.sends(plans_late)
        return decision

    def sends(self, plans_late: float = 0.0) -> None:
        """Gives the robot its path, if there is one to give."""
        assert self._arm
        waits = [0.0, plans_late]

        def clock() -> float:
            self.passes(waits.pop(0) if waits else 0.0)
            return self.now

        if path := self.stream.path(clock):
            self.path = path
            self._arm.give(path, self._robots_ns * 1e-9)

    def passes(self, periods: float) -> None:
        """Time goes by, in which the process is given none."""
        self.now += periods * 0.01
        self.now_ns += round(periods * 10_000_000)
        self.looks()

    def looks(self) -> None:
        """What a robot on a path has done since."""
        if self._arm is None:
            return
        while self._seen_ns + 1_000_000 <= self._robots_ns:
            self._seen_ns += 1_000_000
            position, speed = self._arm.at(self._seen_ns * 1e-9)
            self.speeds.append(speed)
            if self._seen_ns % 10_000_000 == 0:
                self.driven.append(position)
        self.stand = self._arm.at(self._robots_ns * 1e-9)[0]

    @property
    def _robots_ns(self) -> int:
        """The robot's own clock."""
        return self.now_ns if self._simulated else round(self.now * 1e6) * 1000

    def silence_after(self, *, alive: bool = True, speaks: bool = True) -> list[GateDecision]:
        """Steps until it falls silent; gives all decisions until then."""
        decisions = []
        for _ in range(_LONGEST_STOP):
            decision = self.step(alive=alive, speaks=speaks)
            if decision is None:
                return decisions
            decisions.append(decision)
        raise AssertionError(f"{self.stream.activity} after {_LONGEST_STOP} periods")
