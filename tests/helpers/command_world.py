"""A CommandStream, its robot and its policy, on a clock of the test's own."""

from __future__ import annotations

import numpy as np
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import is_motion
from sdm_core.contract import Contract
from sdm_policy_node.commands.command_stream import CommandStream, StopRules
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.measured_position import MeasuredPosition
from sdm_policy_node.liveness import Liveness

HOLD_S = 0.1
_LONGEST_STOP = 200


class World:
    """A stream at 100 Hz, its robot, and a policy that lives as long as the test lets it.

    A robot that is given paths goes along the last one, whether it is given another or not: `driven` says where it was,
    a row a period.
    """

    def __init__(
        self,
        contract: Contract,
        *,
        deadman_timeout_s: float = 0.0,
        sends_paths: bool = False,
        simulated_clock: bool = False,
        **rules: float,
    ) -> None:
        self.contract = contract
        self.now, self.now_ns = 50.0, 10**12
        self.interlock = Interlock()
        self.measured = MeasuredPosition(contract, 0.2, max_speed=10.0) if is_motion(contract.action) else None
        self.stand = np.array([0.3, -0.3, 0.0, 0.0, 0.0, 0.0, 1.0])[: contract.state_dim]  # two joints, or a pose
        self.driven: list[np.ndarray] = []
        self.path = self.stand[np.newaxis]
        self._sends_paths, self._plans = sends_paths, 0
        self.stream = CommandStream(
            contract,
            CommandPipeline(contract, period_ns=10_000_000),
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
        sends_late: int = 0,
    ) -> GateDecision | None:
        """One period: the robot is where it was told, unless it does not follow. `sends_late`: so many periods the
        process is given no time before it gives a path."""
        self.passes(1)
        if alive:
            self.stream.heard_heartbeat(self.now)
        if self.measured and speaks:
            self.measured.observe(self.now_ns, self.stand, self.now)
        if target is not None:
            self.chunk(target)
        decision = self.stream.tick(self.now_ns, self.now)
        if decision and decision.command is not None and follows:
            self.stand = decision.command[: len(self.stand)]
        if self._sends_paths and decision and self.stream.plans != self._plans:
            self._plans = self.stream.plans
            self.passes(sends_late)
            self.path = self.stream.path(lambda: self.now)
        return decision

    def passes(self, periods: int) -> None:
        """Time goes by, in which the process is given none."""
        for _ in range(periods):
            self.now += 0.01
            self.now_ns += 10_000_000
            if self._sends_paths:
                self.driven.append(self.path[0])
                self.stand, self.path = self.path[0], self.path[min(1, len(self.path) - 1) :]

    def silence_after(self, *, alive: bool = True, speaks: bool = True) -> list[GateDecision]:
        """Steps until it falls silent; gives all decisions until then."""
        decisions = []
        for _ in range(_LONGEST_STOP):
            decision = self.step(alive=alive, speaks=speaks)
            if decision is None:
                return decisions
            decisions.append(decision)
        raise AssertionError(f"{self.stream.activity} after {_LONGEST_STOP} periods")
