"""Recorded episodes of datasets and bags are one kind of thing, over which policies and demonstrations can be laid."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from helpers.bags import WrittenBag
from helpers.contracts import small_contract
from helpers.fake_robot import time_message
from helpers.linear_policy import LinearPolicy
from helpers.recordings import STEPS, moving_contract, moving_dataset, moving_episode, recordings_at
from sdm_cockpit.replay.arguments import add_arguments, chosen
from sdm_cockpit.replay.nearest_demonstration import NearestDemonstration, chamfer_distance
from sdm_cockpit.replay.open_recordings import open_recordings
from sdm_cockpit.replay.recording import POLICY, RECORDED, Recording
from sdm_cockpit.replay.replayed_policy import ReplayedPolicy
from sdm_cockpit.replay.state_range import StateRange
from sdm_core.action_chunk import ActionChunk
from sdm_core.errors import ContractError, DatasetError
from sdm_core.runtime.observation_window import ObservationWindow
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_interfaces.msg import PolicyTrace
from sdm_policy_node.chunk_message import to_chunk_message


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return moving_dataset(tmp_path / "moving.zarr").path


def only(address: str | Path) -> Recording:
    (recording,) = recordings_at(str(address))
    return recording


# -- datasets ------------------------------------------------------------------------------------------------------


def test_an_episode_of_a_dataset_is_what_was_stored(dataset: Path) -> None:
    recording, stored = only(f"{dataset}:1"), moving_episode(1, moving_contract())
    np.testing.assert_array_equal(recording.state, stored.state)
    np.testing.assert_array_equal(recording.action, stored.action)
    np.testing.assert_array_equal(recording.clouds, stored.point_cloud)
    assert (recording.title, recording.success, recording.seed) == ("test/reach, episode 2 of 2", None, 1)
    assert recording.times_s[-1] == pytest.approx((STEPS - 1) * 0.1)
    assert recording.state_by_name(3)["hand.x"] == recording.state[3, 0]


def test_an_address_without_a_number_is_all_episodes(dataset: Path) -> None:
    assert [each.title for each in recordings_at(str(dataset))] == [
        "test/reach, episode 1 of 2, success",
        "test/reach, episode 2 of 2",
    ]


def test_a_snapshot_shows_what_the_network_got_and_the_way_that_was_taken(tmp_path: Path) -> None:
    recording = only(f"{moving_dataset(tmp_path / 'x.zarr', moving_contract(images=True)).path}:0")
    assert recording.clouds is not None
    snapshot = recording.snapshot(4)
    assert snapshot.cloud is not None
    np.testing.assert_array_equal(snapshot.cloud, recording.clouds[4, :8])  # no padding
    np.testing.assert_array_equal(snapshot.images["camera"], recording.images["camera"][4])
    assert snapshot.tool is not None
    np.testing.assert_array_equal(snapshot.tool.position, recording.state[4, :3])
    (way,) = snapshot.plans
    assert way.label == RECORDED
    np.testing.assert_array_equal(way.path, recording.state[5:9, :3])
    assert recording.snapshot(STEPS - 1).plans[0].path is None  # nothing came after it


@pytest.mark.parametrize(
    ("address", "line"),
    [("x.zarr:2", "has no episode 2; it holds 2"), ("y.zarr", "no such file or folder"), ("empty.zarr", "no episode")],
)
def test_what_is_not_there_is_one_line(tmp_path: Path, address: str, line: str) -> None:
    moving_dataset(tmp_path / "x.zarr")
    moving_dataset(tmp_path / "empty.zarr", episodes=0)
    with pytest.raises(DatasetError, match=line):
        list(recordings_at(str(tmp_path / address)))


# -- bags ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [-1, 0, 1])
def test_an_episode_of_a_bag_comes_with_what_the_policy_planned_and_the_gate_did(tmp_path: Path, frames: int) -> None:
    """`frames`: images of a camera of three times the rate from the row to the one that the policy answered."""
    contract = small_contract()
    bag = WrittenBag(tmp_path / "bag", contract)
    bag.episode(range(3))
    begin_ns = bag.now_ns
    targets = np.arange(6.0).reshape(2, 3) / 10
    chunk = ActionChunk(begin_ns + contract.dt_ns + frames * contract.dt_ns // 3, contract.dt_ns, targets, 5)
    trace = PolicyTrace(sequence=5, commands=1, inference_ms=2.0, loop_ms=4.0, interventions=["velocity"])
    trace.observation_stamp = time_message(chunk.stamp_ns)
    trace.header.stamp = time_message(chunk.stamp_ns + 40_000_000)
    bag.write("/action_chunk", to_chunk_message(chunk, contract))
    bag.write("/command_node/trace", trace)
    bag.episode(range(10, 15), success=1)
    bag.close()
    recordings = open_recordings(tmp_path / "bag")
    assert [len(each) for each in recordings] == [3, 5]
    recording = recordings[1]
    assert (recording.success, recording.contract) == (True, contract)
    plans = [[plan for plan in recording.snapshot(step).plans if plan.label == POLICY] for step in range(5)]
    assert [[(plan.sequence, plan.executed) for plan in each] for each in plans] == [[], [(5, 0)], [(5, 1)], [], []]
    np.testing.assert_array_equal(plans[1][0].values, targets)
    timing = recording.snapshot(1).timing
    assert timing is not None
    assert (timing.loop_ms, timing.observation_age_ms, timing.deadline_ms) == (4.0, 40.0, 100.0)
    assert [recording.snapshot(step).clamps for step in range(3)] == [(), ("velocity",), ()]
    assert recordings[0].deeds.chunks == {}


@pytest.mark.parametrize(("commands", "executed"), [(0, [0, 0]), (1, [0, 1]), (None, [0, 1])])
def test_a_chunk_that_moved_nothing_is_not_executed(tmp_path: Path, commands: int | None, executed: list[int]) -> None:
    """`commands`: of the trace that answers it; None: the bag holds no trace."""
    contract = small_contract()
    bag = WrittenBag(tmp_path / "bag", contract)
    chunk = ActionChunk(bag.now_ns, contract.dt_ns, np.zeros((2, 3)), 5)
    bag.write("/policy_node/action_chunk", to_chunk_message(chunk, contract))
    if commands is not None:
        stamp = time_message(chunk.stamp_ns)
        bag.write("/policy_node/trace", PolicyTrace(observation_stamp=stamp, sequence=5, commands=commands))
    bag.episode(range(3))
    bag.close()
    recording = open_recordings(tmp_path / "bag")[0]
    plans = [recording.plan(step) for step in range(3)]
    assert [plan.executed for plan in plans if plan] == executed


def test_what_a_bag_lacks_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = WrittenBag(tmp_path / "bag", small_contract())
    bag.episode(range(3))
    bag.event("start")
    bag.close()
    made = argparse.ArgumentParser()
    add_arguments(made)
    ((recording, plans),) = chosen(made.parse_args([f"{tmp_path / 'bag'}:0"]))
    assert (len(recording), plans) == (3, [()] * 3)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "warning: recording 2: the bag ends before it was kept or discarded"


# -- policies over them --------------------------------------------------------------------------------------------


def test_a_policy_replayed_answers_as_the_runtime_does(tmp_path: Path, dataset: Path) -> None:
    contract = moving_contract()
    checkpoint = LinearPolicy(contract).write(tmp_path / "student")
    recording = only(f"{dataset}:1")
    plans = list(ReplayedPolicy(checkpoint.path).plans(recording))
    assert len(plans) == len(recording)
    assert {plan.label for plan in plans} == {"student"}
    runtime, window = PolicyRuntime(checkpoint), ObservationWindow(contract)
    runtime.start_episode(recording.seed)
    assert recording.clouds is not None
    for step, plan in enumerate(plans):
        stamp_ns = step * contract.dt_ns
        window.add_state(stamp_ns, recording.state[step].astype(float))
        window.add_cloud(stamp_ns, recording.clouds[step])
        chunk = runtime.infer(window.policy_input(stamp_ns))
        np.testing.assert_array_equal(plan.values, chunk.targets)
        assert plan.path is not None
        np.testing.assert_allclose(plan.path[0], recording.state[step, :3] + 0.01 * chunk.targets[0], atol=1e-6)


@pytest.mark.parametrize("coloured", [False, True])
def test_a_policy_without_colour_can_be_shown_coloured_points(tmp_path: Path, coloured: bool) -> None:
    store = moving_dataset(tmp_path / "x.zarr", moving_contract(coloured=True))
    contract = moving_contract(coloured=coloured)
    checkpoint = LinearPolicy(contract, gain=1.0).write(tmp_path / "student")
    recording = only(f"{store.path}:1")
    assert recording.clouds is not None
    runtime, window = PolicyRuntime(checkpoint), ObservationWindow(contract)
    runtime.start_episode(recording.seed)
    window.add_state(0, recording.state[0].astype(float))
    window.add_cloud(0, recording.clouds[0] if coloured else recording.clouds[0, :, :3])
    first = next(iter(ReplayedPolicy(checkpoint.path).plans(recording)))
    np.testing.assert_array_equal(first.values, runtime.infer(window.policy_input(0)).targets)


def test_a_policy_of_colour_is_refused_where_points_have_none(tmp_path: Path, dataset: Path) -> None:
    policy = LinearPolicy(moving_contract(coloured=True)).write(tmp_path / "student")
    with pytest.raises(ContractError, match="student was made for other clouds"):
        list(ReplayedPolicy(policy.path).plans(only(f"{dataset}:0")))


def test_a_policy_of_another_task_is_refused(tmp_path: Path, dataset: Path) -> None:
    other = LinearPolicy(small_contract()).write(tmp_path / "other")
    with pytest.raises(ContractError, match="other was made for other actions"):
        list(ReplayedPolicy(other.path).plans(only(f"{dataset}:0")))


# -- against demonstrations ----------------------------------------------------------------------------------------


def test_the_nearest_demonstration_is_found_by_state_and_by_cloud(tmp_path: Path) -> None:
    store = moving_dataset(tmp_path / "x.zarr", episodes=4)
    nearest, recording = NearestDemonstration(store), only(f"{store.path}:2")
    assert recording.clouds is not None
    found = nearest.by_state(recording.state[7] + 1e-4)
    assert (found.episode, found.step) == (2, 7)
    assert 0 < found.distance < 0.01
    noise = np.random.default_rng(0).normal(0, 0.005, (8, 3))
    seen = (recording.clouds[7, :8] + noise).astype(np.float32)
    found = nearest.by_cloud(seen)
    assert found is not None
    distances = [chamfer_distance(seen, cloud[:8]) for cloud in store.read("point_cloud")]
    assert (found.episode, found.step) == divmod(int(np.argmin(distances)), STEPS) == (2, 7)
    assert found.distance == pytest.approx(min(distances))
    assert nearest.by_cloud(np.zeros((32, 3), np.float32)) is None


def test_colour_does_not_change_which_demonstration_is_nearest(tmp_path: Path) -> None:
    store = moving_dataset(tmp_path / "x.zarr", moving_contract(coloured=True), episodes=3)
    nearest, recording = NearestDemonstration(store), only(f"{store.path}:2")
    seen = recording.cloud(7)
    assert seen is not None
    assert seen.shape == (8, 6)
    found = nearest.by_cloud(np.concatenate([seen[:, :3], 1 - seen[:, 3:]], axis=1))
    assert found is not None
    assert (found.episode, found.step, found.distance) == (2, 7, 0.0)
    assert recording.extent is not None
    assert recording.extent.low.shape == (3,)


def test_the_chamfer_distance_of_a_shifted_point_is_the_shift() -> None:
    one = np.array([[0.0, 0, 0], [1.0, 0, 0]])
    assert chamfer_distance(one, one + np.array([0, 0.1, 0])) == pytest.approx(0.1)


def test_a_state_beyond_all_demonstrations_is_flagged(tmp_path: Path) -> None:
    store = moving_dataset(tmp_path / "x.zarr")
    ranges = StateRange(store)
    states = store.read("state")
    assert all(ranges.outside(state) == () for state in states)
    strange = states[3].copy()
    strange[1] = states[:, 1].max() + 0.01
    strange[3] = np.nan
    assert [entry.name for entry in ranges.outside(strange)] == ["hand.y", "gap"]
    assert ranges.of(strange)[1].high == states[:, 1].max()
