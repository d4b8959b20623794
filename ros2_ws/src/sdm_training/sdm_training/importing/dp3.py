"""A checkpoint of DP3's public code (Ze et al. 2024), or of SDM Policy's and ManiCM's copies of it, as our policy.

The imported policy computes what the published one does, input for input:

* The U-Net's and the encoder's weights are the checkpoint's; columns that read the condition are put in our order.
* DP3 normalises clouds by its data's range and, in MetaWorld, gives them in a frame of its own. Both maps are linear
  and pass into the encoder's first layer, so that the contract keeps the task's own frame and crop box.
* State and action ranges are the checkpoint's normaliser, in the contract. State entries that DP3 does not read (the
  finger gap) are read with weight zero.
* DP3's chunk begins at its oldest observation: the contract's past_actions are those that lie before the newest.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from sdm_core.contract import Bounds, Contract, NormaliserStatistics
from sdm_core.errors import CheckpointError
from torch import Tensor

from sdm_training.importing.dp3_layout import Dp3Layout
from sdm_training.importing.foreign_file import config_value, load_tensors
from sdm_training.importing.linear_map import LinearMap, dp3_normaliser, unit_range
from sdm_training.policy.policy import PolicySettings
from sdm_training.settings import Settings, SettingsError, build

_CLOUD_LAYER, _STATE_LAYER = "encoder.cloud.points.1", "encoder.state.1"
_PREDICTIONS = {"sample": "x0", "epsilon": "epsilon"}
# What our U-Net and noise schedule take for granted; only these values can be imported.
_REQUIRED = {
    ("policy", "condition_type"): "film",
    ("policy", "obs_as_global_cond"): True,
    ("policy", "use_down_condition"): True,
    ("policy", "use_mid_condition"): True,
    ("policy", "use_up_condition"): True,
    ("policy", "noise_scheduler", "beta_schedule"): "squaredcos_cap_v2",
}


class Dp3Recipe(Settings):
    """What no shape shows. The defaults are DP3's, for a checkpoint whose configuration cannot be read."""

    horizon: int = 16
    n_action_steps: int = 8
    groups: int = 8
    train_steps: int = 100
    inference_steps: int = 10
    prediction: str = "sample"
    clip_sample: bool = True
    seed: int = 0

    @classmethod
    def of(cls, config: Any, given: Mapping[str, Any]) -> Dp3Recipe:
        """Of the checkpoint's pickled configuration; the values `given` that are not None go before."""
        for keys, required in _REQUIRED.items():
            found = config_value(config, *keys)
            if found not in (None, required):
                raise CheckpointError(f"was trained with {'.'.join(keys)} {found}: only {required} can be imported")
        scheduler = ("policy", "noise_scheduler")
        read = {
            "horizon": ("horizon",),
            "n_action_steps": ("n_action_steps",),
            "groups": ("policy", "n_groups"),
            "train_steps": (*scheduler, "num_train_timesteps"),
            "inference_steps": ("policy", "num_inference_steps"),
            "prediction": (*scheduler, "prediction_type"),
            "clip_sample": (*scheduler, "clip_sample"),
            "seed": ("training", "seed"),
        }
        values = {key: config_value(config, *keys) for key, keys in read.items()} | {
            key: value for key, value in given.items() if value is not None
        }
        return build(cls, {key: value for key, value in values.items() if value is not None}, "recipe")


@dataclass(frozen=True)
class ImportedPolicy:
    """Settings, contract and weights of a policy; `raw` are the weights without averaging."""

    settings: PolicySettings
    contract: Contract
    weights: dict[str, Tensor]
    raw: dict[str, Tensor]
    recipe: Dp3Recipe


class Dp3Checkpoint:
    """The tensors of a checkpoint file and what can be read of its configuration."""

    def __init__(self, path: Path) -> None:
        content = load_tensors(path)
        models = content.get("state_dicts") if isinstance(content, dict) else None
        if not isinstance(models, dict) or not _is_state_dict(models.get("model")):
            raise CheckpointError(f"{path}: holds no state_dicts.model; give a checkpoint that DP3's train.py saved")
        self.config: Any = content.get("cfg")
        self.raw: dict[str, Tensor] = models["model"]
        self.averaged: dict[str, Tensor] = models["ema_model"] if _is_state_dict(models.get("ema_model")) else self.raw

    def policy(
        self, contract: Contract, cloud_frame: LinearMap, state: tuple[str, ...] | None, given: Mapping[str, Any]
    ) -> ImportedPolicy:
        """The policy under a task's contract. Raises CheckpointError where it could not be the same function.

        cloud_frame: from the contract's frame to that of the checkpoint's clouds. state: the contract's entries in the
        order of the checkpoint's; None: its first ones. given: values of the recipe that go before the checkpoint's.
        """
        layout, recipe = Dp3Layout.of(self.averaged), Dp3Recipe.of(self.config, given)
        names = contract.state_names[: layout.state_dim] if state is None else state
        _check_fit(layout, contract, names)
        settings = _settings(layout, recipe, contract)
        contract = settings.network.contract(contract)
        index = [contract.state_names.index(name) for name in names]
        normaliser = _ranges(self.averaged, layout, contract, index)
        document = contract.model_copy(update={"normaliser": normaliser}).model_dump()
        contract = Contract.parse(document, f"the imported contract of {contract.task}")

        def weights(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
            return _with_our_inputs(layout.renamed(tensors), tensors, contract, cloud_frame, index)

        averaged = weights(self.averaged)
        if self.averaged is self.raw:
            return ImportedPolicy(settings, contract, averaged, deepcopy(averaged), recipe)
        return ImportedPolicy(settings, contract, averaged, weights(self.raw), recipe)


def _is_state_dict(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(tensor, Tensor) for tensor in value.values())


def _check_fit(layout: Dp3Layout, contract: Contract, names: tuple[str, ...]) -> None:
    if len(names) != layout.state_dim or len(set(names) & set(contract.state_names)) != layout.state_dim:
        raise SettingsError(
            f"the checkpoint reads {layout.state_dim} state entries, and {contract.task} would give it {list(names)}: "
            f"name them in its order with state=[…], among {', '.join(contract.state_names)}"
        )
    if layout.action_dim != contract.action_dim:
        raise CheckpointError(
            f"the checkpoint has {layout.action_dim} action entries, {contract.task} has {contract.action_dim}: "
            "it was trained on another task"
        )


def _settings(layout: Dp3Layout, recipe: Dp3Recipe, contract: Contract) -> PolicySettings:
    if recipe.prediction not in _PREDICTIONS:
        raise CheckpointError(
            f"was trained to predict {recipe.prediction}: only {', '.join(_PREDICTIONS)} can be imported"
        )
    cloud = contract.observation.cloud
    network = {
        "name": layout.name,
        "points": cloud.points if cloud else 0,
        "cloud_steps": layout.n_obs_steps,
        "centred": False,
        "n_obs_steps": layout.n_obs_steps,
        "horizon": recipe.horizon,
        "past_actions": layout.n_obs_steps - 1,
        "n_action_steps": recipe.n_action_steps,
        "encoder": layout.encoder(),
        "denoiser": layout.denoiser(recipe.groups),
    }
    diffusion = {
        "kind": "discrete",
        "train_steps": recipe.train_steps,
        "prediction": _PREDICTIONS[recipe.prediction],
        "clip_sample": recipe.clip_sample,
    }
    return build(PolicySettings, {"network": network, "diffusion": diffusion}, "policy")


def _ranges(
    tensors: Mapping[str, Tensor], layout: Dp3Layout, contract: Contract, index: list[int]
) -> NormaliserStatistics:
    """The checkpoint's ranges; entries that it does not read keep their raw values."""
    read = unit_range(*dp3_normaliser(tensors, "agent_pos", layout.state_dim))
    low, high = [-1.0] * contract.state_dim, [1.0] * contract.state_dim
    for place, entry_low, entry_high in zip(index, read.low, read.high, strict=True):
        low[place], high[place] = entry_low, entry_high
    action = unit_range(*dp3_normaliser(tensors, "action", layout.action_dim))
    return NormaliserStatistics(state=Bounds(low=tuple(low), high=tuple(high)), action=action)


def _with_our_inputs(
    weights: dict[str, Tensor], tensors: Mapping[str, Tensor], contract: Contract, frame: LinearMap, index: list[int]
) -> dict[str, Tensor]:
    """First layers that read the contract's state and the cloud as the policy maps its crop box to [-1, 1]."""
    cloud = contract.observation.cloud
    assert cloud is not None
    inputs = (
        LinearMap.scaling(*dp3_normaliser(tensors, "point_cloud", 3))
        .after(frame)
        .after(LinearMap.from_unit_range(cloud.crop_low, cloud.crop_high))
    )
    weight, bias = inputs.into_layer(weights[f"{_CLOUD_LAYER}.weight"], weights[f"{_CLOUD_LAYER}.bias"])
    read = weights[f"{_STATE_LAYER}.weight"]
    states = torch.zeros(len(read), contract.state_dim)
    states[:, index] = read
    return weights | {
        f"{_CLOUD_LAYER}.weight": weight,
        f"{_CLOUD_LAYER}.bias": bias,
        f"{_STATE_LAYER}.weight": states,
    }
