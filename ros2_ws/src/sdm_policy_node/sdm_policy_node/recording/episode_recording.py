"""The rows of one episode while it is recorded."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sdm_core.commands.anchor import MeasuredPose
from sdm_core.commands.command_space import held_command, is_motion
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import Episode, image_arrays
from sdm_core.errors import ContractError, DatasetError
from sdm_core.nearest import nearest

# A camera at the control rate may jitter by this share of the period, and still be one.
_RATE_TOLERANCE = 0.1
# So many frames show a camera's rate.
_RATE_FRAMES = 8
# A command's stamp lies nearer than this to the newest image's where both are of one clock: no camera's latency is so
# long, and clocks of different kinds (device, simulation, wall) lie much farther apart.
_ONE_CLOCK_NS = 1_000_000_000
# After so many control periods without a command nobody commands the robot, and it stays.
_SILENCE_PERIODS = 2


@dataclass(frozen=True, eq=False)
class Observed:
    """What was seen at `stamp_ns`: cloud [N,channels] and images of each camera [H,W,3] as far as the contract observes
    them, and the depth image [H,W] where it is kept."""

    stamp_ns: int
    cloud: NDArray[np.float32] | None
    depth: NDArray | None = None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Given:
    """A command [A] that was given at `stamp_ns` (0: it does not say), and how many of the episode's frames had come,
    the newest of which was taken `frame_age_ns` before the command was given."""

    command: NDArray[np.float64]
    stamp_ns: int
    frames: int
    frame_age_ns: int


@dataclass(frozen=True, eq=False)
class Answer:
    """A frame's command [A]; `held`: none was given for some time, and it keeps the robot where it stands."""

    command: NDArray[np.float64]
    held: bool = False


@dataclass(eq=False)
class EpisodeRecording:
    """Pairs frames with states and commands by stamp: `action[t]` is the first command that was given at the stamp of
    frame t or later, however late the frame itself arrived. Commands without a stamp, or with one of another clock than
    the frames', are paired by arrival: the first command that came after frame t. In a silence of the commands, as
    while a teleoperation rests, `action[t]` keeps the robot where it stands, with the gripper as it was told last: what
    ends the silence was not meant yet.

    With `in_order` (nothing is lost, and a chunk's commands arrive at once) the n-th command belongs to the n-th frame.
    With `actions` "measured" nobody commands, as where the arm is led by hand: `action[t]` is then where the robot
    stood at frame t + 1, with the gripper as it was commanded by then.
    """

    contract: Contract
    in_order: bool
    max_skew_ns: int
    actions: str = "commands"
    span_ns: tuple[int, int] | None = None
    """Stamps of the first and the last frame that count; None: all do."""
    command_topic: str = "any topic"
    """The one that commands are heard on, named where none come."""
    refusal: str = ""
    """Why this episode cannot be kept."""
    frames: list[Observed] = field(default_factory=list)
    _states: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)
    _commands: list[Given] = field(default_factory=list)
    _gripper: float | None = None
    _grippers: list[float | None] = field(default_factory=list)
    _frames_seen: int = 0
    _row_ns: int | None = None
    _image_ns: int = 0

    def add_state(self, stamp_ns: int, state: NDArray[np.float64]) -> None:
        """A state [S] has come."""
        insort(self._states, (stamp_ns, state), key=_stamp)

    def forget_states(self) -> None:
        """The clock was set back: stamps of before say nothing of those to come."""
        self._states.clear()

    def refuse(self, reason: str) -> None:
        """The episode has a row that cannot be used; the first reason stays."""
        self.refusal = self.refusal or reason

    def frame_seen(self, stamp_ns: int) -> bool:
        """A frame has come, whose cloud may follow later; False where it is none of this episode's, or lies between two
        rows."""
        if self.span_ns and not self.span_ns[0] <= stamp_ns <= self.span_ns[1]:
            return False
        if self._between_rows(stamp_ns):
            return False
        self._row_ns = stamp_ns
        self._frames_seen += 1
        self._grippers.append(self._gripper)
        return True

    def _between_rows(self, stamp_ns: int) -> bool:
        """Whether a camera at a multiple of the control rate has a later image that is nearer to the next row."""
        dt_ns, image_ns, self._image_ns = self.contract.dt_ns, self._image_ns, stamp_ns
        if self._row_ns is None or stamp_ns < self._row_ns:
            return False
        period_ns = min(stamp_ns - image_ns, dt_ns)
        return stamp_ns - self._row_ns < dt_ns - period_ns / 2

    def add_frame(self, frame: Observed) -> None:
        """The next frame, in order of arrival, has its cloud."""
        self.frames.append(frame)
        self.refuse(self._rate_refusal())

    def add_command(self, stamp_ns: int, command: NDArray[np.float64]) -> None:
        """A command [A] has come, which was given at `stamp_ns`; 0: it does not say."""
        if self.span_ns and not self._frames_seen and (self.in_order or not stamp_ns):
            return  # it answers something before this episode
        if command.shape != (self.contract.action_dim,):
            self.refuse(f"a command has {command.size} entries, the contract {self.contract.action_dim}")
        elif not np.isfinite(command).all():
            self.refuse(f"a command on {self.command_topic} holds NaN or infinite values; check what sends it")
        else:
            self._commands.append(Given(command, stamp_ns, self._frames_seen, stamp_ns - self._image_ns))

    def add_gripper(self, value: float) -> None:
        """The gripper was commanded, where actions are measured."""
        self._gripper = value

    def _rate_refusal(self) -> str:
        if len(self.frames) < _RATE_FRAMES:
            return ""
        stamps = [frame.stamp_ns for frame in self.frames[-_RATE_FRAMES:]]
        period, dt_ns = float(np.median(np.diff(stamps))), self.contract.dt_ns
        if abs(period - dt_ns) <= _RATE_TOLERANCE * dt_ns:
            return ""
        return (
            f"the camera's images make {1e9 / max(period, 1.0):.1f} rows a second, the contract's control rate is "
            f"{self.contract.rates.control_hz:g} Hz; set camera_every:=1 in simulation, or the camera to that rate or "
            "to a multiple of it"
        )

    @property
    def gaps(self) -> int:
        """Images that did not come, judged by the stamps of those that did."""
        stamps = np.array([frame.stamp_ns for frame in self.frames])
        return int(np.round(np.diff(stamps) / self.contract.dt_ns - 1).clip(0).sum()) if len(stamps) > 1 else 0

    @property
    def rows(self) -> int:
        """Frames that have an action."""
        actions = len(self._answers()) if self.actions == "commands" else len(self.frames) - 1
        return max(min(len(self.frames), actions), 0)

    def account(self, rows: int, success: bool | None) -> str:
        """A few words on what was kept: so many rows, judged or not."""
        judged = "" if success is None else ", a success" if success else ", a failure"
        paired = ", commands paired by arrival, as their clock is not the camera's" if self._two_clocks else ""
        held = sum(answer.held for answer in self._answers()[:rows]) if self.actions == "commands" else 0
        silent = f", {held} of them in silences of the commands, where the robot stays" if held else ""
        return f"{rows} rows, {self.gaps} images missing{judged}{paired}{silent}"

    def episode(self, rows: int | None = None) -> Episode:
        """The rows that have an action, or the first so many of them. Raises DatasetError where there are none or they
        cannot be kept."""
        if self.refusal:
            raise DatasetError(self.refusal)
        if self.actions == "commands" and self.in_order:
            self._require_order()
        rows = self.rows if rows is None else min(rows, self.rows)
        if rows == 0:
            actions = f" and after them no command on {self.command_topic}" if self.actions == "commands" else ""
            raise DatasetError(f"nothing to keep: {len(self.frames)} images{actions} came since the start")
        frames = self.frames[:rows]
        clouds = [frame.cloud for frame in frames if frame.cloud is not None]
        depths = [frame.depth for frame in frames if frame.depth is not None]
        extra = {"depth": np.stack(depths)} if depths else {}
        for name, image in image_arrays(self.contract).items():
            extra[name] = np.stack([frame.images[image.camera] for frame in frames])
        return Episode(
            state=np.stack([self._state_at(frame.stamp_ns) for frame in frames]).astype(np.float32),
            action=np.stack(self._actions(rows)).astype(np.float32),
            point_cloud=np.stack(clouds) if clouds else None,
            extra=extra,
        )

    def _actions(self, rows: int) -> list[NDArray[np.float64]]:
        return [answer.command for answer in self._answers()[:rows]] if self.actions == "commands" else self._led(rows)

    def _answers(self) -> list[Answer]:
        """What answers each frame, up to the first that nothing does."""
        if self.in_order:
            return [Answer(given.command) for given in self._commands]
        if self._one_clock:
            given, period = sorted(self._commands, key=lambda each: each.stamp_ns), self.contract.dt_ns
            times, frames = [each.stamp_ns for each in given], [frame.stamp_ns for frame in self.frames]
        else:  # times are numbers of frames
            given, period = self._commands, 1
            times, frames = [each.frames - 1 for each in given], range(len(self.frames))
        answers: list[Answer] = []
        for row, frame in enumerate(frames):
            first = bisect_left(times, frame)
            if first == len(given):
                break
            held = first > 0 and times[first] - frame >= _SILENCE_PERIODS * period
            answers.append(Answer(self._stay(row, given[first - 1].command) if held else given[first].command, held))
        return answers

    def _stay(self, row: int, last: NDArray[np.float64]) -> NDArray[np.float64]:
        """The command that keeps the robot where a frame saw it: a hand may have led it away from the last one."""
        if is_motion(self.contract.action):
            try:
                return MeasuredPose(self.contract).of(self._state_at(self.frames[row].stamp_ns), last)
            except ContractError:  # it is not measured
                pass
        return held_command(self.contract.action, last)

    @property
    def _one_clock(self) -> bool:
        """Whether commands tell when they were given, by the clock of the frames."""
        ages = [given.frame_age_ns for given in self._commands if given.frames]
        stamped = all(given.stamp_ns for given in self._commands)
        return stamped and bool(ages) and float(np.median(np.abs(ages))) < _ONE_CLOCK_NS

    @property
    def _two_clocks(self) -> bool:
        """Whether commands tell when they were given, by a clock that frames cannot be compared with."""
        return not (self.in_order or self._one_clock) and any(given.stamp_ns for given in self._commands)

    def _require_order(self) -> None:
        """Raises DatasetError where the n-th command cannot be the n-th frame's: each frame has one but the last, which
        nothing may have answered yet, and after the last come at most those that are left of its chunk."""
        images, commands = len(self.frames), len(self._commands)
        if self.gaps or not -1 <= commands - images < self.contract.horizon:
            raise DatasetError(
                f"{commands} commands for {images} images, {self.gaps} images missing, cannot be paired in order; "
                "that is for a simulation in lockstep: set pairing:=time"
            )

    def _led(self, rows: int) -> list[NDArray[np.float64]]:
        """Where the robot stood a frame later, as commands."""
        pose, entries = MeasuredPose(self.contract), self.contract.action.entries
        unmeasured = np.setdiff1d(np.arange(len(entries)), pose.measured)
        commands = []
        for frame, gripper in zip(self.frames[1 : rows + 1], self._grippers[1:], strict=False):
            command = pose.of(self._state_at(frame.stamp_ns))
            if gripper is not None:
                command[unmeasured] = gripper
            commands.append(command)
        return commands

    def _state_at(self, stamp_ns: int) -> NDArray[np.float64]:
        if not self._states:
            raise DatasetError("no state came since the start; check joint_states and current_pose")
        stamp, state = self._states[nearest(self._states, stamp_ns, _stamp)]
        if abs(stamp - stamp_ns) > self.max_skew_ns:
            skew = f"{abs(stamp - stamp_ns) / 1e6:.1f} ms from an image, {self.max_skew_ns / 1e6:.1f} ms allowed"
            raise DatasetError(
                f"nearest state lies {skew}; check the rates of joint_states and current_pose, or raise max_skew_s"
            )
        return state


def _stamp(entry: tuple[int, NDArray[np.float64]]) -> int:
    return entry[0]
