"""DP3's published networks as a state dict: names and shapes of its code, and what they compute, in plain functions."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

POINT_WIDTHS = (64, 128, 256)
CLOUD_FEATURES = STATE_FEATURES = 64
GROUPS = 8

Shapes = dict[str, tuple[int, ...]]


def network_shapes(
    widths: tuple[int, ...], blocks: int, features: int = 128, states: int = 9, actions: int = 4, steps: int = 2
) -> Shapes:
    """Every parameter's shape; blocks a level: two in DP3, one in Simple-DP3."""
    shapes: Shapes = {}

    def add(name: str, *weight: int) -> None:
        shapes[f"{name}.weight"] = weight
        shapes[f"{name}.bias"] = weight[:1]

    def residual(name: str, inputs: int, outputs: int) -> None:
        add(f"{name}.blocks.0.block.0", outputs, inputs, 5)
        add(f"{name}.blocks.0.block.1", outputs)
        add(f"{name}.blocks.1.block.0", outputs, outputs, 5)
        add(f"{name}.blocks.1.block.1", outputs)
        add(f"{name}.cond_encoder.1", 2 * outputs, features + steps * (CLOUD_FEATURES + STATE_FEATURES))
        if inputs != outputs:
            add(f"{name}.residual_conv", outputs, inputs, 1)

    for layer, (inputs, outputs) in enumerate(pairwise((3, *POINT_WIDTHS))):
        add(f"obs_encoder.extractor.mlp.{3 * layer}", outputs, inputs)
        add(f"obs_encoder.extractor.mlp.{3 * layer + 1}", outputs)
    add("obs_encoder.extractor.final_projection.0", CLOUD_FEATURES, POINT_WIDTHS[-1])
    add("obs_encoder.extractor.final_projection.1", CLOUD_FEATURES)
    add("obs_encoder.state_mlp.0", STATE_FEATURES, states)
    add("obs_encoder.state_mlp.2", STATE_FEATURES, STATE_FEATURES)
    add("model.diffusion_step_encoder.1", 4 * features, features)
    add("model.diffusion_step_encoder.3", features, 4 * features)
    levels = list(pairwise((actions, *widths)))
    for level, (inputs, outputs) in enumerate(levels):
        for block in range(blocks):
            residual(f"model.down_modules.{level}.{block}", outputs if block else inputs, outputs)
        if level < len(levels) - 1:
            add(f"model.down_modules.{level}.{blocks}.conv", outputs, outputs, 3)
    for block in range(blocks):
        residual(f"model.mid_modules.{block}", widths[-1], widths[-1])
    for level, (inputs, outputs) in enumerate(reversed(levels[1:])):
        for block in range(blocks):
            residual(f"model.up_modules.{level}.{block}", inputs if block else 2 * outputs, inputs)
        add(f"model.up_modules.{level}.{blocks}.conv", inputs, inputs, 4)  # transposed, but square
    add("model.final_conv.0.block.0", widths[0], widths[0], 5)
    add("model.final_conv.0.block.1", widths[0])
    add("model.final_conv.1", actions, widths[0], 1)
    return shapes


def random_policy(shapes: Shapes, seed: int) -> dict[str, Tensor]:
    """A state dict of the whole policy: seeded networks, one normaliser (of coloured clouds), and markers."""
    generator = torch.Generator().manual_seed(seed)

    def randn(shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
        return scale * torch.randn(shape, generator=generator)

    tensors = {
        name: 1 + randn(shape, 0.1) if len(shape) == 1 and name.endswith("weight") else randn(shape, 0.3 / len(shape))
        for name, shape in shapes.items()
    }
    generator.manual_seed(0)
    states, actions = shapes["obs_encoder.state_mlp.0.weight"][1], shapes["model.final_conv.1.weight"][0]
    for field, size in (("agent_pos", states), ("action", actions), ("point_cloud", 6)):
        prefix = f"normalizer.params_dict.{field}"
        tensors[f"{prefix}.scale"] = 1 + torch.rand(size, generator=generator)
        tensors[f"{prefix}.offset"] = randn((size,), 0.3)
        for statistic in ("min", "max", "mean", "std"):
            tensors[f"{prefix}.input_stats.{statistic}"] = randn((size,))
    return tensors | {"_dummy_variable": torch.zeros(0), "mask_generator._dummy_variable": torch.zeros(0)}


def condition(tensors: dict[str, Tensor], clouds: Tensor, states: Tensor) -> Tensor:
    """Clouds [B, T, N, 3] in DP3's frame and states [B, T, S] → [B, T · 128], cloud and state in turn for each step."""
    x = normalised(tensors, "point_cloud", clouds)
    for layer in range(len(POINT_WIDTHS)):
        x = _linear(tensors, f"obs_encoder.extractor.mlp.{3 * layer}", x)
        x = _layer_norm(tensors, f"obs_encoder.extractor.mlp.{3 * layer + 1}", x).relu()
    x = _linear(tensors, "obs_encoder.extractor.final_projection.0", x.amax(dim=2))
    x = _layer_norm(tensors, "obs_encoder.extractor.final_projection.1", x)
    state = _linear(tensors, "obs_encoder.state_mlp.0", normalised(tensors, "agent_pos", states)).relu()
    return torch.cat([x, _linear(tensors, "obs_encoder.state_mlp.2", state)], dim=-1).flatten(1)


def denoised(tensors: dict[str, Tensor], noisy: Tensor, timesteps: Tensor, given: Tensor) -> Tensor:
    """The U-Net's output [B, H, A] for a noisy chunk, timesteps [B] and a condition."""
    half = tensors["model.diffusion_step_encoder.1.weight"].shape[1] // 2
    angles = timesteps[:, None] * torch.exp(-torch.arange(half) * math.log(10000) / (half - 1))
    step = _linear(tensors, "model.diffusion_step_encoder.1", torch.cat([angles.sin(), angles.cos()], dim=-1))
    given = torch.cat([_linear(tensors, "model.diffusion_step_encoder.3", F.mish(step)), given], dim=-1)

    def residuals(modules: str, x: Tensor) -> Tensor:
        block = 0
        while f"{modules}.{block}.cond_encoder.1.weight" in tensors:
            x = _residual(tensors, f"{modules}.{block}", x, given)
            block += 1
        return x

    def resampled(modules: str, x: Tensor, convolution) -> Tensor:
        name = next(key for key in tensors if key.startswith(f"{modules}.") and key.endswith(".conv.weight"))
        return convolution(x, tensors[name], tensors[name.replace("weight", "bias")], stride=2, padding=1)

    levels = len({name.split(".")[2] for name in tensors if name.startswith("model.down_modules.")})
    x, passed = noisy.transpose(1, 2), []
    for level in range(levels):
        x = residuals(f"model.down_modules.{level}", x)
        passed.append(x)
        if level < levels - 1:
            x = resampled(f"model.down_modules.{level}", x, F.conv1d)
    x = residuals("model.mid_modules", x)
    for level in range(levels - 1):
        x = residuals(f"model.up_modules.{level}", torch.cat([x, passed.pop()], dim=1))
        x = resampled(f"model.up_modules.{level}", x, F.conv_transpose1d)
    x = _convolved(tensors, "model.final_conv.0.block", x)
    return F.conv1d(x, tensors["model.final_conv.1.weight"], tensors["model.final_conv.1.bias"]).transpose(1, 2)


def normalised(tensors: dict[str, Tensor], field: str, x: Tensor) -> Tensor:
    scale, offset = (tensors[f"normalizer.params_dict.{field}.{part}"][: x.shape[-1]] for part in ("scale", "offset"))
    return x * scale + offset


def denormalised_action(tensors: dict[str, Tensor], x: Tensor) -> Tensor:
    scale, offset = (tensors[f"normalizer.params_dict.action.{part}"] for part in ("scale", "offset"))
    return (x - offset) / scale


def _linear(tensors: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]


def _layer_norm(tensors: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    return F.layer_norm(x, x.shape[-1:], tensors[f"{name}.weight"], tensors[f"{name}.bias"])


def _convolved(tensors: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
    x = F.conv1d(x, tensors[f"{name}.0.weight"], tensors[f"{name}.0.bias"], padding="same")
    return F.mish(F.group_norm(x, GROUPS, tensors[f"{name}.1.weight"], tensors[f"{name}.1.bias"]))


def _residual(tensors: dict[str, Tensor], name: str, x: Tensor, given: Tensor) -> Tensor:
    scale, shift = _linear(tensors, f"{name}.cond_encoder.1", F.mish(given))[..., None].chunk(2, dim=1)
    y = _convolved(tensors, f"{name}.blocks.1.block", scale * _convolved(tensors, f"{name}.blocks.0.block", x) + shift)
    if f"{name}.residual_conv.weight" in tensors:
        x = F.conv1d(x, tensors[f"{name}.residual_conv.weight"], tensors[f"{name}.residual_conv.bias"])
    return x + y
