"""From chunks to commands: exact for native commands, continuous and within limits across seams for motions."""

# pyright: reportOptionalMemberAccess=false, reportOptionalSubscript=false

from __future__ import annotations

import numpy as np
import pytest
from helpers.contracts import small_contract
from helpers.motion import POSE_AT_REST, POSE_STATE, joint_contract, pose_contract, with_measured_gripper
from hypothesis import given, settings
from hypothesis import strategies as st
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import Anchor, MeasuredPose, absolute
from sdm_core.commands.command_pipeline import CommandPipeline
from sdm_core.commands.command_space import multiply, quaternion, require_motion_limits
from sdm_core.commands.limit_excess import excess
from sdm_core.errors import CommandError, ContractError

NATIVE = small_contract()


def test_native_commands_of_consecutive_chunks_come_out_bit_for_bit():
    rng = np.random.default_rng(1)
    pipeline = CommandPipeline(NATIVE)
    pipeline.reset()
    for sequence in range(5):
        stamp = sequence * NATIVE.n_action_steps * NATIVE.dt_ns
        chunk = ActionChunk(stamp, NATIVE.dt_ns, rng.uniform(-1, 1, (NATIVE.horizon, 3)), sequence)
        pipeline.add(chunk)
        for step in range(NATIVE.n_action_steps):
            decision = pipeline.tick(stamp + step * NATIVE.dt_ns)
            assert decision.command.tobytes() == chunk.targets[step].tobytes()
            assert decision.interventions == ()
    assert pipeline.counts == {}


def test_without_chunks_the_contracts_hold_comes_out():
    pipeline = CommandPipeline(NATIVE)
    decision = pipeline.tick(0)
    assert decision.held
    assert decision.command.tolist() == [0, 0, 0]
    assert pipeline.counts == {"no_target": 1}


def test_an_observation_that_is_too_old_is_not_acted_upon():
    pipeline = CommandPipeline(NATIVE, max_age_ns=NATIVE.dt_ns)
    pipeline.add(ActionChunk(0, NATIVE.dt_ns, np.ones((NATIVE.horizon, 3)), 0))
    assert not pipeline.tick(NATIVE.dt_ns).held
    decision = pipeline.tick(2 * NATIVE.dt_ns)
    assert decision.held
    assert decision.interventions == ("age",)


def test_a_hold_forgets_the_chunks():
    pipeline = CommandPipeline(NATIVE)
    pipeline.add(ActionChunk(0, NATIVE.dt_ns, np.ones((NATIVE.horizon, 3)), 0))
    assert pipeline.hold("heartbeat_lost").interventions == ("heartbeat_lost",)
    assert pipeline.tick(NATIVE.dt_ns).interventions == ("no_target",)


def test_a_refused_chunk_leaves_the_one_before_it_in_force():
    pipeline = CommandPipeline(NATIVE)
    pipeline.add(ActionChunk(0, NATIVE.dt_ns, np.full((NATIVE.horizon, 3), 0.5), 0))
    with pytest.raises(CommandError):
        pipeline.add(ActionChunk(NATIVE.dt_ns, NATIVE.dt_ns, np.full((NATIVE.horizon, 3), np.nan), 1))
    assert pipeline.tick(NATIVE.dt_ns).command.tolist() == [0.5, 0.5, 0.5]


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    gaps=st.lists(st.integers(1, 14), min_size=1, max_size=12),  # periods between chunks; the horizon is 8
    contract=st.sampled_from([joint_contract(), pose_contract()]),
)
def test_seams_between_random_chunks_stay_within_the_limits(seed, gaps, contract):
    rng = np.random.default_rng(seed)
    start = POSE_AT_REST if contract.action_dim == 8 else np.zeros(contract.action_dim)
    pipeline = CommandPipeline(contract)
    pipeline.reset(start)
    out, now = [], 0
    for sequence, gap in enumerate(gaps):
        targets = rng.uniform(-1.5, 1.5, (contract.horizon, contract.action_dim))
        pipeline.add(ActionChunk(now, contract.dt_ns, targets, sequence))
        for _ in range(gap):
            out.append(pipeline.tick(now).command)
            now += contract.dt_ns
    assert all(value <= 1e-5 for value in excess(contract, start, out, contract.dt).values())


def test_a_slow_policy_is_streamed_smoothly_at_a_faster_rate():
    contract = joint_contract()
    period_ns = contract.dt_ns // 5
    pipeline = CommandPipeline(contract, period_ns=period_ns)
    pipeline.reset(np.zeros(2))
    line = np.linspace(0.0, 0.05, contract.horizon)[:, None] * np.array([1.0, -1.0])
    pipeline.add(ActionChunk(0, contract.dt_ns, line, 0))
    out = [pipeline.tick(tick * period_ns).command for tick in range(5 * contract.horizon)]
    assert all(value <= 1e-5 for value in excess(contract, np.zeros(2), out, period_ns * 1e-9).values())
    assert np.all(np.diff([command[0] for command in out]) >= -1e-12)


def test_a_path_that_is_planned_counts_as_no_intervention():
    contract = joint_contract()
    planned, plain = CommandPipeline(contract), CommandPipeline(contract)
    for pipeline in (planned, plain):
        pipeline.reset(np.zeros(2))
        pipeline.add(ActionChunk(0, contract.dt_ns, np.full((contract.horizon, 2), 0.4), 0))
    path = np.array([row.decision.command for row in planned.path(0)])
    assert planned.counts == {}
    out = [plain.tick(step * contract.dt_ns).command for step in range(len(path))]
    assert plain.counts  # of the hold, after the chunk's end
    assert path.tobytes() == np.array(out).tobytes()
    assert planned.tick(0).command.tobytes() == path[0].tobytes()  # nor has it changed anything else


def test_the_smoother_and_the_gate_agree_after_a_stop():
    """A stop hands the motion to the gate; when chunks return the stream goes on without a fight between the two."""
    contract = joint_contract()
    pipeline = CommandPipeline(contract)
    pipeline.reset(np.zeros(2))
    now = 0
    for sequence in range(4):
        pipeline.add(ActionChunk(now, contract.dt_ns, np.full((contract.horizon, 2), 0.4), sequence))
        for _ in range(12):  # four periods longer than the chunk
            pipeline.tick(now)
            now += contract.dt_ns
    assert set(pipeline.counts) == {"no_target"}


# --- relative actions


def test_relative_targets_are_anchored_to_the_observed_pose():
    contract = pose_contract("ee_delta")
    turn, lean = quaternion(np.array([0.0, 0.0, 0.5])), quaternion(np.array([0.2, 0.0, 0.0]))
    state = np.array([0.1, 0.2, 0.3, *lean])
    delta = np.array([0.01, 0.0, -0.02, *turn, 1.0])
    chunk = Anchor(contract).absolute(ActionChunk(0, contract.dt_ns, np.stack([delta, delta]), 0), state)
    expected = [0.11, 0.2, 0.28, *multiply(turn, lean), 1.0]
    assert chunk.targets[0] == pytest.approx(expected)
    assert chunk.targets[1] == pytest.approx(expected)


def test_targets_relative_to_the_previous_one_add_up():
    contract = pose_contract("ee_delta", "previous")
    turn = quaternion(np.array([0.0, 0.0, 0.25]))
    delta = np.array([0.01, 0.0, 0.0, *turn, 0.5])
    chunk = Anchor(contract).absolute(
        ActionChunk(0, contract.dt_ns, np.stack([delta] * 3), 0), np.array([0, 0, 0, 0, 0, 0, 1.0])
    )
    assert chunk.targets[2, :3] == pytest.approx([0.03, 0, 0])
    assert chunk.targets[2, 3:7] == pytest.approx(quaternion(np.array([0, 0, 0.75])))
    assert chunk.targets[2, 7] == 0.5  # the gripper is absolute


def test_other_kinds_pass_the_anchor_unchanged():
    chunk = ActionChunk(0, NATIVE.dt_ns, np.ones((NATIVE.horizon, 3)), 0)
    assert Anchor(NATIVE).absolute(chunk, np.zeros(4)) is chunk
    assert absolute(NATIVE, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)) is NATIVE


def test_anchored_chunks_are_bounded_by_the_workspace():
    contract = absolute(pose_contract("ee_delta"), (-0.1, -0.2, 0.0), (0.1, 0.2, 0.3))
    assert contract.action.kind == "ee_pose"
    assert [(entry.low, entry.high) for entry in contract.action.entries[:3]] == [(-0.1, 0.1), (-0.2, 0.2), (0.0, 0.3)]
    assert contract.action.entries[7] == pose_contract().action.entries[7]
    CommandPipeline(contract).reset(np.array([0, 0, 0.1, 0, 0, 0, 1.0, 0]))


def test_a_workspace_must_be_a_box():
    with pytest.raises(ContractError, match=r"workspace of 'ee.x' is \[0.0, 0.0\]"):
        absolute(pose_contract("ee_delta"), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    with pytest.raises(ContractError, match="2 and 3 bounds, the action 3 positions"):
        absolute(pose_contract("ee_delta"), (0.0, 0.0), (1.0, 1.0, 1.0))


def test_the_workspace_narrows_the_bounds_of_poses():
    contract = absolute(pose_contract(), (-0.1, -2.0, 0.0), (0.1, 2.0, 0.3))
    assert [(entry.low, entry.high) for entry in contract.action.entries[:3]] == [(-0.1, 0.1), (-0.5, 0.5), (0.0, 0.3)]
    assert contract.action.entries[3:] == pose_contract().action.entries[3:]
    assert absolute(pose_contract(), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)) == pose_contract()
    with pytest.raises(ContractError, match=r"workspace of 'ee\.x' is \[0\.6, 0\.5\]"):
        absolute(pose_contract(), (0.6, 0.0, 0.0), (0.9, 0.4, 0.4))


def test_a_workspace_that_cannot_be_kept_is_refused():
    for contract in (NATIVE, joint_contract()):
        refused = f"not '{contract.action.kind}'; take workspace_low and workspace_high out"
        with pytest.raises(ContractError, match=refused):
            absolute(contract, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def test_entries_that_could_move_without_limit_are_named():
    contract = pose_contract()
    require_motion_limits(contract.action)  # its gripper has none
    free = contract.action.entries[1].model_copy(update={"max_jerk": None})
    entries = (contract.action.entries[0], free, *contract.action.entries[2:])
    with pytest.raises(ContractError, match=r"action ee\.y: no max_velocity, .* set all three in the contract"):
        require_motion_limits(contract.action.model_copy(update={"entries": entries}))


def test_a_relative_contract_without_a_measured_pose_is_refused():
    with pytest.raises(ContractError, match=r"name them alike, as in 'ee\.x'"):
        Anchor(small_contract().model_copy(update={"action": pose_contract("ee_delta").action}))
    with pytest.raises(ContractError, match="'last' is unknown"):
        Anchor(pose_contract("ee_delta", "last"))


def test_the_measured_pose_is_found_by_name():
    pose = MeasuredPose(pose_contract())
    assert len(POSE_STATE) == 7
    assert pose.of(np.arange(7.0)).tolist() == [0, 1, 2, 3, 4, 5, 6, 0]


def test_an_unmeasured_gripper_stands_where_it_was_last_sent():
    pose = MeasuredPose(pose_contract())
    assert pose.of(np.arange(7.0), np.full(8, 0.75)).tolist() == [0, 1, 2, 3, 4, 5, 6, 0.75]


def test_a_measured_gripper_stands_where_it_is_measured_until_it_is_sent_anywhere():
    measured = with_measured_gripper(pose_contract())
    state = np.array([*np.arange(7.0), 0.4])
    assert MeasuredPose(measured).of(state)[-1] == 0.4
    assert MeasuredPose(measured).of(state, np.ones(8)).tolist() == [0, 1, 2, 3, 4, 5, 6, 1]
    # A relative action is relative to what was observed, and not to what was told.
    chunk = ActionChunk(0, 10_000_000, np.full((8, 8), 0.1), 0)
    assert Anchor(with_measured_gripper(pose_contract("ee_delta"))).absolute(chunk, state).targets[0, -1] == 0.5


def test_only_a_gripper_may_go_unmeasured():
    contract = pose_contract()
    state = tuple(entry for entry in contract.observation.state if entry.name not in ("ee.z", "ee.qx"))
    blind = contract.model_copy(update={"observation": contract.observation.model_copy(update={"state": state})})
    with pytest.raises(ContractError, match=r"action ee\.z, ee\.qx: no state entry of the same name"):
        MeasuredPose(blind)


@pytest.mark.parametrize(
    ("contract", "start", "target"),
    [
        (joint_contract(2), [0.8, -0.8], [1.4, 0.4]),
        (pose_contract(), [0.3, -0.3, *POSE_AT_REST[2:]], [0.8, 0.3, *POSE_AT_REST[2:]]),
    ],
)
def test_an_axis_that_a_bound_holds_back_leaves_the_others_alone(contract, start, target):
    pipeline = CommandPipeline(contract, period_ns=10_000_000)
    pipeline.reset(np.array(start))
    path = []
    for step in range(600):
        now_ns = step * 10_000_000
        pipeline.add(ActionChunk(now_ns, contract.dt_ns, np.tile(target, (contract.horizon, 1)), step))
        path.append(pipeline.tick(now_ns).command)
    assert pipeline.counts["bounds"] > 100
    assert max(command[1] for command in path) <= target[1] + 1e-3
    assert path[-1][:2] == pytest.approx([contract.action.entries[0].high, target[1]], abs=1e-6)
