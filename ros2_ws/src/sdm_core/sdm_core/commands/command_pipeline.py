"""Scheduler → smoother → gate: the one way from a policy's chunks to what a robot is told."""

from __future__ import annotations

from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.chunk_scheduler import ChunkScheduler
from sdm_core.commands.command_gate import CommandGate, GateDecision
from sdm_core.commands.command_space import CommandSpace, is_motion, is_rate
from sdm_core.commands.smoother import Smoother
from sdm_core.contract import Contract
from sdm_core.errors import CommandError

# More periods than any stop takes.
_LONGEST_STOP = 10_000


class PathRow(NamedTuple):
    """A period of a path: its decision, and the pipeline as it is after it, for `CommandPipeline.go_on_from`."""

    decision: GateDecision
    after: CommandPipeline


class CommandPipeline:
    """Used inline by the policy node in lockstep, by the command node, and by the direct rollout alike.

    Call `tick` once a period with the time of the command; the clock behind `now_ns` is that of the chunks' stamps.
    Pose and joint kinds pass nothing until `reset` has been told the robot's position; rates begin at rest. `ee_delta`
    chunks are made absolute before (`anchor.Anchor`), and the contract with them (`anchor.absolute`).
    """

    def __init__(
        self,
        contract: Contract,
        *,
        scheduler: str = "receding",
        period_ns: int | None = None,
        max_age_ns: int | None = None,
    ) -> None:
        """`period_ns` between ticks (the contract's by default), `max_age_ns` of observations (a chunk's span)."""
        self._period_ns = period_ns or contract.dt_ns
        period = self._period_ns * 1e-9
        max_age_ns = contract.future_actions * contract.dt_ns if max_age_ns is None else max_age_ns
        self._scheduler = ChunkScheduler(contract, scheduler, max_age_ns=max_age_ns)
        smooth = is_motion(contract.action) or is_rate(contract.action)
        self._smoother = Smoother(CommandSpace(contract.action), period) if smooth else None
        self._gate = CommandGate(contract.action, period, max_age_ns)

    @property
    def counts(self) -> dict[str, int]:
        """How often the gate intervened, by kind."""
        return dict(self._gate.counts)

    def reset(self, position: NDArray[np.float64] | None = None) -> None:
        """Forgets chunks and motion; `position` (float64[A]) is where a robot of pose or joint kind stands now, or the
        last command to one of another kind, if it has had any."""
        self._scheduler.reset()
        self._gate.reset(position)
        self._smooth_from_rest()

    def settle(self) -> None:
        """Goes on from rest at the last command, where none was given for so long that the robot stands there. Chunks
        stay; a rate goes on as it is, unchanging."""
        self._gate.settle()
        self._smooth_from_rest()

    def copy(self) -> CommandPipeline:
        """A pipeline in the same state, to look ahead with; it counts for itself."""
        other = copy(self)
        other._scheduler, other._gate = self._scheduler.copy(), self._gate.copy()
        other._smoother = self._smoother and self._smoother.copy()
        return other

    def go_on_from(self, row: PathRow) -> None:
        """Goes on from where and how fast a row of its own path has led the robot; chunks stay."""
        if motion := row.after._gate.motion:
            self._gate.resume(*motion)
        self._smoother = row.after._smoother and row.after._smoother.copy()

    def confine(self, contract: Contract) -> None:
        """Begins anew, as `reset` does, within the bounds of `contract`, which differs in nothing else."""
        self._gate.confine(contract.action)
        self.reset()

    def add(self, chunk: ActionChunk) -> None:
        """Takes a chunk of absolute targets. Raises CommandError, and takes nothing, if any of it cannot be used."""
        self._scheduler.add(chunk)

    def require(self, chunk: ActionChunk) -> None:
        """Raises CommandError where `add` would."""
        self._scheduler.require(chunk)

    def tick(self, now_ns: int) -> GateDecision:
        """The command of this period."""
        target = self._scheduler.at(now_ns)
        age_ns = self._scheduler.age(now_ns)
        if self._smoother is None:
            return self._gate.check(target, age_ns)
        return self._followed(self._gate.check(None if target is None else self._smoother.step(target), age_ns))

    @property
    def at_rest(self) -> bool:
        """Whether the robot stands: a further hold would change nothing."""
        return self._gate.at_rest

    def path(self, now_ns: int) -> list[PathRow]:
        """What `tick` would give from now on if no chunk came any more, a row a period, to rest.

        Nothing changes by it, but that chunks are forgotten that count no more. Raises CommandError where the robot's
        position is unknown.
        """
        self._scheduler.drop_stale(now_ns)
        ahead, rows = self.copy(), []
        end_ns = max(self._scheduler.end_ns, now_ns)
        for time_ns in range(now_ns, end_ns + _LONGEST_STOP * self._period_ns, self._period_ns):
            decision = ahead.tick(time_ns)
            if decision.command is None:
                raise CommandError("no path can be planned before the robot's position is known")
            rows.append(PathRow(decision, ahead.copy()))
            if time_ns >= end_ns and ahead.at_rest:
                return rows
        raise CommandError(f"no stop within {_LONGEST_STOP} periods; raise the contract's limits")

    def forget_chunks(self) -> None:
        """What follows brings the robot to rest, until another chunk comes."""
        self._scheduler.reset()

    def hold(self, reason: str) -> GateDecision:
        """In place of `tick`: forgets the chunks and brings the robot to rest; `reason` is counted."""
        self.forget_chunks()
        return self._followed(self._gate.hold(reason))

    def _smooth_from_rest(self) -> None:
        if self._smoother:
            motion = self._gate.motion
            self._smoother.reset(motion[0] if motion else None)

    def _followed(self, decision: GateDecision) -> GateDecision:
        """Where the gate departed from the smoother's motion, the smoother goes on from the gate's."""
        if self._smoother and decision.interventions and (motion := self._gate.motion):
            continued = self._smoother.resume if decision.held else self._smoother.correct
            continued(*motion)
        return decision
