"""From a trained run to checkpoint folders: export, parity check, metrics."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from rich.console import Console
from sdm_core.backends import image_input, input_names, load_backend
from sdm_core.checkpoint import Checkpoint
from sdm_core.contract import Contract
from sdm_core.errors import CheckpointError

from sdm_training.data.windows import Demonstrations
from sdm_training.export.onnx_model import to_onnx
from sdm_training.policy.sampling import Sampler, SamplingSettings
from sdm_training.runs.run_folder import RunFolder
from sdm_training.settings import Settings, SettingsError

PARITY_OBSERVATIONS = 64
PARITY_BATCHES = (1, 8)
BACKENDS = ("openvino", "onnxruntime")
# How a checkpoint's metrics tell the bits of its weights.
HALF, WHOLE = "float16", "float32"

Differences = dict[str, NDArray[np.float32]]
"""By backend, to each action entry [A]."""


class ExportSettings(Settings):
    """nfe: step counts, one folder each; empty: only the policy's own sampling.

    half_weights: in 16 bits, unless an action on real observations differs from torch's by more than half_tolerance of
    half the range that the contract allows it.
    """

    nfe: tuple[int, ...] = ()
    half_weights: bool = True
    half_tolerance: float = Field(default=0.02, gt=0)


def export_run(
    run: RunFolder, settings: ExportSettings, demonstrations: Demonstrations, metrics: dict[str, Any], console: Console
) -> list[Checkpoint]:
    """Writes `export/` (the policy's own sampling) or one `export_nfe<n>/` for each step count asked for.

    Raises SettingsError where the policy has no other sampling than its own.
    """
    samplings = samplings_asked_for(run.sampling(), settings)
    return [
        export_sampling(run, run.path / name, sampling, settings, demonstrations, metrics, console)
        for name, sampling in samplings.items()
    ]


def samplings_asked_for(own: SamplingSettings, settings: ExportSettings) -> dict[str, SamplingSettings]:
    """By export folder. Raises SettingsError where step counts are asked of a policy of a single call."""
    if not settings.nfe:
        return {"export": own}
    if own.level is not None and settings.nfe != (1,):
        raise SettingsError(
            f"export.nfe {list(settings.nfe)}: this policy is one call at the noise level {own.level:g}; leave it empty"
        )
    return {f"export_nfe{nfe}": own.model_copy(update={"nfe": nfe}) for nfe in settings.nfe}


def export_sampling(
    run: RunFolder,
    target: Path,
    sampling: SamplingSettings,
    settings: ExportSettings,
    demonstrations: Demonstrations,
    metrics: dict[str, Any],
    console: Console,
    weights: Path | None = None,
) -> Checkpoint:
    """Writes one checkpoint folder and prints its parity; `weights` names a snapshot in place of the final weights.

    What is written has been compared with torch before. Raises CheckpointError where its actions are not finite.
    """
    weights = weights or run.weights_file
    sampler = Sampler(run.load_policy(file=weights), sampling)
    contract, observations = sampler.policy.contract, parity_inputs(sampler, demonstrations)
    metrics = {**metrics, "nfe": sampling.nfe}
    half = settings.half_weights
    network, differences = _compared(sampler, half, metrics, observations)
    if half and _share_of_range(differences, contract) > settings.half_tolerance:
        console.print(f"{target.name}: 16-bit weights differ by {_largest(differences):.1e}: stored in 32 bits instead")
        half = False
        network, differences = _compared(sampler, half, metrics, observations)
    if not np.isfinite(_largest(differences)):
        raise CheckpointError(f"{target}: the network's actions are not finite; nothing is exported, train it again")
    parity = {backend: float(difference.max()) for backend, difference in differences.items()}
    kept_as = HALF if half else WHOLE
    metrics |= {"weights": kept_as, "bytes": len(network), "parity": parity}
    checkpoint = Checkpoint.write(target, contract, network, metrics, run.record(), weights)
    shown = ", ".join(f"{backend} {difference:.1e}" for backend, difference in parity.items())
    console.print(
        f"{target}: {len(network) / 1e6:.2f} MB, {kept_as} weights, nfe {sampling.nfe}; "
        f"max |difference| to torch over {PARITY_OBSERVATIONS} observations: {shown}"
    )
    return checkpoint


def _compared(
    sampler: Sampler, half: bool, metrics: dict[str, Any], observations: dict[str, NDArray]
) -> tuple[bytes, Differences]:
    """The exported network, and how far it is from torch."""
    network = to_onnx(sampler, half)
    with TemporaryDirectory() as folder:
        tried = Checkpoint.write(Path(folder) / "tried", sampler.policy.contract, network, metrics, {})
        return network, parity_check(sampler, tried, observations)


def _largest(differences: Differences) -> float:
    return max(float(difference.max()) for difference in differences.values())


def _share_of_range(differences: Differences, contract: Contract) -> float:
    """The largest difference, as a share of half the range that the contract allows its entry."""
    half_range = np.array([(entry.high - entry.low) / 2 for entry in contract.action.entries])
    return max(float((difference / half_range).max()) for difference in differences.values())


def parity_inputs(sampler: Sampler, demonstrations: Demonstrations) -> dict[str, NDArray]:
    """Recorded observations [64, …] in the exported network's layout, with seeded noise."""
    contract = sampler.policy.contract
    observed, generator = contract.observation, np.random.default_rng(0)
    first, last = observed.history + contract.n_obs_steps, len(demonstrations.state) - 1
    rows = np.linspace(first, last, PARITY_OBSERVATIONS).astype(int)

    def newest(steps: int) -> NDArray[np.int64]:
        return rows[:, None] + np.arange(1 - steps, 1)

    inputs: dict[str, NDArray] = {
        "state": demonstrations.state[newest(contract.n_obs_steps)],
        "noise": generator.standard_normal((len(rows), *sampler.policy.chunk_shape), np.float32),
    }
    if observed.cloud:
        assert demonstrations.point_cloud is not None
        inputs["point_cloud"] = demonstrations.point_cloud[newest(observed.cloud.steps)][..., : observed.cloud.channels]
    for image in observed.images:
        pixels = demonstrations.images[image.camera][newest(image.steps)]
        inputs[image_input(image.camera)] = np.ascontiguousarray(pixels.transpose(0, 1, 4, 2, 3))
    return inputs


def parity_check(sampler: Sampler, checkpoint: Checkpoint, observations: dict[str, NDArray]) -> Differences:
    """By backend the largest |difference| [A] of its actions, one by one or in batches, to torch's, in raw action
    units; infinite where one is not a number."""
    with torch.no_grad():
        expected = sampler(*(torch.from_numpy(observations[name]) for name in input_names(checkpoint.contract))).numpy()
    differences = {}
    for name in BACKENDS:
        found = []
        for batch in PARITY_BATCHES:
            backend = load_backend(name, checkpoint, threads=1, batch=batch)
            actions = [
                backend.run({key: values[first : first + batch] for key, values in observations.items()})
                for first in range(0, len(expected), batch)
            ]
            found.append(np.abs(np.concatenate(actions) - expected))
        differences[name] = np.nan_to_num(np.concatenate(found), nan=np.inf, posinf=np.inf).max((0, 1))
    return differences
