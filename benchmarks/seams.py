"""Chunk seams: whether the streamed command stays within its limits there, and how far it lags behind its target.

    python benchmarks/seams.py [--pairs 5000] [--contract config/robot/fr3_contract.yaml] [--rate-hz 100]

Each pair is two random chunks: the second one answers a later observation, arrives late, and disagrees with the first
about where to be, as a stochastic policy's does. `consistent` pairs begin at rest and go on at the first one's speed;
`rough` ones begin at any speed at once. A `seam` line for each sort says how often and by how much the stream left the
limits of velocity, acceleration and jerk (in shares of them), how far apart the chunks were at the seam, and how long
after its target the command follows, over all periods in which the target moves.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.chunk_scheduler import ChunkScheduler
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import CommandSpace
from sdm_core.commands.limit_excess import excess
from sdm_core.contract import Contract
from sdm_core.provenance import origin
from sdm_core.results import append_result

Vector = NDArray[np.float64]

RESULTS = Path("benchmarks/results/seams.jsonl")
LIMITS = ("velocity", "acceleration", "jerk")
# Third differences of positions carry rounding of about 1e-16 / dt³: shares of a limit that count as none.
ROUNDING = 1e-5
# Chunks reach this share of the greatest speed, and disagree by as much as that takes in 0.1 s.
SPEED, DISAGREEMENT_S = 0.8, 0.1
# Slower than this share of the limit a target stands: its lag in time says nothing.
STANDING = 0.1


@dataclass(frozen=True, eq=False)
class Seam:
    """What came of one pair of chunks."""

    excess: dict[str, float]
    jump: float
    """Distance of the two chunks at the seam: the linear axes' norm (m; of joints rad)."""
    lags_s: Vector
    """Of each period in which the target moved."""


class SeamTrial:
    """Streams random pairs of chunks through the pipeline of one contract."""

    def __init__(self, contract: Contract, start: Vector, period_ns: int) -> None:
        """`contract` of absolute pose or joint targets; `start` float64[A] in its bounds; a chunk spans 0.4 s."""
        self._rows = max(4, round(0.4 / contract.dt))
        self.contract = contract
        self._space = CommandSpace(contract.action)
        self._start, self._period_ns = start, period_ns

    def run(self, rng: np.random.Generator, rough: bool) -> Seam:
        """One pair, seen from rest at the start to the end of the second chunk."""
        dt_ns = self.contract.dt_ns
        observed = int(rng.integers(1, self._rows - 1)) * dt_ns
        arrival = observed + int(rng.uniform(0.0, 2.0) * dt_ns)
        at_rest = np.zeros(self._space.dim)
        first = self._chunk(rng, 0, self._start, None if rough else at_rest)
        row = observed // dt_ns
        middle = first.targets[row]
        speed = self._space.difference(first.targets[row - 1], middle) / self.contract.dt
        second = self._chunk(rng, observed, self._disagreeing(rng, middle), None if rough else speed)
        pipeline = CommandPipeline(self.contract, period_ns=self._period_ns, max_age_ns=10**12)
        pipeline.reset(self._start)
        pipeline.add(first)
        scheduler = ChunkScheduler(self.contract)
        scheduler.add(first)
        commands, targets = [], []
        for now in range(0, second.end_ns, self._period_ns):
            if now - self._period_ns < arrival <= now:
                pipeline.add(second)
                scheduler.add(second)
            commands.append(pipeline.tick(now).command)
            targets.append(scheduler.at(now))
        jump = self._space.difference(middle, second.targets[0])[: len(self._space.linear)]
        over = excess(self.contract, self._start, commands, self._period_ns * 1e-9)
        return Seam(over, float(np.linalg.norm(jump)), self._lags(commands, targets))

    def _disagreeing(self, rng: np.random.Generator, pose: Vector) -> Vector:
        step = np.where(np.isfinite(self._space.max_velocity), self._space.max_velocity, 0.0) * DISAGREEMENT_S
        return self._inside(self._space.advance(pose, rng.uniform(-step, step)))

    def _chunk(self, rng: np.random.Generator, stamp_ns: int, start: Vector, begin: Vector | None) -> ActionChunk:
        """A random motion from `start`, from the speed `begin` (None: any) evenly to another, up to SPEED of the
        limits."""
        speed = np.where(np.isfinite(self._space.max_velocity), self._space.max_velocity, 0.0) * SPEED
        begin = rng.uniform(-speed, speed) if begin is None else begin
        end = rng.uniform(-speed, speed)
        shares = np.linspace(0.0, 1.0, self._rows)[:, None]
        targets = [start]
        for velocity in begin + shares[1:] * (end - begin):
            targets.append(self._inside(self._space.advance(targets[-1], velocity * self.contract.dt)))
        return ActionChunk(stamp_ns, self.contract.dt_ns, np.stack(targets), stamp_ns)

    def _inside(self, pose: Vector) -> Vector:
        return np.clip(pose, self._space.low, self._space.high)

    def _lags(self, commands: list[Vector | None], targets: list[Vector | None]) -> Vector:
        """Seconds by which commands follow their targets, along the target's motion."""
        period, limits = self._period_ns * 1e-9, self._space.max_velocity
        lags = []
        for before, target, command in zip(targets[:-1], targets[1:], commands[1:], strict=True):
            if before is None or target is None or command is None:
                continue
            velocity = self._space.difference(before, target) / period
            if STANDING < np.abs(velocity / limits).max() <= 1.0:  # faster is the seam's own jump
                lags.append(float(self._space.difference(command, target) @ velocity / (velocity @ velocity)))
        return np.array(lags)


def standing(contract: Contract) -> Vector:
    """The middle of the bounds, with the tool pointing down where there is one."""
    entries = contract.action.entries
    start = np.array([(entry.low + entry.high) / 2 for entry in entries])
    space = CommandSpace(contract.action)
    if space.rotation:
        start[space.rotation] = [1.0, 0.0, 0.0, 0.0]
    return start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5_000, help="of each sort")
    parser.add_argument("--contract", type=Path, default=Path("config/robot/fr3_contract.yaml"))
    parser.add_argument("--rate-hz", type=float, default=100.0, help="of the streamed commands")
    parser.add_argument("--seed", type=int, default=0, help="of the first pair; each has its own")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    contract = Contract.load(options.contract)
    trial = SeamTrial(contract, standing(contract), round(1e9 / options.rate_hz))
    for sort in ("consistent", "rough"):
        seams = [
            trial.run(np.random.default_rng(options.seed + pair), rough=sort == "rough")
            for pair in range(options.pairs)
        ]
        line = {
            "kind": "seam",
            "pairs": len(seams),
            "sort": sort,
            "contract": contract.task,
            "control_hz": contract.rates.control_hz,
            "rate_hz": options.rate_hz,
            "seed": options.seed,
            **summary(seams),
        }
        print("\n".join(f"{key:14} {value}" for key, value in line.items()), end="\n\n")
        append_result(options.results, {**line, **origin()})


def summary(seams: list[Seam]) -> dict[str, object]:
    """The figures of a line."""
    jumps = np.array([seam.jump for seam in seams])
    lags = 1e3 * np.concatenate([seam.lags_s for seam in seams])
    return {
        "violations": sum(any(seam.excess[limit] > ROUNDING for limit in LIMITS) for seam in seams),
        "worst_excess": {limit: float(f"{max(seam.excess[limit] for seam in seams):.3g}") for limit in LIMITS},
        "jump_p50": round(float(np.median(jumps)), 4),
        "jump_max": round(float(jumps.max()), 4),
        "lag_ms": {f"p{share}": round(float(np.percentile(lags, share)), 1) for share in (50, 95, 99)},
    }


if __name__ == "__main__":
    main()
