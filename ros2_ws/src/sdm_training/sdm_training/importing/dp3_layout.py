"""How DP3's public code names its tensors, and what their shapes say of the network.

obs_encoder.extractor.mlp: Linear, LayerNorm, ReLU three times; .final_projection: Linear, LayerNorm; .state_mlp:
Linear, ReLU, Linear. model: a U-Net, each level a list of residual blocks followed by its resampling. Simple-DP3 has
one block a level where DP3 has two. SDM Policy's and ManiCM's copies have the same names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from sdm_core.errors import CheckpointError
from torch import Tensor

# Linear and LayerNorm of the shared point MLP; the third of each three is a ReLU.
_POINT_LAYERS = (0, 1, 3, 4, 6, 7)
# (widths of the U-Net, blocks a level) of the published configurations, by our preset's name.
_PRESETS: dict[tuple[tuple[int, ...], int], str] = {((512, 1024, 2048), 2): "paper", ((128, 256, 384), 1): "simple"}
# Held beside the networks: the normaliser (read elsewhere), and a marker of the module's device and type.
_NOT_NETWORK = re.compile(r"normalizer\.|(.*\.)?_dummy_variable$")


@dataclass(frozen=True)
class Dp3Layout:
    """What a DP3 state dict's shapes say."""

    point_widths: tuple[int, ...]
    cloud_features: int
    state_dim: int
    state_widths: tuple[int, ...]
    timestep_features: int
    widths: tuple[int, ...]
    blocks: int
    kernel: int
    action_dim: int
    n_obs_steps: int

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Dp3Layout:
        """Raises CheckpointError where the tensors are not of DP3's default networks (xyz clouds, LayerNorm, FiLM)."""

        def shape(name: str) -> torch.Size:
            if name not in tensors:
                raise CheckpointError(
                    f"holds no '{name}': only DP3's default networks can be imported (use_pc_color false, "
                    "use_layernorm true, final_norm layernorm, condition_type film)"
                )
            return tensors[name].shape

        def count(modules: str) -> int:
            return len({name.split(".")[2] for name in tensors if name.startswith(f"model.{modules}.")})

        first = "model.down_modules.0.0"
        cloud, state = (
            shape("obs_encoder.extractor.final_projection.0.weight")[0],
            shape("obs_encoder.state_mlp.2.weight")[0],
        )
        features = shape("model.diffusion_step_encoder.1.weight")[1]
        conditions, channels = (
            shape(f"{first}.cond_encoder.1.weight")[1] - features,
            shape("obs_encoder.extractor.mlp.0.weight")[1],
        )
        if channels != 3:
            raise CheckpointError(f"was trained on clouds of {channels} channels: only xyz clouds can be imported")
        if conditions % (cloud + state):
            raise CheckpointError(
                f"conditions its U-Net on {conditions} values, no multiple of the encoder's {cloud + state}: "
                "only obs_as_global_cond with condition_type film can be imported"
            )
        return cls(
            point_widths=tuple(shape(f"obs_encoder.extractor.mlp.{layer}.weight")[0] for layer in _POINT_LAYERS[::2]),
            cloud_features=cloud,
            state_dim=shape("obs_encoder.state_mlp.0.weight")[1],
            state_widths=(shape("obs_encoder.state_mlp.0.weight")[0], state),
            timestep_features=features,
            widths=tuple(
                shape(f"model.down_modules.{level}.0.blocks.0.block.0.weight")[0]
                for level in range(count("down_modules"))
            ),
            blocks=count("mid_modules"),
            kernel=shape(f"{first}.blocks.0.block.0.weight")[2],
            action_dim=shape("model.final_conv.1.weight")[0],
            n_obs_steps=conditions // (cloud + state),
        )

    @property
    def name(self) -> str:
        """Our preset of this size, else `dp3`."""
        return _PRESETS.get((self.widths, self.blocks), "dp3")

    def encoder(self) -> dict[str, Any]:
        """The settings of our encoder of these shapes."""
        return {
            "kind": "pointnet",
            "point_widths": self.point_widths,
            "cloud_features": self.cloud_features,
            "state": "per_step",
            "state_widths": self.state_widths,
        }

    def denoiser(self, groups: int) -> dict[str, Any]:
        """The settings of our U-Net of these shapes; the groups of its normalisation have none."""
        return {
            "kind": "unet1d",
            "widths": self.widths,
            "blocks": self.blocks,
            "kernel": self.kernel,
            "groups": groups,
            "timestep_features": self.timestep_features,
        }

    def modules(self) -> dict[str, str]:
        """Every module with parameters: our name → DP3's."""
        extractor, unet = "obs_encoder.extractor", "model"
        # Ours begin with (empty) Fourier features, hence one more.
        names = {f"encoder.cloud.points.{layer + 1}": f"{extractor}.mlp.{layer}" for layer in _POINT_LAYERS}
        names |= {f"encoder.cloud.projection.{layer}": f"{extractor}.final_projection.{layer}" for layer in (0, 1)}
        names |= {f"encoder.state.{layer + 1}": f"obs_encoder.state_mlp.{layer}" for layer in (0, 2)}
        names |= {f"denoiser.timestep.{layer}": f"{unet}.diffusion_step_encoder.{layer}" for layer in (1, 3)}
        for level in range(len(self.widths)):
            names |= self._blocks(f"denoiser.down.{level}", f"{unet}.down_modules.{level}")
        names |= self._blocks("denoiser.middle", f"{unet}.mid_modules")
        for level in range(len(self.widths) - 1):
            names |= self._blocks(f"denoiser.up.{level}", f"{unet}.up_modules.{level}")
            names[f"denoiser.downsample.{level}"] = f"{unet}.down_modules.{level}.{self.blocks}.conv"
            names[f"denoiser.upsample.{level}"] = f"{unet}.up_modules.{level}.{self.blocks}.conv"
        names |= {f"denoiser.outputs.0.{layer}": f"{unet}.final_conv.0.block.{layer}" for layer in (0, 1)}
        return names | {"denoiser.outputs.1": f"{unet}.final_conv.1"}

    def _blocks(self, ours: str, theirs: str) -> dict[str, str]:
        parts = {
            "first.0": "blocks.0.block.0",
            "first.1": "blocks.0.block.1",
            "film.1": "cond_encoder.1",
            "second.0": "blocks.1.block.0",
            "second.1": "blocks.1.block.1",
            "skip": "residual_conv",
        }
        return {
            f"{ours}.{block}.{part}": f"{theirs}.{block}.{name}"
            for block in range(self.blocks)
            for part, name in parts.items()
        }

    def renamed(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The networks' tensors under our names, in float32, with the condition in our order.

        Raises CheckpointError on a tensor that has no place in these networks.
        """
        places = {
            f"{theirs}.{kind}": f"{ours}.{kind}"
            for ours, theirs in self.modules().items()
            for kind in ("weight", "bias")
        }
        homeless = sorted(name for name in tensors if name not in places and not _NOT_NETWORK.match(name))
        if homeless:
            raise CheckpointError(
                f"holds '{homeless[0]}', which DP3's default networks do not have: only they can be imported "
                "(condition_type film, no projection left out)"
            )
        ours = {places[name]: tensor.float() for name, tensor in tensors.items() if name in places}
        order = self.condition_order()
        return {name: tensor[:, order] if name.endswith("film.1.weight") else tensor for name, tensor in ours.items()}

    def condition_order(self) -> Tensor:
        """For each entry of our condition [timestep, clouds, states] its index in DP3's, which alternates per step."""
        cloud, step = self.cloud_features, self.cloud_features + self.state_widths[-1]
        steps = torch.arange(self.timestep_features, self.timestep_features + self.n_obs_steps * step).reshape(-1, step)
        return torch.cat([torch.arange(self.timestep_features), steps[:, :cloud].flatten(), steps[:, cloud:].flatten()])
