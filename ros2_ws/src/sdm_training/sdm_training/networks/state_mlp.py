"""The part of an encoder that takes the robot's state."""

from __future__ import annotations

from torch import nn

from sdm_training.networks.fourier_features import FourierFeatures


def state_mlp(inputs: int, widths: tuple[int, ...], frequencies: int) -> nn.Sequential:
    """[…, inputs] → […, widths[-1]], with Fourier features of the inputs, and ReLU between the layers."""
    fourier = FourierFeatures(frequencies)
    layers: list[nn.Module] = [fourier]
    for before, after in zip((fourier.width(inputs), *widths), widths, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
