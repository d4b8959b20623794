"""An episode that was recorded: what was observed and commanded, and, of a bag, what the policy planned meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import Anchor
from sdm_core.contract import XYZ, Contract

from sdm_cockpit.snapshot import Box, Episode, Plan, Snapshot, Status, Timing
from sdm_cockpit.tool_path import ToolPath

RECORDED = "recorded"
"""The label of the way that an episode took."""
POLICY = "policy"
"""The label of the chunks that were commanded when it was recorded."""


@dataclass(frozen=True, eq=False)
class Deeds:
    """What the nodes did meanwhile, by step: the chunks that answered it, the loop's timing, what the gate changed, why
    nothing was commanded, and the steps of which the chunk moved nothing."""

    chunks: Mapping[int, ActionChunk] = field(default_factory=dict)
    timings: Mapping[int, Timing] = field(default_factory=dict)
    clamps: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    refusals: Mapping[int, str] = field(default_factory=dict)
    unfollowed: frozenset[int] = frozenset()


@dataclass(frozen=True, eq=False)
class Recording:
    """One episode of T steps, number `number` (from 0) of the `of` in `source`.

    `times_s` float64[T] from the first step on; `state` [T,S] and `action` [T,A] in the contract's order and units;
    `clouds` float32[T,N,channels] and `images` uint8[T,H,W,3] by camera, as far as the contract observes them.
    `success` None: nobody judged it.
    """

    source: str
    number: int
    of: int
    contract: Contract
    times_s: NDArray[np.float64]
    state: NDArray[np.float32]
    action: NDArray[np.float32]
    clouds: NDArray[np.float32] | None
    images: dict[str, NDArray[np.uint8]]
    success: bool | None = None
    seed: int = 0
    deeds: Deeds = field(default_factory=Deeds)

    def __len__(self) -> int:
        return len(self.state)

    @property
    def title(self) -> str:
        """Task, number and outcome, for people."""
        judged = {True: ", success", False: ", failure", None: ""}[self.success]
        return f"{self.contract.task}, episode {self.number + 1} of {self.of}{judged}"

    @cached_property
    def tool(self) -> ToolPath:
        """How states and targets are read as places."""
        return ToolPath(self.contract)

    @cached_property
    def trail(self) -> NDArray[np.float64] | None:
        """The tool's place at each step, float64[T,3]; None where the contract does not tell."""
        return self.tool.places(self.state)

    def state_by_name(self, step: int) -> dict[str, float]:
        """What was measured at a step."""
        return dict(zip(self.contract.state_names, self.state[step].tolist(), strict=True))

    def cloud(self, step: int) -> NDArray[np.float32] | None:
        """The points [M,channels] of a step that enter the network, without the zeros that fill them up."""
        spec = self.contract.observation.cloud
        if self.clouds is None or spec is None:
            return None
        points = self.clouds[step, : spec.network_points]
        return points[points.any(axis=1)]

    @cached_property
    def extent(self) -> Box | None:
        """The box around what was seen in the middle of it and the tool's trail; None where neither is known."""
        cloud = self.cloud(len(self) // 2)
        parts = [part for part in (cloud, self.trail) if part is not None and len(part)]
        if not parts:
            return None
        points = np.concatenate([part[:, :XYZ] for part in parts])
        return Box(points.min(axis=0), points.max(axis=0))

    @cached_property
    def _targets(self) -> NDArray[np.float64]:
        """The commands [T,A] as those of a plan are: relative ones anchored to the state of their own step."""
        anchor, dt_ns = Anchor(self.contract), self.contract.dt_ns
        rows = enumerate(zip(self.action.astype(float), self.state.astype(float), strict=True))
        chunks = (anchor.absolute(ActionChunk(t * dt_ns, dt_ns, action[None], t), state) for t, (action, state) in rows)
        return np.concatenate([chunk.targets for chunk in chunks])

    def way(self, step: int) -> Plan:
        """The commands from a step on, as many as a chunk has, and the way that the tool took then."""
        stop = step + self.contract.future_actions
        path = None if self.trail is None or step + 1 == len(self) else self.trail[step + 1 : stop + 1]
        return Plan(step, self._targets[step:stop], path, 0, RECORDED)

    def plan(self, step: int) -> Plan | None:
        """The newest chunk at a step, with nothing executed where it was not followed; None where none lasts."""
        begin = max((at for at in self.deeds.chunks if at <= step), default=None)
        if begin is None:
            return None
        chunk = self.deeds.chunks[begin]
        passed = round((self.times_s[step] - self.times_s[begin]) / self.contract.dt)
        if passed >= len(chunk.targets):
            return None
        return self.planned(chunk, begin, POLICY, 0 if begin in self.deeds.unfollowed else passed)

    def planned(self, chunk: ActionChunk, step: int, label: str, executed: int = 0) -> Plan:
        """An anchored chunk that answers the observation of a step, of which some entries lie behind."""
        start = None if self.trail is None else self.trail[step]
        return Plan(chunk.sequence, chunk.targets, self.tool.path(chunk.targets, start), executed, label)

    def snapshot(self, step: int, plans: Iterable[Plan] = ()) -> Snapshot:
        """What was to be seen at a step, with further plans beside those that were recorded."""
        own = self.plan(step)
        cloud = self.contract.observation.cloud
        return Snapshot(
            time_s=float(self.times_s[step]),
            cloud=self.cloud(step),
            images={camera: images[step] for camera, images in self.images.items()},
            crop=Box(np.array(cloud.crop_low), np.array(cloud.crop_high)) if cloud else None,
            workspace=self.tool.workspace,
            plans=(self.way(step), *((own,) if own else ()), *plans),
            tool=self.tool.pose(self.state[step]),
            trail=None if self.trail is None else (self.times_s[: step + 1], self.trail[: step + 1]),
            clamps=self.deeds.clamps.get(step, ()),
            timing=self.deeds.timings.get(step),
            status=Status(refusal=self.deeds.refusals.get(step, "")),
            episode=Episode(self.contract.task, self.number + 1, self.of, self.seed, step),
        )
