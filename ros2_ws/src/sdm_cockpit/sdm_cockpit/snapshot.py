"""What there is to be seen of a policy at one instant: made of the live graph or of a recording, drawn by the page.

Positions are in m and in the contract's base frame, quaternions xyzw. What is not known is None, or an empty tuple.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sdm_core.contract import XYZRGB

ShapeKind = Literal["box", "sphere", "cylinder", "mesh"]


@dataclass(frozen=True, eq=False)
class Pose:
    """Where a frame stands: `position` float64[3], `quaternion` float64[4] xyzw."""

    position: NDArray[np.float64]
    quaternion: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Box:
    """An axis-aligned box from `low` to `high`, float64[3] each."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Shape:
    """A rigid piece of robot or world, at `pose` in `frame`.

    `size` float64[3]: edges of a box, diameters of a sphere, diameter, diameter and height of a cylinder, scale of a
    mesh, which is the file `mesh`. `colour`: RGBA from 0 to 1.
    """

    name: str
    frame: str
    kind: ShapeKind
    pose: Pose
    size: NDArray[np.float64]
    colour: tuple[float, float, float, float]
    mesh: str = ""


@dataclass(frozen=True, eq=False)
class Scene:
    """The shapes of robot and world; `version` changes when they do."""

    version: int
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """A chunk as a path of the tool: `path` float64[H,3], of which the first `executed` points lie behind.

    `values` float64[H,A] are its targets, whatever their kind; `path` is None where they name no place.
    """

    sequence: int
    values: NDArray[np.float64]
    path: NDArray[np.float64] | None
    executed: int = 0
    label: str = "policy"


@dataclass(frozen=True)
class Timing:
    """The parts of a control loop in ms, as in PolicyTrace; how often it turns, and how old its observation was.

    `deadline_ms` is what a loop may take, the contract's control period; 0 where nobody said.
    """

    cloud_ms: float
    inference_ms: float
    gate_publish_ms: float
    loop_ms: float
    observation_age_ms: float
    control_hz: float
    deadline_ms: float = 0.0


@dataclass(frozen=True)
class NodeState:
    """A node of the stack: its lifecycle `state` ("active", …; "gone" where it does not answer any more)."""

    name: str
    state: str


@dataclass(frozen=True)
class Episode:
    """Where a run stands; `number` counts from 1, `of` is 0 where it has no end.

    `successes` are among the `finished` ones; `latency_ms` is what the simulator adds to the policy's own.
    """

    task: str
    number: int = 0
    of: int = 0
    seed: int = 0
    step: int = 0
    finished: int = 0
    successes: int = 0
    mode: str = ""
    real_time_factor: float = 1.0
    latency_ms: float = 0.0


@dataclass(frozen=True)
class Status:
    """What everyone must know at a glance.

    `activity` is command_node's word (following, resting, paused, stopping, going_home, faulted), `fault` its latched
    one, `refusal` why the policy stands. `problems`: a line for each thing that is wrong with what the page is given.
    `dry_run`: command_node does all that, and sends nothing.
    """

    nodes: tuple[NodeState, ...] = ()
    activity: str = ""
    fault: str = ""
    refusal: str = ""
    problems: tuple[str, ...] = ()
    dry_run: bool = False


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Everything at one instant; `time_s` on a steady clock, or of the recording.

    `cloud` float32[N,channels] as the network gets it, before it is centred and scaled; `images` uint8[H,W,3] by
    camera; `tool` where it stands, `clamps` what the gate changed or held since the last snapshot. `trail`: where the
    tool has been by now, if that is known: times float64[T] and places float64[T,3].
    """

    time_s: float
    scene: Scene | None = None
    frames: dict[str, Pose] = field(default_factory=dict)
    cloud: NDArray[np.float32] | None = None
    images: dict[str, NDArray[np.uint8]] = field(default_factory=dict)
    crop: Box | None = None
    workspace: Box | None = None
    plans: tuple[Plan, ...] = ()
    tool: Pose | None = None
    clamps: tuple[str, ...] = ()
    timing: Timing | None = None
    status: Status = field(default_factory=Status)
    episode: Episode | None = None
    recording: bool = False
    trail: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None

    @property
    def coloured(self) -> bool:
        """Whether the cloud's points have a colour of their own."""
        return self.cloud is not None and self.cloud.shape[1:] == (XYZRGB,)
