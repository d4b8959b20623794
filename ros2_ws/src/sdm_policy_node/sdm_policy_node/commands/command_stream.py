"""What command_node is doing: resting, following chunks, going home, or stopping; and why it may not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import CommandSpace, is_rate
from sdm_core.commands.home_motion import HomeMotion
from sdm_core.commands.plausible_chunk import require_orientations
from sdm_core.contract import Contract
from sdm_core.errors import CommandError

from sdm_policy_node.commands.blockage import Blockage
from sdm_policy_node.commands.given_path import GivenPath
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.measured_position import MeasuredPosition
from sdm_policy_node.liveness import Liveness

Vector = NDArray[np.float64]

# The ROS clock's timer may lag by so many periods before the steady one takes a stop over from it. After as many, and
# so many seconds, without a command the arm counts as standing at the last one: none stops sooner.
_CLOCK_PERIODS = 3
_SETTLES_S = 0.1
# A robot's silence is over when its states have come for so long.
_BACK_S = 0.2
# A timer may be early by this share of a period.
_EARLY = 0.05


@dataclass(frozen=True)
class StopRules:
    """When a stop begins and how long it lasts (s), and how far from its command the robot may stand: 0 is anywhere,
    `tracking_error` in m, or rad of a joint, `tracking_turn` in rad of a pose's rotation; and how long (s) it may stand
    while it is led away: 0 is for ever. A robot no farther than `holding_error` and `holding_turn` still holds its last
    command: that is asked for `first_hold_s` at the begin of the first motion, in which it is told to stay. One that
    is silent for more than `lost_s` was stopped or started anew, 0: never; a shorter loss is the network's."""

    hold_s: float
    clock_timeout_s: float
    tracking_error: float = 0.0
    tracking_turn: float = 0.0
    blocked_s: float = 0.0
    first_hold_s: float = 0.0
    lost_s: float = 1.0
    # As far as a controller's load and friction leave an arm from where it is told to stand.
    holding_error: float = 0.02
    holding_turn: float = 0.1


class CommandStream:
    """Silent until a chunk is followed or the robot is sent home; then one decision a period, and a stop at the end.

    A stop is the hold until the robot has stood for `hold_s`; then silence. What ends by itself: lost signs of life, a
    deadman that is released, a silent robot, a clock that stands or is set back: the next chunk begins anew. What does
    not: the interlock's fault and pause, of which a robot that fell silent for more than `lost_s` is one, and the way
    home, which is not gone on with. Motion always begins at rest: at the last command where the robot still
    holds it, and it is within the bounds, so that its controller sees no step, else at the measured position. So it
    does after a gap in its own commands, as of a process that was stopped, but for a rate, which goes on as it was, and
    a path, along which the robot has gone on: limits hold for each second, not for each command.

    Times `now` are seconds of a steady clock, `now_ns` of the chunks' clock.
    """

    def __init__(
        self,
        contract: Contract,
        pipeline: CommandPipeline,
        liveness: Liveness,
        measured: MeasuredPosition | None,
        rules: StopRules,
        interlock: Interlock,
        period_s: float,
        *,
        sends_paths: bool = False,
        simulated_clock: bool = False,
    ) -> None:
        """`contract` of absolute targets; `measured` is None for kinds that begin anywhere (rates, native).
        `sends_paths`: the robot is given `path`, and goes along it where no command follows. `simulated_clock`: the
        robot lives on the chunks' clock, which may be slow or stand, and not on the steady one."""
        self._contract = contract
        self._pipeline = pipeline
        self._liveness = liveness
        self._measured = measured
        self._rules = rules
        self._reason = ""  # of the last command, where it was a hold
        self._blockage = Blockage(measured, rules.blocked_s) if measured else None
        self._interlock = interlock
        self._period_s, self._period_ns = period_s, round(period_s * 1e9)
        self._sends_paths = sends_paths
        self._simulated = simulated_clock
        self._last: Vector | None = None
        self._before: Vector | None = None
        self._ticked, self._ticked_ns = 0.0, 0
        self._given, self._given_ns = 0.0, 0
        self._gaps_s = (0.0, 0.0)  # before the last two commands
        self._path: GivenPath | None = None
        self._over: float | None = None  # periods that a path's robot has gone on by, beyond the last command
        self._pace = 1.0  # of the robot's clock
        self._begun = 0.0
        self._lost_s: float | None = None  # since when the robot is silent, but for moments, on its own clock
        self._silent_s = 0.0  # when it was last
        self._looked = math.inf
        self.plans = 0
        """How often what lies ahead has changed: by a chunk, a control period of the way home, or a stop."""
        self.rest()
        self.meet()

    @property
    def moving(self) -> bool:
        """Whether commands are given."""
        return self._moving

    @property
    def going_home(self) -> bool:
        """Whether the commands given are none of a policy's, but the way home's."""
        return self._home is not None

    @property
    def activity(self) -> str:
        """One word for what it is doing."""
        if self._interlock.fault and not self._moving:
            return "faulted"
        if self._standing_at is not None:
            return "stopping"
        if self._moving:
            return "going_home" if self.going_home else "following"
        return "paused" if self._interlock.paused else "resting"

    @property
    def counts(self) -> dict[str, int]:
        """How often the gate intervened, by kind."""
        return self._pipeline.counts

    def ages(self, now: float) -> dict[str, float]:
        """Seconds since each of its inputs came, infinite where none has."""
        ages = {
            "heartbeat": self._liveness.heartbeat_age(now),
            "chunk": self._liveness.chunk_age(now),
            "deadman": self._liveness.deadman_age(now),
        }
        if self._measured:
            ages["state"] = self._measured.age(now)
        return ages

    # --- what it is told

    def heard_heartbeat(self, now: float, refusal: str = "") -> None:
        """The policy lives; `refusal` is its own reason why nothing must move, if it has one."""
        self._liveness.heartbeat(now, refusal)

    def felt_deadman(self, now: float) -> None:
        """A person holds the deadman: where one is asked for, nothing moves without."""
        self._liveness.deadman(now)

    def confine(self, contract: Contract) -> None:
        """The next motion keeps within the bounds of `contract`, which differs in nothing else. Raises CommandError
        while the robot is commanded."""
        if self._moving:
            raise CommandError("the workspace changes only at rest; call ~/pause, and wait until the robot stands")
        self._pipeline.confine(contract)
        self._contract = contract

    def meet(self) -> None:
        """Whoever takes its commands may be another from now on: the next motion shows whether it drives what is
        measured."""
        self._met = self._measured is None or self._rules.first_hold_s == 0

    def rest(self) -> None:
        """Silence at once: nothing is followed until the next chunk."""
        self._pipeline.reset()
        self._liveness.forget_chunks()
        self._home: HomeMotion | None = None
        self._moving = False
        self._stop_request = ""
        self._standing_at: float | None = None

    def follow(self, chunk: ActionChunk, now_ns: int, now: float) -> None:
        """Takes a chunk. Raises CommandError, and follows nothing new, where it cannot be followed, as one from the
        future, or one that has ended, which is no sign of life either."""
        self._refuse_unless_free()
        if self._home:
            raise CommandError("the robot is on its way home")
        if chunk.stamp_ns - now_ns > self._contract.dt_ns:
            lead_ms = (chunk.stamp_ns - now_ns) / 1e6
            raise CommandError(f"chunk {chunk.sequence} lies {lead_ms:.0f} ms in the future; synchronise the clocks")
        if chunk.end_ns <= now_ns:
            late_ms = (now_ns - chunk.end_ns) / 1e6
            raise CommandError(
                f"chunk {chunk.sequence} ended {late_ms:.0f} ms ago; synchronise the clocks of the policy's machine "
                "and this one, or the policy is too slow"
            )
        self._pipeline.require(chunk)
        require_orientations(chunk, self._contract)
        if not self._moving:
            if self._liveness.heartbeat_lost(now):
                raise CommandError("no heartbeat accompanies it; nothing is followed without one")
            self._begin(now_ns, now)
        self._pipeline.add(chunk)
        self._liveness.chunk(now)
        self.plans += 1

    def go_home(self, home: Vector, share: float, now_ns: int, now: float) -> float:
        """Begins the way to `home` (float64[A], NaN: as it is) at `share` of the limits; gives its seconds.

        A pause forbids policies, and not a human's own request: it stays in force, on the way and at home. Raises
        CommandError where the robot moves already, or its position is unknown.
        """
        self._interlock.require_no_fault()
        self._refuse_while_stopping()
        if self._moving:
            raise CommandError("the robot follows a policy; pause it first, or end the policy")
        if self._measured is None:
            raise CommandError(f"actions of kind '{self._contract.action.kind}' know no home")
        position = self._begin(now_ns, now)
        assert position is not None
        self._home = HomeMotion(self._contract, position, home, share, self._period_ns)
        return self._home.duration_ns * 1e-9

    def pause(self) -> None:
        """A human takes over: a stop, and no motion until the interlock's pause is lifted. The next one begins where
        the robot has been led."""
        self._interlock.paused = True
        self.stop("paused")

    def resume(self, now: float) -> str:
        """A human lifts the pause; says where the next motion begins. Raises CommandError, and stays paused, where the
        robot has fallen silent for more than `lost_s` and is not back."""
        if self._gone and self._measured:
            raise CommandError(
                f"the robot is silent: its last state came {self._measured.age(now):.1f} s ago; see why, and call "
                "~/resume when its states come steadily"
            )
        self._interlock.paused = False
        return "where the robot is measured to stand" if self._measured else "at rest"

    def stop(self, reason: str) -> None:
        """Ends what it does, if anything, with a stop."""
        if self._moving:
            self._stop_request = reason

    def latch(self, fault: str, *, abandon: bool = False) -> None:
        """A fault: a stop, and no motion until the interlock's fault is cleared. `abandon`: somebody else drives, or a
        hold itself moves it, so that none may follow; a rate is brought to its hold all the same."""
        self._interlock.fault = fault
        if abandon and not is_rate(self._contract.action):
            self.rest()
        self.stop("fault")

    def _refuse_unless_free(self) -> None:
        self._interlock.require_free()
        self._refuse_while_stopping()

    def _refuse_while_stopping(self) -> None:
        if self._stop_request:
            raise CommandError(f"stopping: {self._stop_request}")

    def _begin(self, now_ns: int, now: float) -> Vector | None:
        """From rest to streaming, where the robot stands. Raises CommandError where that is unknown, or nobody holds
        the deadman that is asked for."""
        if self._liveness.deadman_released(now):
            raise CommandError("the deadman is released; nothing moves unless ~/deadman is held")
        position = self._standing_place(now_ns)
        self._pipeline.reset(self._last if position is None else position)
        self._last = self._last if position is None else position
        self._moving = True
        self._ticked, self._ticked_ns, self._gaps_s = now, now_ns, (0.0, 0.0)
        self._given, self._given_ns, self._over = now, now_ns, None
        self._begun = now
        if self._sends_paths and position is not None:
            self._path = GivenPath(self._pipeline, position, now_ns, self._period_ns)
        if self._blockage:
            self._blockage.begin(now)
        return position

    def _standing_place(self, now_ns: int) -> Vector | None:
        if self._measured is None:
            return None
        position = self._measured.at(now_ns, self._last)
        # The bounds may have been narrowed to where the robot stands, and its last command not.
        if self._last is None or CommandSpace(self._contract.action).outside(self._last).size:
            return position
        return self._last if self._holds(self._last) else position

    def _holds(self, command: Vector) -> bool:
        assert self._measured
        error, turn = self._measured.distance(command)
        return error <= self._rules.holding_error and turn <= self._rules.holding_turn

    # --- what it gives

    def tick(self, now_ns: int, now: float) -> GateDecision | None:
        """The decision of this period; None in silence."""
        self._pause_where_lost(now_ns, now)
        if not self._moving:
            return None
        if now_ns < self._ticked_ns:
            self.stop("clock_set_back")  # the chunks that it follows lie in the new clock's future
        self._after_gap(now, now_ns)
        self._ticked, self._ticked_ns = now, now_ns
        self._check_tracking(now)
        self._check_meeting()
        if not self._moving:
            return None
        reason = self._stop_reason(now)
        if reason:
            return self._stopping(reason, now)
        self._standing_at = None
        self._met = self._met or now > self._begun + self._rules.first_hold_s
        return self._decided("" if self._met else "first_hold", now)

    def tick_without_clock(self, now: float, now_ns: int) -> GateDecision | None:
        """Stops in the place of `tick` where the ROS clock no longer drives that: it stands, or was set back."""
        silent_s = now - self._ticked
        if not self._moving or silent_s < _CLOCK_PERIODS * self._period_s:
            return None
        reason = self._stop_reason(now)
        if not reason and silent_s > self._rules.clock_timeout_s:
            reason = "clock_stands"
        if not reason:
            return None
        self._after_gap(now, now_ns)
        return self._stopping(reason, now)

    def hold(self, reason: str, now: float, now_ns: int) -> GateDecision | None:
        """A period of a stop that nothing interrupts; None once the robot stands. For the end of a node."""
        if not self._moving:
            return None
        self._after_gap(now, now_ns)
        self._begin_stop(reason)
        decision = self._decided(reason, now)
        if self._pipeline.at_rest:
            self.rest()
        return decision

    def withdraw_late(self, now: float) -> bool:
        """Takes the decision of the last tick back where it is too old by `now` to be given, and says whether it did:
        the robot stands at the one before, where motion begins anew. A rate is given all the same, and of a path what
        is left of it."""
        if now - self._ticked < _SETTLES_S or self._measured is None or self._sends_paths or self._before is None:
            return False
        self._pipeline.reset(self._before)
        self._last = self._before
        return True

    def forget_commands(self) -> None:
        """The world was set back: it knows of no command, and a gripper stands where it is measured."""
        self._last = self._before = None

    def path(self, clock: Callable[[], float]) -> NDArray[np.float64]:
        """To be given whenever `plans` has changed: the command that was just given and what the periods after it would
        give, to rest: float64[K, A], a row a period, the first of them for now, by the steady `clock` (seconds)."""
        assert self._last is not None
        if not self._moving:  # it stands, and the path is that place, which ends what was given before
            return self._last[np.newaxis]
        assert self._path
        now = clock()
        if (late := round(self._late(now))) > 0:
            # The robot has gone on along the path before this one: what was decided begins where it is by now.
            self._over = self._late(now) - late
            self._go_on(late - 1)
            self._given_ns += late * self._period_ns
            self._decided(self._reason, now)
        self._path = GivenPath(self._pipeline, self._last, self._given_ns, self._period_ns)
        path = np.vstack([self._last, self._pipeline.path(self._given_ns + self._period_ns)])
        return path[min(max(round(self._late(clock())), 0), len(path) - 1) :]

    def _late(self, now: float) -> float:
        """How many periods a path's robot is beyond the last command."""
        return (self._over or 0.0) + self._pace * (now - self._given) / self._period_s

    def _go_on(self, periods: int) -> None:
        """A path's robot has gone on along it by so many periods, in which nothing was commanded."""
        assert self._path
        moved = self._path.go_on(periods)
        if self._home:
            for _ in range(moved):
                self._home.skip()
        self._pipeline.move_as(self._path.motion)
        self._last = self._path.command

    def _after_gap(self, now: float, now_ns: int) -> None:
        """Before a command: where none was given for long, it leads on from where the robot is by now.

        What is late again and again is slow motion, and no gap.
        """
        gap_s, elapsed_s = now - self._given, (now_ns - self._given_ns) * 1e-9
        self._given_ns = now_ns
        if self._simulated and elapsed_s >= 0:  # else the clock was set back, and tells nothing
            self._pace = min(elapsed_s / gap_s, 1.0) if gap_s > 0 else 1.0
            gap_s *= self._pace  # while a simulation is slow or stands, so is its robot and does
        usual_s, self._gaps_s = max(self._period_s, min(self._gaps_s)), (self._gaps_s[1], gap_s)
        if not self._sends_paths:
            if gap_s >= max(_CLOCK_PERIODS * usual_s, _SETTLES_S):
                self._pipeline.settle()
            return
        periods = self._periods_over(gap_s)
        if periods > 1:
            self._go_on(periods - 1)

    def _periods_over(self, gap_s: float) -> int:
        """How many periods a robot on a path has gone on by since the last command. What is left of one is carried, so
        that a timer that is now late and now early leads it no faster."""
        if self._over is None:  # the first command is due at once
            self._over = 0.0
            return 1
        self._over += gap_s / self._period_s
        periods = math.floor(self._over + _EARLY)
        self._over = max(self._over - max(periods, 1), -1.0)
        return periods

    def _pause_where_lost(self, now_ns: int, now: float) -> None:
        """A robot that has fallen silent for long, at rest, too, may have been stopped, and somebody may be at it: a
        human lets it go on. A few states in between do not tell otherwise.

        By its own clock: while a simulation stands, its robot says nothing, and has not ended.
        """
        if not self._rules.lost_s or self._measured is None or math.isinf(self._measured.age(now)):
            return
        time_s = now_ns * 1e-9 if self._simulated else now
        looked, self._looked = self._looked, now
        if self._lost_s is not None and time_s < self._lost_s:  # the clock was set back
            self._lost_s = self._silent_s = time_s
        if not self._measured.silent(now):
            if time_s - self._silent_s > self._measured.timeout_s + _BACK_S:
                self._lost_s = None
        elif now - looked <= self._measured.timeout_s:  # else it is this process that was away, and states may wait
            self._silent_s = time_s
            self._lost_s = time_s if self._lost_s is None else self._lost_s
            if self._gone and not self._interlock.paused:
                self.pause()

    @property
    def _gone(self) -> bool:
        """Whether the robot has been silent, but for moments, for more than `lost_s`, and has not come back to stay."""
        return self._lost_s is not None and self._silent_s - self._lost_s > self._rules.lost_s

    def _check_tracking(self, now: float) -> None:
        if self._interlock.fault or self._measured is None or self._blockage is None or self._last is None:
            return
        if self._measured.silent(now):  # it is brought to rest, and where it is by now nobody knows
            return
        error, turn = self._measured.distance(self._last)
        for value, limit, unit in (
            (error, self._rules.tracking_error, "m or rad"),
            (turn, self._rules.tracking_turn, "rad"),
        ):
            if limit and value > limit:
                self.latch(
                    f"the robot stands {value:.3f} {unit} from its command, more than {limit:g}; it does not follow"
                )
                return
        if blocked := self._blockage.seen(error, turn, now):
            self.latch(blocked)

    def _check_meeting(self) -> None:
        """A robot that leaves the place where it is measured to stand, and told to stay, is measured at another point
        than its controller drives."""
        if self._met or self._interlock.fault or self._measured is None or self._last is None:
            return
        if not self._holds(self._last):
            error, turn = self._measured.distance(self._last)
            self.latch(
                f"the robot moved {error:.3f} m or rad and {turn:.3f} rad while it was told to stay: current_pose is "
                "of another frame than the controller drives (see tool_frame), or its joints are others",
                abandon=True,
            )

    def _stop_reason(self, now: float) -> str:
        if self._stop_request:
            return self._stop_request
        if self._liveness.deadman_released(now):
            return "deadman_released"
        if self._measured and self._measured.silent(now):
            return "state_lost"
        if self._home:
            assert self._last is not None
            return "at_home" if self._home.over(self._last) else ""
        return self._liveness.lost(now) or ""

    def _stopping(self, reason: str, now: float) -> GateDecision | None:
        """One period of a stop: the hold, until the robot has stood for `hold_s`."""
        standing_at = self._begin_stop(reason)
        if now > standing_at + self._rules.hold_s:
            self.rest()
            return None
        decision = self._decided(reason, now)
        if self._pipeline.at_rest:
            self._standing_at = min(standing_at, now)
        return decision

    def _begin_stop(self, reason: str) -> float:
        """Gives the time since which the robot has stood in this stop; infinite where it does not yet."""
        if self._standing_at is None:
            self._standing_at = math.inf
            self.plans += 1
        if self._home:
            self.stop(reason)
        return self._standing_at

    def _decided(self, reason: str, now: float) -> GateDecision:
        """The command of the period that `_after_gap` began: a hold for this reason, if there is one."""
        self._given, self._reason = now, reason
        if self._home and not reason:
            self.plans += self._home.begins_step
            self._pipeline.add(self._home.chunk(self._given_ns))
        decision = self._pipeline.hold(reason) if reason else self._pipeline.tick(self._given_ns)
        if self._path:
            self._path.go_on(1)
        if decision.command is not None:
            self._before, self._last = self._last, decision.command
        return decision
