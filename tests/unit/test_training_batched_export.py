"""Exported networks answer any number of observations at once, each as if it were alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.image_training import image_demonstrations
from helpers.training import demonstrations, small_policy
from sdm_core.backends import input_names, load_backend
from sdm_core.checkpoint import Checkpoint
from sdm_training.data.windows import Demonstrations
from sdm_training.export.onnx_model import to_onnx
from sdm_training.export.run_exports import BACKENDS, parity_inputs
from sdm_training.policy.sampling import Sampler, SamplingSettings

UNET = {"kind": "unet1d", "widths": [8, 16], "groups": 4}
TRANSFORMER = {"kind": "joint_transformer", "width": 32, "layers": 1}
RESNET = {"kind": "resnet", "widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "keypoints": 4}
POLICIES = {
    "small": ({}, {"kind": "discrete"}, 2),
    "paper": ({"denoiser": UNET, "horizon": 16}, {"kind": "discrete", "prediction": "epsilon"}, 2),
    "joint": ({"denoiser": TRANSFORMER}, {"kind": "discrete"}, 1),
    "edm": ({}, {"kind": "edm"}, 3),
    "ctm": ({}, {"kind": "ctm"}, 3),
    "consistency model": ({}, {"kind": "consistency_model"}, 1),
    "flow": ({}, {"kind": "flow"}, 2),
    "mean flow": ({}, {"kind": "meanflow"}, 2),
    "two passes": ({}, {"kind": "two_pass"}, 2),
}
BATCH = 8


def require_the_same_in_a_batch(sampler: Sampler, data: Demonstrations, path: Path, bit_for_bit: bool) -> None:
    """Of torch and of each backend, with each observation alone; of OpenVINO to the last bit where so asked."""
    checkpoint = Checkpoint.write(
        path,
        sampler.policy.contract,
        to_onnx(sampler.eval(), half_weights=False),
        {"method": "dp3", "network": "tiny", "nfe": sampler.settings.nfe},
        {},
    )
    observations = {name: values[:BATCH] for name, values in parity_inputs(sampler, data).items()}
    with torch.no_grad():
        expected = sampler(*(torch.from_numpy(observations[name]) for name in input_names(checkpoint.contract)))
    for name in BACKENDS:
        together = load_backend(name, checkpoint, threads=1, batch=BATCH).run(observations)
        # EDM's steps come down from noise of size 80, and magnify rounding as much.
        np.testing.assert_allclose(together, expected.numpy(), atol=5e-3)
        alone = load_backend(name, checkpoint, threads=1)
        for index, row in enumerate(together):
            (one,) = alone.run({key: values[index : index + 1] for key, values in observations.items()})
            exact = bit_for_bit and name == "openvino"
            np.testing.assert_allclose(row, one, rtol=0, atol=0 if exact else 1e-5)


@pytest.mark.parametrize("kind", POLICIES)
def test_a_batch_is_answered_as_each_of_it_alone(kind: str, tmp_path: Path) -> None:
    network, process, nfe = POLICIES[kind]
    data = demonstrations((30,))
    policy = small_policy(data, diffusion=process, **network).eval()
    # The convolutions and the predicted noise of "paper" are rounded otherwise in a batch.
    sampler = Sampler(policy, SamplingSettings(nfe=nfe))
    require_the_same_in_a_batch(sampler, data, tmp_path / "policy", bit_for_bit=kind != "paper")


def test_so_is_a_batch_of_images(tmp_path: Path) -> None:
    data = image_demonstrations((18, 16), with_cloud=False, size=(40, 40))
    policy = small_policy(data, points=0, centred=False, encoder=RESNET, images={"steps": 1}).eval()
    require_the_same_in_a_batch(Sampler(policy, SamplingSettings()), data, tmp_path / "policy", bit_for_bit=False)
