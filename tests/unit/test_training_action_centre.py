"""Actions that the network gives relative to the observed state, and everything else absolute."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from helpers.training import CPU, clouds_of, demonstrations, small_contract, small_policy
from sdm_core.contract import ActionEntry, Contract
from sdm_core.errors import ContractError
from sdm_training.data.windows import Windows
from sdm_training.export.onnx_model import to_onnx
from sdm_training.observation import Observation
from sdm_training.policy.sampling import Sampler, SamplingSettings


def centred_contract() -> Contract:
    """Commands hand.y, counted from where the hand is, and an absolute gripper."""
    contract = small_contract()
    entries = tuple(ActionEntry(name=name, unit="1", low=-5, high=5) for name in ("hand.y", "gripper"))
    action = contract.action.model_copy(update={"entries": entries, "centre": ("hand.y",)})
    return contract.model_copy(update={"action": action})


def test_centred_entries_fill_the_unit_range_relative_to_the_newest_state():
    data = demonstrations(contract=centred_contract())
    policy = small_policy(data)
    windows = Windows(data, policy.contract, CPU)
    batch = windows.batch(torch.arange(len(windows)))
    unit = policy.normalised_chunk(batch)
    assert unit[..., 0].min() == pytest.approx(-1, abs=1e-5)
    assert unit[..., 0].max() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(policy.denormalise_chunk(unit, batch.observation.state), batch.action)
    middle = policy.denormalise_chunk(torch.zeros(len(unit), 4, 2), batch.observation.state)
    expected = batch.observation.state[:, -1, 2] + policy.action_middle[0]
    torch.testing.assert_close(middle[..., 0], expected[:, None].expand(-1, 4))
    torch.testing.assert_close(middle[..., 1], policy.action_middle[1].expand(len(unit), 4))


def test_what_moves_with_the_hand_moves_the_commands_as_far():
    data = demonstrations(contract=centred_contract())
    policy = small_policy(data)
    with torch.no_grad():  # blind to the state's values, as half of a training's windows are
        policy.encoder.state[-1].weight.zero_()  # type: ignore[attr-defined]
    sampler = Sampler(policy, SamplingSettings(nfe=2))
    state = torch.from_numpy(data.state[:6].reshape(3, 2, -1))
    cloud, noise = torch.from_numpy(clouds_of(data)[:3, None]), torch.randn(3, 4, 2)
    shift = torch.tensor([0.1, -0.2, 0.05])
    moved = state.clone()
    moved[..., 1:] += shift
    with torch.no_grad():
        before = sampler.act(Observation(state, cloud), noise)
        after = sampler.act(Observation(moved, cloud + shift), noise)
    torch.testing.assert_close(after[..., 0], before[..., 0] + shift[1], rtol=0, atol=1e-4)
    torch.testing.assert_close(after[..., 1], before[..., 1], rtol=0, atol=1e-4)


def test_a_centre_that_is_not_both_state_and_action_is_refused():
    document = centred_contract().model_dump()
    for name in ("gripper", "hand.x", "nothing"):
        document["action"]["centre"] = (name,)
        with pytest.raises(ContractError, match=rf"action centre \('{name}',\) is not among both"):
            Contract.parse(document, "contract.yaml")


def test_the_exported_network_gives_absolute_actions(tmp_path):
    data = demonstrations(contract=centred_contract())
    sampler = Sampler(small_policy(data), SamplingSettings(nfe=1))
    session = onnxruntime.InferenceSession(to_onnx(sampler, half_weights=False))
    state = data.state[:2][None]
    inputs = {"state": state, "point_cloud": clouds_of(data)[1:2, None], "noise": np.zeros((1, 4, 2), np.float32)}
    with torch.no_grad():
        expected = sampler.act(
            Observation(torch.from_numpy(state), torch.from_numpy(inputs["point_cloud"])), torch.zeros(1, 4, 2)
        )
    (given,) = session.run(None, inputs)
    np.testing.assert_allclose(np.asarray(given), expected.numpy(), atol=1e-5)
