"""What command_node is doing: resting, following chunks, going home, or stopping; and why it may not."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_gate import GateDecision
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import CommandSpace, is_rate
from sdm_core.commands.home_motion import HomeMotion
from sdm_core.commands.planned_path import PlannedPath
from sdm_core.commands.plausible_chunk import require_orientations
from sdm_core.contract import Contract
from sdm_core.errors import CommandError

from sdm_policy_node.commands.absence import Absence
from sdm_policy_node.commands.blockage import MAY_PUSH, Blockage
from sdm_policy_node.commands.interlock import Interlock
from sdm_policy_node.commands.measured_position import MeasuredPosition
from sdm_policy_node.commands.path_motion import PathMotion
from sdm_policy_node.commands.robot_motion import RobotMotion
from sdm_policy_node.commands.streamed_motion import StreamedMotion
from sdm_policy_node.liveness import Liveness

Vector = NDArray[np.float64]

# The ROS clock's timer may lag by so many periods before the steady one takes a stop over from it.
_CLOCK_PERIODS = 3
# A measured state tells how the robot follows while it is no older than so many periods, of which the shortest of the
# last few counts: a slow simulation's are long, and one in which this process was given no time is none.
_FRESH_PERIODS = 1.5
_LAST_PERIODS = 4


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
    holds it, and it is within the bounds, so that its controller sees no step, else at the measured position. How it
    goes on after a gap in its own commands, as of a process that was stopped, StreamedMotion and PathMotion tell:
    limits hold for each second, not for each command.

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
        self._interlock = interlock
        self._period_s, self._period_ns = period_s, round(period_s * 1e9)
        self._motion: RobotMotion = (
            PathMotion(pipeline, contract.action, period_s, simulated_clock=simulated_clock)
            if sends_paths
            else StreamedMotion(pipeline, period_s, stays=measured is not None, simulated_clock=simulated_clock)
        )
        self._blockage = Blockage(measured, rules.blocked_s) if measured else None
        self._absence = Absence(measured, rules.lost_s, simulated_clock=simulated_clock) if measured else None
        self._ticked, self._ticked_ns = 0.0, 0
        self._periods_s: deque[float] = deque(maxlen=_LAST_PERIODS)
        self._begun = 0.0
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
        return self._motion.counts

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
        self._motion.end()
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
        self._motion.add(chunk)
        self._liveness.chunk(now)

    def go_home(self, home: Vector, share: float, now_ns: int, now: float) -> float:
        """Begins the way to `home` (float64[A], NaN: as it is) at `share` of the limits; gives its seconds.

        A pause forbids policies, and not a human's own request: it stays in force, on the way and at home. Raises
        CommandError where the robot moves already, or its position is unknown.
        """
        self._interlock.require_no_fault()
        self._refuse_while_stopping()
        if self._home:
            raise CommandError("the robot is already on its way home")
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
        if self._absence and self._absence.away and self._measured:
            raise CommandError(
                f"the robot has been silent, and is not back: its last state came {self._measured.age(now):.1f} s ago; "
                "see why, and call ~/resume when its states come steadily"
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
        self._motion.catch_up(now, now_ns)
        position = self._standing_place(now_ns)
        self._motion.begin(position, now, now_ns)
        self._moving = True
        self._ticked, self._ticked_ns = now, now_ns
        self._begun = now
        if self._blockage:
            self._blockage.begin(now)
        return position

    def _standing_place(self, now_ns: int) -> Vector | None:
        if self._measured is None:
            return None
        last = self._motion.place
        position = self._measured.at(now_ns, last)
        # The bounds may have been narrowed to where the robot stands, and its last command not.
        if last is None or CommandSpace(self._contract.action).outside(last).size:
            return position
        return last if self._holds(last) else position

    def _holds(self, command: Vector) -> bool:
        assert self._measured
        error, turn = self._measured.distance(command)
        return error <= self._rules.holding_error and turn <= self._rules.holding_turn

    # --- what it gives

    def tick(self, now_ns: int, now: float) -> GateDecision | None:
        """The decision of this period; None in silence."""
        self._pause_where_away(now_ns, now)
        if not self._moving:
            return None
        if now_ns < self._ticked_ns:
            self.stop("clock_set_back")  # the chunks that it follows lie in the new clock's future
        self._motion.catch_up(now, now_ns)
        self._periods_s.append(now - self._ticked)
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
        return self._motion.next("" if self._met else "first_hold", self._home)

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
        self._motion.catch_up(now, now_ns)
        return self._stopping(reason, now)

    def hold(self, reason: str, now: float, now_ns: int) -> GateDecision | None:
        """A period of a stop that nothing interrupts; None once the robot stands. For the end of a node."""
        if not self._moving:
            return None
        self._motion.catch_up(now, now_ns)
        self._begin_stop(reason)
        decision = self._motion.next(reason, self._home)
        if self._motion.at_rest:
            self.rest()
        return decision

    def path(self, clock: Callable[[], float]) -> PlannedPath | None:
        """What a robot that goes along paths must be given after the decision, by the steady `clock` (s); None where it
        has it already, or goes along none."""
        return self._motion.path(clock)

    def withdraw_late(self, now: float) -> bool:
        """Takes the decision of the last tick back where it is too old by `now` to be given, and says whether it
        did."""
        return self._motion.withdraw_late(now)

    def forget_commands(self) -> None:
        """The world was set back: it knows of no command, and a gripper stands where it is measured."""
        self._motion.forget()

    def _pause_where_away(self, now_ns: int, now: float) -> None:
        """Whoever may be at a robot that was away, also while nothing moves, lets it go on."""
        if self._absence is None:
            return
        self._absence.look(now, now_ns)
        if self._absence.away and not self._interlock.paused:
            self.pause()

    def _check_tracking(self, now: float) -> None:
        place = self._motion.place
        if self._interlock.fault or self._measured is None or self._blockage is None or place is None:
            return
        if self._measured.age(now) > _FRESH_PERIODS * max(self._period_s, min(self._periods_s)):
            return  # it tells where the robot was
        error, turn = self._measured.distance(place)
        for value, limit, unit in (
            (error, self._rules.tracking_error, "m or rad"),
            (turn, self._rules.tracking_turn, "rad"),
        ):
            if limit and value > limit:
                self.latch(
                    f"the robot stands {value:.3f} {unit} from its command, more than {limit:g}; it does not follow"
                    f"{MAY_PUSH}"
                )
                return
        if blocked := self._blockage.seen(error, turn, now):
            self.latch(blocked)

    def _check_meeting(self) -> None:
        """A robot that leaves the place where it is measured to stand, and told to stay, is measured at another point
        than its controller drives."""
        place = self._motion.place
        if self._met or self._interlock.fault or self._measured is None or place is None:
            return
        if not self._holds(place):
            error, turn = self._measured.distance(place)
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
            assert self._motion.place is not None
            return "at_home" if self._home.over(self._motion.place) else ""
        return self._liveness.lost(now) or ""

    def _stopping(self, reason: str, now: float) -> GateDecision | None:
        """One period of a stop: the hold, until the robot has stood for `hold_s`."""
        standing_at = self._begin_stop(reason)
        if now > standing_at + self._rules.hold_s:
            self.rest()
            return None
        decision = self._motion.next(reason, self._home)
        if self._motion.at_rest:
            self._standing_at = min(standing_at, now)
        return decision

    def _begin_stop(self, reason: str) -> float:
        """Gives the time since which the robot has stood in this stop; infinite where it does not yet."""
        if self._standing_at is None:
            self._standing_at = math.inf
        if self._home:
            self.stop(reason)
        return self._standing_at
