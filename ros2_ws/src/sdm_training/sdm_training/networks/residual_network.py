"""ResNets of basic blocks (He et al. 2016) with group in place of batch normalisation, as Diffusion Policy trains them.

Batch statistics would mix what an exponential moving average of the weights keeps apart (Chi et al. 2023, III-B).
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

# Channels that are normalised together.
GROUP = 16


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Convolution and group normalisation; a stride divides the resolution."""
    layer = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(layer, nn.GroupNorm(max(1, outputs // GROUP), outputs))


class BasicBlock(nn.Module):
    """Two 3×3 convolutions with a skip."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = convolution(inputs, outputs, 3, stride), convolution(outputs, outputs, 3)
        changes = stride != 1 or inputs != outputs
        self.skip = convolution(inputs, outputs, 1, stride) if changes else nn.Identity()
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.second(self.activation(self.first(x))) + self.skip(x))


class ResidualNetwork(nn.Sequential):
    """Images [M, 3, H, W] → feature maps [M, widths[-1], about H / 32, W / 32] with four stages.

    Widths 64, 128, 256, 512 with 2 blocks each are ResNet-18 without its classifier.
    """

    def __init__(self, widths: tuple[int, ...], blocks: tuple[int, ...]) -> None:
        stem = nn.Sequential(convolution(3, widths[0], 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        stages = []
        for index, (before, after) in enumerate(pairwise((widths[0], *widths))):
            first = BasicBlock(before, after, 1 if index == 0 else 2)
            stages.append(nn.Sequential(first, *(BasicBlock(after, after, 1) for _ in range(blocks[index] - 1))))
        super().__init__(stem, *stages)
