"""Where in a cloud something is: spatial softmax (Levine et al. 2016) over points in place of pixels."""

from __future__ import annotations

from torch import Tensor, nn

from sdm_training.networks.fourier_features import FourierFeatures

AXES = 3


class CloudKeypoints(nn.Module):
    """Clouds [M, N, channels] → the expected places of K keypoints [M, 3K], in the clouds' own coordinates.

    A maximum over features tells that something is there, and the network has to decode where. A keypoint is a place:
    what is learned at the places of ten demonstrations holds between them too.
    """

    def __init__(self, channels: int, keypoints: int, width: int, frequencies: int) -> None:
        super().__init__()
        fourier = FourierFeatures(frequencies)
        self.attention = nn.Sequential(
            fourier,
            nn.Linear(fourier.width(channels), width),
            nn.LayerNorm(width),
            nn.ReLU(),
            nn.Linear(width, keypoints),
        )
        self.features = AXES * keypoints

    def forward(self, clouds: Tensor) -> Tensor:
        attention = self.attention(clouds).softmax(dim=1)
        return (attention.transpose(1, 2) @ clouds[..., :AXES]).flatten(1)
