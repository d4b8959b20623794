"""The contract for a real arm that is shipped in config/robot fits the nodes that would run under it."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from sdm_core.action_chunk import ActionChunk
from sdm_core.anchor import MeasuredPose, absolute
from sdm_core.command_pipeline import CommandPipeline
from sdm_core.command_space import require_motion_limits
from sdm_core.contract import Contract
from sdm_core.share import share_directory

ROBOT = share_directory("sdm_bringup") / "config" / "robot"
# libfranka's limits of the FR3: m/s, m/s², m/s³, then rad/s, rad/s², rad/s³.
TRANSLATION, ROTATION = (3.0, 9.0, 4500.0), (2.5, 17.0, 8500.0)
# Over the table, pointing down.
STAND = np.array([0.4, 0.0, 0.3, 1.0, 0.0, 0.0, 0.0])


def test_the_fr3_s_contract_and_parameters_make_a_pipeline_that_moves_gently() -> None:
    contract = Contract.load(ROBOT / "fr3_contract.yaml")
    parameters = yaml.safe_load((ROBOT / "fr3.yaml").read_text())["/**"]["ros__parameters"]
    bounded = absolute(contract, parameters["workspace_low"], parameters["workspace_high"])
    period_ns = round(1e9 / parameters["rate_hz"])
    pipeline = CommandPipeline(bounded, period_ns=period_ns, max_age_ns=round(parameters["max_age_s"] * 1e9))
    start = MeasuredPose(contract).of(STAND)
    pipeline.reset(start)
    target = np.array([0.5, 0.1, 0.2, 1.0, 0.0, 0.0, 0.0, 1.0])
    pipeline.add(ActionChunk(0, contract.dt_ns, np.tile(target, (contract.horizon, 1)), 0))
    decisions = [pipeline.tick(tick * period_ns) for tick in range(20)]
    assert not any(decision.held for decision in decisions)
    last = decisions[-1].command
    assert last is not None
    assert start[0] < last[0] < target[0]
    assert last[7] == 1.0


def test_the_fr3_s_limits_lie_well_inside_the_arm_s_own() -> None:
    action = Contract.load(ROBOT / "fr3_contract.yaml").action
    require_motion_limits(action)
    for entry in action.entries[:7]:
        allowed = TRANSLATION if entry.unit == "m" else ROTATION
        assert entry.max_velocity <= 0.5 * allowed[0]  # type: ignore[operator]
        assert entry.max_acceleration <= 0.5 * allowed[1]  # type: ignore[operator]
        assert entry.max_jerk <= 0.5 * allowed[2]  # type: ignore[operator]


def test_the_fr3_looks_again_before_its_observation_is_too_old() -> None:
    contract = Contract.load(ROBOT / "fr3_contract.yaml")
    parameters = yaml.safe_load((ROBOT / "fr3.yaml").read_text())["/**"]["ros__parameters"]
    assert parameters["replan_steps"] * contract.dt <= 0.5 * parameters["max_age_s"]
    assert contract.dt == pytest.approx(0.05)
