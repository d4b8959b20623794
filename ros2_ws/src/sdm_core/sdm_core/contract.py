"""The contract: all that a policy expects of its world, and its world of it.

It is written once at recording, travels inside the dataset and the checkpoint, and a node refuses to activate on a
mismatch. SI units throughout; frames follow REP-103 (optical frames look along +z).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sdm_core.errors import ContractError

CONTRACT_VERSION = 1
# Raised whenever the same depth image would give another cloud than before, or the same colour image other pixels: old
# checkpoints are then refused, not misled.
PREPROCESSING_VERSION = 1
# Channels of a cloud: coordinates, or colour beside them.
XYZ, XYZRGB = 3, 6

Vector3 = tuple[float, float, float]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Offset = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rates(_Model):
    """Rates in Hz."""

    control_hz: Positive


class StateEntry(_Model):
    """One named scalar of the state vector, matched by name, never by index."""

    name: str
    unit: str


class CloudSpec(_Model):
    """How a depth image or a PointCloud2 becomes the network's cloud.

    The cloud is `points` × `channels` float32: xyz in metres in `frame`, then rgb in [0, 1] where channels is 6. The
    first `network_points` of the farthest-point order enter the network, as `(p - centre) / scale`, where `centre`
    names the three state entries that hold the reference point (empty: the crop box is mapped to [-1, 1]).
    """

    frame: str
    points: Count = 512
    network_points: Count = 256
    channels: Literal[3, 6] = XYZ
    crop_low: Vector3
    crop_high: Vector3
    sampling: Literal["fps"] = "fps"
    start: Annotated[int, Field(ge=0)] = 0
    steps: Count = 1
    centre: tuple[str, str, str] | tuple[()] = ()
    scale: Positive = 1.0

    @model_validator(mode="after")
    def _consistent(self) -> CloudSpec:
        if not all(low < high for low, high in zip(self.crop_low, self.crop_high, strict=True)):
            raise ValueError(f"crop_low {self.crop_low} must lie below crop_high {self.crop_high} on every axis")
        if self.network_points > self.points:
            raise ValueError(f"network_points {self.network_points} exceeds points {self.points}")
        return self

    @property
    def coloured(self) -> bool:
        """Whether each point has a colour beside its place."""
        return self.channels == XYZRGB


class ImageSpec(_Model):
    """How a camera's colour image becomes the network's.

    The rgb8 image of the colour camera `camera` is cut to `crop` = (left, top, width, height) pixels (None: not at all)
    and resized to `size` = (width, height): so it is stored. `steps` of them, a control period apart, enter the
    network, which sees `network_size` = (width, height) pixels of each (None: all): random ones in training, the middle
    ones when it acts.
    """

    camera: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
    crop: tuple[Offset, Offset, Count, Count] | None = None
    size: tuple[Count, Count]
    network_size: tuple[Count, Count] | None = None
    steps: Count = 1

    @model_validator(mode="after")
    def _consistent(self) -> ImageSpec:
        width, height = self.seen_size
        if width > self.size[0] or height > self.size[1]:
            raise ValueError(f"network_size {width}×{height} exceeds size {self.size[0]}×{self.size[1]}")
        return self

    @property
    def seen_size(self) -> tuple[int, int]:
        """(width, height) of what the network sees of a stored image."""
        return self.network_size or self.size


class CameraSpec(_Model):
    """A camera as it was at recording; a stream that was not used is None.

    Where a camera's colour has another resolution than its depth, each stream has an entry of its own, under one name.
    """

    name: str
    width: Count
    height: Count
    depth_encoding: Literal["16UC1", "32FC1"] | None = None
    colour_encoding: Literal["rgb8"] | None = None


class ObservationSpec(_Model):
    """What is observed: named state, and a cloud or colour images made from the cameras, or both."""

    state: tuple[StateEntry, ...]
    cloud: CloudSpec | None = None
    cameras: tuple[CameraSpec, ...] = ()
    images: tuple[ImageSpec, ...] = ()

    @model_validator(mode="after")
    def _images_have_cameras(self) -> ObservationSpec:
        names = [image.camera for image in self.images]
        if len(set(names)) != len(names):
            raise ValueError(f"images name a camera twice: {', '.join(names)}")
        for image in self.images:
            camera = self.colour_camera(image.camera)
            left, top, width, height = image.crop or (0, 0, 1, 1)
            if left + width > camera.width or top + height > camera.height:
                raise ValueError(
                    f"crop {image.crop} leaves the {camera.width}×{camera.height} pixels of camera '{camera.name}'"
                )
        return self

    @model_validator(mode="after")
    def _points_have_colour(self) -> ObservationSpec:
        colourless = [camera.name for camera in self.depth_cameras if not camera.colour_encoding]
        if self.cloud and self.cloud.coloured and colourless:
            raise ValueError(
                f"a cloud of {self.cloud.channels} channels needs colour in the pixels of depth: camera "
                f"'{colourless[0]}' has no colour_encoding"
            )
        return self

    @property
    def depth_cameras(self) -> tuple[CameraSpec, ...]:
        """Those that the cloud is made of."""
        return tuple(camera for camera in self.cameras if camera.depth_encoding)

    @property
    def history(self) -> int:
        """Control steps, the present one included, whose clouds or images enter the network together."""
        views = (*((self.cloud,) if self.cloud else ()), *self.images)
        return max((view.steps for view in views), default=1)

    def colour_camera(self, name: str) -> CameraSpec:
        """The one camera of this name with a colour stream. Raises ValueError where there is none, or several."""
        found = [camera for camera in self.cameras if camera.name == name and camera.colour_encoding]
        if len(found) != 1:
            raise ValueError(f"images need one camera '{name}' with a colour_encoding, {len(found)} are named")
        return found[0]


class ActionEntry(_Model):
    """One command dimension; `low`/`high` bound its value, the others its derivatives (unit/s, unit/s², unit/s³).

    Of a rate (kinds `twist`, `joint_velocity`; unit/s) `low`/`high` bound the velocity itself, `max_acceleration` and
    `max_jerk` the motion's as for any other kind (unit/s², unit/s³), and `max_velocity` has no meaning.
    """

    name: str
    unit: str
    low: float
    high: float
    max_velocity: Positive | None = None
    max_acceleration: Positive | None = None
    max_jerk: Positive | None = None

    @model_validator(mode="after")
    def _ordered(self) -> ActionEntry:
        if not self.low < self.high:
            raise ValueError(f"action '{self.name}': low {self.low} must be below high {self.high}")
        return self

    @property
    def axis(self) -> str:
        """Its name after the last dot: `x` of `ee.x`."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def is_gripper(self) -> bool:
        """Named `gripper`, or `….gripper`: the one entry that need not be measured, nor limited in its motion."""
        return self.axis == "gripper"


class ActionSpec(_Model):
    """What a command means.

    `native` passes the environment's own per-step command, `twist` and `joint_velocity` are rates; `hold` is then the
    command that keeps the robot still, with None for entries that keep their last value (a gripper). `centre` names the
    entries that the network gives relative to the newest state of the same name, as it is shown clouds: datasets and
    commands hold them absolute all the same.
    """

    kind: Literal["ee_delta", "ee_pose", "joint_position", "twist", "joint_velocity", "native"]
    entries: tuple[ActionEntry, ...]
    rotation: Literal["none", "quaternion_xyzw"] = "none"
    delta_reference: str | None = None
    base_frame: str
    tool_frame: str
    gripper: str | None = None
    hold: tuple[float | None, ...] = ()
    centre: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _hold_fits(self) -> ActionSpec:
        if self.kind in ("native", "twist", "joint_velocity") and len(self.hold) != len(self.entries):
            raise ValueError(f"kind '{self.kind}' needs a hold value for each of its {len(self.entries)} entries")
        return self

    @property
    def axes(self) -> list[str]:
        """Each entry's name after the last dot."""
        return [entry.axis for entry in self.entries]

    @property
    def gripper_index(self) -> int | None:
        """Which entry is the gripper's; None where there is none."""
        return next((index for index, entry in enumerate(self.entries) if entry.is_gripper), None)


class Bounds(_Model):
    """Per-dimension minimum and maximum over the training set."""

    low: tuple[float, ...]
    high: tuple[float, ...]


class NormaliserStatistics(_Model):
    """Min–max statistics that map state and action to [-1, 1]."""

    state: Bounds
    action: Bounds


class Contract(_Model):
    """The whole agreement. `normaliser` is None until a training has seen its data.

    A chunk holds `horizon` actions. The first `past_actions` of them lie before the newest observation and are never
    commanded: DP3's chunk begins at its oldest observation.
    """

    version: Literal[1] = CONTRACT_VERSION
    preprocessing: Literal[1] = PREPROCESSING_VERSION
    task: str
    rates: Rates
    n_obs_steps: Count
    horizon: Count
    past_actions: Annotated[int, Field(ge=0)] = 0
    n_action_steps: Count
    observation: ObservationSpec
    action: ActionSpec
    normaliser: NormaliserStatistics | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Contract:
        if self.n_action_steps > self.future_actions:
            past = f" without its {self.past_actions} past actions" if self.past_actions else ""
            raise ValueError(f"n_action_steps {self.n_action_steps} exceeds horizon {self.horizon}{past}")
        names = self.state_names
        if len(set(names)) != len(names):
            raise ValueError(f"state names repeat: {', '.join(names)}")
        cloud = self.observation.cloud
        if cloud and not set(cloud.centre) <= set(names):
            raise ValueError(f"cloud centre {cloud.centre} is not among the state names {names}")
        if not set(self.action.centre) <= set(names) & {entry.name for entry in self.action.entries}:
            raise ValueError(f"action centre {self.action.centre} is not among both the action's and the state's names")
        if self.normaliser:
            for what, bounds, size in (
                ("state", self.normaliser.state, self.state_dim),
                ("action", self.normaliser.action, self.action_dim),
            ):
                if not len(bounds.low) == len(bounds.high) == size:
                    raise ValueError(
                        f"normaliser.{what} has {len(bounds.low)} low and {len(bounds.high)} high bounds, "
                        f"the contract {size} entries"
                    )
        return self

    @property
    def state_names(self) -> tuple[str, ...]:
        return tuple(entry.name for entry in self.observation.state)

    @property
    def state_dim(self) -> int:
        return len(self.observation.state)

    @property
    def action_dim(self) -> int:
        return len(self.action.entries)

    @property
    def future_actions(self) -> int:
        """Actions of a chunk from the newest observation on: as many as can be commanded."""
        return self.horizon - self.past_actions

    def replanned(self, steps: int) -> Contract:
        """The same, but for `steps` executed actions of a chunk. Raises ContractError where it has not as many."""
        if not 1 <= steps <= self.future_actions:
            raise ContractError(f"replan_steps {steps}: choose from 1 to {self.future_actions}, the actions of a chunk")
        return self.model_copy(update={"n_action_steps": steps})

    @property
    def dt_ns(self) -> int:
        """Control period in nanoseconds."""
        return round(1e9 / self.rates.control_hz)

    @property
    def dt(self) -> float:
        """Control period in seconds."""
        return self.dt_ns * 1e-9

    def skew_ns(self, max_skew_s: float) -> int:
        """How far stamps of one instant may lie apart, in nanoseconds; 0 means half a control period."""
        return int(max_skew_s * 1e9) or self.dt_ns // 2

    @classmethod
    def parse(cls, document: Any, origin: str) -> Contract:
        """Validates a plain document; `origin` names it in the error."""
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "contract"
            raise ContractError(f"{origin}: {where}: {first['msg']}; mend this entry or record anew") from None

    @classmethod
    def load(cls, path: Path) -> Contract:
        """Reads `contract.yaml`. Raises ContractError if it is missing or malformed."""
        try:
            document = yaml.safe_load(Path(path).read_text())
        except OSError as error:
            raise ContractError(
                f"{path}: {error.strerror}; name a checkpoint's folder, whose contract.yaml counts, or a contract of "
                "your own, such as a copy of config/robot/fr3_contract.yaml"
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError):
            raise ContractError(f"{path}: not valid YAML; restore the contract from the dataset's attributes") from None
        return cls.parse(document, str(path))

    def save(self, path: Path) -> None:
        """Writes `contract.yaml`."""
        Path(path).write_text(yaml.safe_dump(self.document(), sort_keys=False, width=120))

    def document(self) -> dict[str, Any]:
        """The contract as plain lists, dicts and scalars."""
        return self.model_dump(mode="json", exclude_none=True)

    def differences(self, other: Contract) -> list[str]:
        """One line for each entry in which `other` differs; normaliser statistics are a training's own and not
        compared."""
        return _differences(self.document(), other.document(), "")


def _differences(mine: Any, theirs: Any, path: str) -> list[str]:
    if path == "normaliser" or mine == theirs:
        return []
    if isinstance(mine, dict) and isinstance(theirs, dict):
        keys = list(mine) + [key for key in theirs if key not in mine]
        return [
            line
            for key in keys
            for line in _differences(mine.get(key), theirs.get(key), f"{path}.{key}" if path else str(key))
        ]
    if isinstance(mine, list) and isinstance(theirs, list) and len(mine) == len(theirs):
        return [
            line
            for index, (a, b) in enumerate(zip(mine, theirs, strict=True))
            for line in _differences(a, b, f"{path}[{index}]")
        ]
    return [f"{path}: {mine!r} expected, {theirs!r} found"]
