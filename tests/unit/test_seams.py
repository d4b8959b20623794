"""Whatever two chunks say, and whenever the second one comes: what is streamed stays within the limits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from helpers.motion import POSE_AT_REST, joint_contract, pose_contract, rate_contract
from hypothesis import given, settings
from hypothesis import strategies as st
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.limit_excess import excess
from sdm_core.contract import Contract
from sdm_core.results import read_results

WITHIN = 1e-5  # shares of a limit: rounding of third differences
ROWS = 6


def streamed(contract: Contract, start: np.ndarray, seed: int, seam: int, late_ns: int, wild: bool) -> dict[str, float]:
    """By how much the commands of two random chunks leave the limits, to rest after the second one.

    The second chunk answers an observation `seam` entries into the first and arrives `late_ns` after it; `wild` ones
    jump anywhere within the bounds, others wander.
    """
    rng = np.random.default_rng(seed)
    slow = contract.model_copy(update={"rates": contract.rates.model_copy(update={"control_hz": 20.0})})
    low = np.array([entry.low for entry in contract.action.entries])
    high = np.array([entry.high for entry in contract.action.entries])

    def chunk(stamp_ns: int) -> ActionChunk:
        anywhere = rng.uniform(low, high, (ROWS, len(low)))
        steps = rng.normal(0.0, 0.02, (ROWS, len(low))) * (high - low)
        targets = anywhere if wild else np.clip(start + np.cumsum(steps, axis=0), low, high)
        return ActionChunk(stamp_ns, slow.dt_ns, targets, stamp_ns)

    period_ns = 10_000_000
    pipeline = CommandPipeline(slow, period_ns=period_ns, max_age_ns=10**10)
    pipeline.reset(start)
    pipeline.add(chunk(0))
    second = chunk(seam * slow.dt_ns)
    commands = []
    for now in range(0, second.end_ns, period_ns):
        if now - period_ns < second.stamp_ns + late_ns <= now:
            pipeline.add(second)
        commands.append(pipeline.tick(now).command)
    commands += [row.decision.command for row in pipeline.path(second.end_ns)]
    return excess(slow, start, commands, period_ns * 1e-9)


pairs = {
    "seed": st.integers(0, 2**32 - 1),
    "seam": st.integers(1, ROWS - 1),
    "late_ns": st.integers(0, 60_000_000),
    "wild": st.booleans(),
}


@settings(max_examples=120)
@given(**pairs)
def test_joints_stay_within_their_limits_across_a_seam(seed, seam, late_ns, wild):
    over = streamed(joint_contract(), np.zeros(2), seed, seam, late_ns, wild)
    assert all(value <= WITHIN for value in over.values())


@settings(max_examples=60)
@given(**pairs)
def test_poses_stay_within_their_limits_across_a_seam(seed, seam, late_ns, wild):
    over = streamed(pose_contract(), POSE_AT_REST, seed, seam, late_ns, wild)
    assert all(value <= WITHIN for value in over.values())


@settings(max_examples=60)
@given(**pairs)
def test_rates_stay_within_their_limits_across_a_seam(seed, seam, late_ns, wild):
    over = streamed(rate_contract(), np.zeros(2), seed, seam, late_ns, wild)
    assert all(value <= WITHIN for value in over.values())


def test_ten_thousand_measured_pairs_are_within_the_limits():
    lines = read_results(Path(__file__).parents[2] / "benchmarks/results/seams.jsonl")
    assert {line["sort"] for line in lines} == {"consistent", "rough"}
    assert sum(line["pairs"] for line in lines) >= 10_000
    for line in lines:
        assert line["violations"] == 0
        assert max(line["worst_excess"].values()) <= WITHIN
