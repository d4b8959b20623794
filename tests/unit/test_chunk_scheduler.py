"""The scheduler splices chunks on their stamps: nothing is lost, doubled or played late."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.motion import joint_contract, pose_contract
from hypothesis import given
from hypothesis import strategies as st
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.chunk_scheduler import ChunkScheduler
from sdm_core.commands.command_space import quaternion
from sdm_core.errors import CommandError

NATIVE = small_contract()
DT = NATIVE.dt_ns
HORIZON = NATIVE.horizon


def numbered(step: int, sequence: int = 0, rows: int = HORIZON) -> ActionChunk:
    """A chunk for step `step` whose entry i says which chunk and which step it is: [step, step + i, sequence]."""
    steps = np.arange(step, step + rows, dtype=float)
    return ActionChunk(step * DT, DT, np.stack([np.full(rows, step), steps, np.full(rows, sequence)], axis=1), sequence)


def test_a_chunk_plays_each_entry_during_its_own_period():
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(numbered(3))
    assert scheduler.at(3 * DT - 1) is None
    for step in range(3, 3 + HORIZON):
        for now in (step * DT, step * DT + DT // 2, (step + 1) * DT - 1):
            assert scheduler.at(now)[1] == step
    assert scheduler.at((3 + HORIZON) * DT) is None


def test_native_values_pass_bit_for_bit():
    targets = np.random.default_rng(0).standard_normal((HORIZON, 3))
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(ActionChunk(0, DT, targets, 0))
    played = np.array([scheduler.at(step * DT) for step in range(HORIZON)])
    assert played.tobytes() == targets.tobytes()


def test_what_the_caller_does_to_a_target_leaves_the_chunk_alone():
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(numbered(0))
    scheduler.at(0)[:] = np.nan
    assert scheduler.at(0)[1] == 0


@given(
    arrivals=st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 6)),  # (step of the observation, periods until the chunk arrives)
        min_size=1,
        max_size=12,
        unique_by=lambda arrival: arrival[0],
    )
)
def test_splicing_always_plays_the_entry_of_now_from_the_newest_chunk_that_has_arrived(arrivals):
    scheduler = ChunkScheduler(NATIVE)
    pending = sorted(arrivals, key=lambda arrival: arrival[0] + arrival[1])
    arrived: list[int] = []
    for now in range(45):
        while pending and sum(pending[0]) <= now:
            step, _ = pending.pop(0)
            scheduler.add(numbered(step))
            arrived.append(step)
        covering = [step for step in arrived if step <= now < step + HORIZON]
        target = scheduler.at(now * DT)
        if not covering:
            assert target is None
        else:
            assert target[0] == max(covering)
            assert target[1] == now  # neither repeated nor skipped


def test_a_chunk_of_the_future_waits_for_its_time():
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(numbered(0, sequence=1))
    scheduler.add(numbered(2, sequence=2))
    assert [scheduler.at(step * DT)[2] for step in range(4)] == [1, 1, 2, 2]


def test_of_two_chunks_for_one_observation_the_later_arrival_stays():
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(numbered(0, sequence=1))
    scheduler.add(numbered(0, sequence=2))
    assert scheduler.at(0)[2] == 2


def test_an_old_chunk_that_arrives_after_its_end_changes_nothing():
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(numbered(10))
    assert scheduler.at(10 * DT)[0] == 10
    scheduler.add(numbered(0))
    assert scheduler.at(11 * DT)[0] == 10


def test_age_counts_from_the_observation_that_is_played():
    scheduler = ChunkScheduler(NATIVE)
    assert scheduler.age(0) is None
    scheduler.add(numbered(2))
    assert scheduler.age(DT) is None
    assert scheduler.age(2 * DT + 5) == 5
    scheduler.add(numbered(3))
    assert scheduler.age(3 * DT + 7) == 7


def test_reset_forgets_everything():
    scheduler = ChunkScheduler(NATIVE)
    scheduler.add(numbered(0))
    scheduler.reset()
    assert scheduler.at(0) is None


def test_memory_stays_bounded_however_many_chunks_come():
    scheduler = ChunkScheduler(NATIVE, "ensemble")
    for step in range(200):
        scheduler.add(numbered(step))
        scheduler.at(step * DT)
    assert len(scheduler._chunks) <= HORIZON


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_chunk_with_any_entry_that_is_not_finite_is_refused_whole(bad):
    scheduler = ChunkScheduler(NATIVE)
    targets = np.zeros((HORIZON, 3))
    targets[HORIZON - 1, 1] = bad
    with pytest.raises(CommandError, match=r"target 3 has dy = .*dropped whole: see to whoever publishes it"):
        scheduler.add(ActionChunk(0, DT, targets, 0))
    assert scheduler.at(0) is None


def test_a_chunk_of_another_width_is_refused():
    with pytest.raises(CommandError, match="2 entries a target, the contract 3"):
        ChunkScheduler(NATIVE).add(ActionChunk(0, DT, np.zeros((HORIZON, 2)), 0))


def test_an_unknown_mode_is_refused():
    with pytest.raises(CommandError, match="'newest' is unknown; use one of receding, ensemble"):
        ChunkScheduler(NATIVE, "newest")


def test_malformed_chunks_cannot_be_made():
    with pytest.raises(CommandError, match="dt is 0"):
        ActionChunk(0, 0, np.zeros((1, 3)), 0)
    with pytest.raises(CommandError, match="expected \\[horizon, entries\\]"):
        ActionChunk(0, DT, np.zeros((0, 3)), 0)


def test_ensemble_weighs_old_predictions_most_as_act_does():
    scheduler = ChunkScheduler(NATIVE, "ensemble", decay=0.5)
    values = (1.0, 2.0, 4.0)
    for step, value in enumerate(values):
        scheduler.add(ActionChunk(step * DT, DT, np.full((HORIZON, 3), value), step))
    weights = np.exp(-0.5 * np.arange(3))
    assert scheduler.at(2 * DT) == pytest.approx(np.full(3, weights @ values / weights.sum()))


def test_an_ensemble_leaves_out_what_is_too_old_but_for_the_newest():
    scheduler = ChunkScheduler(NATIVE, "ensemble", decay=0.0, max_age_ns=DT)
    for step, value in enumerate((1.0, 2.0, 4.0)):
        scheduler.add(ActionChunk(step * DT, DT, np.full((HORIZON, 3), value), step))
    assert scheduler.at(2 * DT) == pytest.approx(np.full(3, 3.0))
    assert scheduler.at(3 * DT) == pytest.approx(np.full(3, 4.0))
    assert scheduler.at(4 * DT) == pytest.approx(np.full(3, 4.0))  # whose age the gate refuses
    assert scheduler.age(4 * DT) == 2 * DT


def test_joint_targets_run_linearly_between_entries_and_rest_on_the_last():
    contract = joint_contract()
    scheduler = ChunkScheduler(contract)
    dt = contract.dt_ns
    scheduler.add(ActionChunk(0, dt, np.array([[0.0, 0.0], [0.1, -0.2]]), 0))
    assert scheduler.at(dt // 4) == pytest.approx([0.025, -0.05])
    assert scheduler.at(dt) == pytest.approx([0.1, -0.2])
    assert scheduler.at(dt + dt // 2) == pytest.approx([0.1, -0.2])


def test_rotations_run_along_the_shorter_great_arc():
    contract = pose_contract()
    dt = contract.dt_ns
    end = quaternion(np.array([0.0, 0.0, 1.0]))
    targets = np.zeros((2, 8))
    targets[0, 6] = 1.0
    targets[1, 3:7] = -end  # the same rotation with the other sign
    scheduler = ChunkScheduler(contract)
    scheduler.add(ActionChunk(0, dt, targets, 0))
    middle = scheduler.at(dt // 2)[3:7]
    expected = quaternion(np.array([0.0, 0.0, 0.5]))
    assert abs(middle @ expected) == pytest.approx(1.0, abs=1e-12)


def test_the_mean_of_rotations_ignores_the_sign_of_quaternions():
    contract = pose_contract()
    scheduler = ChunkScheduler(contract, "ensemble", decay=0.0)
    for step, (angle, sign) in enumerate([(0.2, 1.0), (0.4, -1.0)]):
        targets = np.zeros((8, 8))
        targets[:, 3:7] = sign * quaternion(np.array([angle, 0.0, 0.0]))
        scheduler.add(ActionChunk(step * contract.dt_ns, contract.dt_ns, targets, step))
    mean = scheduler.at(contract.dt_ns)[3:7]
    assert abs(mean @ quaternion(np.array([0.3, 0.0, 0.0]))) == pytest.approx(1.0, abs=1e-9)
