"""The joint transformer: its size, what attends to what, and its export."""

from __future__ import annotations

from pathlib import Path

import onnxruntime
import pytest
import torch
import yaml
from helpers.training import demonstrations, small_policy
from sdm_training import registry
from sdm_training.export.onnx_model import to_onnx
from sdm_training.export.run_exports import parity_inputs
from sdm_training.networks.denoisers.joint_transformer import (
    JointTransformer,
    JointTransformerSettings,
    SelfAttention,
)
from sdm_training.policy.policy import NetworkSettings, parameter_count
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.settings import SettingsError, build

CONFIG = Path(__file__).parents[2] / "config" / "network"
TINY = {"kind": "joint_transformer", "width": 16, "layers": 2, "heads": 2, "timestep_features": 8}


def transformer() -> JointTransformer:
    torch.manual_seed(0)
    network = JointTransformer(build(JointTransformerSettings, TINY), action_dim=3, horizon=5, condition_dim=7)
    with torch.no_grad():
        for parameter in network.parameters():  # its layers add nothing at first
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def test_the_preset_has_two_million_parameters_and_the_small_networks_encoder():
    joint, small = (
        build(NetworkSettings, yaml.safe_load((CONFIG / f"{name}.yaml").read_text())) for name in ("joint", "small")
    )
    assert joint.encoder == small.encoder
    denoiser = registry.find("networks.denoisers", joint.denoiser.kind).create(joint.denoiser, 4, joint.horizon, 256)
    assert parameter_count(denoiser) == pytest.approx(2.0e6, rel=0.05)


def test_attention_equals_torchs():
    attention, tokens = SelfAttention(12, 3), torch.randn(4, 6, 12)
    reference = torch.nn.MultiheadAttention(12, 3, batch_first=True)
    reference.load_state_dict(
        {
            "in_proj_weight": attention.queries_keys_values.weight,
            "in_proj_bias": attention.queries_keys_values.bias,
            "out_proj.weight": attention.outputs.weight,
            "out_proj.bias": attention.outputs.bias,
        }
    )
    torch.testing.assert_close(attention(tokens), reference(tokens, tokens, tokens)[0])


def test_every_action_depends_on_every_input():
    network = transformer()
    noisy, times, condition = torch.randn(1, 5, 3), torch.rand(1, 1), torch.randn(1, 7)

    def changes(values: tuple[torch.Tensor, torch.Tensor, torch.Tensor]) -> torch.Tensor:
        return (network(*values) - network(noisy, times, condition)).abs().amax(-1)[0]

    for index in range(5):
        moved = noisy.clone()
        moved[:, index] += 1
        assert (changes((moved, times, condition)) > 1e-4).all()
    assert (changes((noisy, times + 1, condition)) > 1e-4).all()
    for index in range(7):
        moved = condition.clone()
        moved[:, index] += 1
        assert (changes((noisy, times, moved)) > 1e-4).all()


def test_the_order_of_the_actions_matters():
    network, noisy = transformer(), torch.randn(1, 5, 3)
    times, condition = torch.rand(1, 1), torch.randn(1, 7)
    assert not torch.allclose(network(noisy.flip(1), times, condition).flip(1), network(noisy, times, condition))


def test_features_judge_whole_chunks():
    network = transformer()
    assert network.features(torch.randn(2, 5, 3), torch.rand(2, 1), torch.randn(2, 7)).shape == (2, network.feature_dim)


def test_a_width_that_heads_cannot_share_is_refused():
    with pytest.raises(SettingsError, match=r"width 16 .* no multiple of its 3 heads"):
        JointTransformer(build(JointTransformerSettings, {**TINY, "heads": 3}), 3, 5, 7)


def test_the_exported_network_acts_as_torch_does():
    sampler = Sampler(small_policy(demonstrations(), denoiser=TINY), SamplingSettings(level=99))
    inputs = {name: values[:1] for name, values in parity_inputs(sampler, demonstrations()).items()}
    (got,) = onnxruntime.InferenceSession(to_onnx(sampler, half_weights=False)).run(None, inputs)
    with torch.no_grad():
        expected = sampler(*(torch.from_numpy(inputs[name]) for name in ("point_cloud", "state", "noise")))
    torch.testing.assert_close(torch.from_numpy(got), expected, rtol=1e-4, atol=1e-5)
