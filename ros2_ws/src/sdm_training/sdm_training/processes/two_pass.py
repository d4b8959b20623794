"""The interpolant of the minimal iterative policy (Pan et al. 2025), called twice: from zeros, then near the action.

I_t = t x0 + (1 - t) epsilon, so levels are times with 0 pure noise and 1 the action. The network predicts x0 at two
times alone, 0 and t* = 0.9.
"""

from __future__ import annotations

from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from sdm_training.draws import Draws
from sdm_training.policy.process import EMBEDDED_TIME, Network, Process, same_level
from sdm_training.settings import Part, SettingsError


class TwoPassSettings(Part):
    """second_time: t*, at which the second pass is called."""

    kind: str = "two_pass"
    second_time: float = Field(default=0.9, gt=0, lt=1)


class TwoPass(Process):
    """Levels are times from 0, noise, to 1, the action."""

    has_scores = False

    def __init__(self, settings: TwoPassSettings) -> None:
        super().__init__()
        self.settings = settings

    @property
    def noisiest(self) -> float:
        return 0.0

    def draw_levels(self, count: int, draws: Draws) -> Tensor:
        """Either time, equally often."""
        return self.settings.second_time * draws.integers(0, 1, count)

    def alpha_sigma(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        alpha = levels[:, None, None]
        return alpha, 1 - alpha

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """What the network says; neither pass is clipped."""
        return network(x, EMBEDDED_TIME * levels[:, None], condition)

    def denoising_loss(
        self, network: Network, x0: Tensor, levels: Tensor, epsilon: Tensor, condition: Tensor
    ) -> Tensor:
        """Mean squared error of x0."""
        return mse_loss(self.predict_x0(network, self.add_noise(x0, epsilon, levels), levels, condition), x0)

    def sample(self, network: Network, noise: Tensor, condition: Tensor, nfe: int) -> Tensor:
        """The paper's Eq. 4.5: a first chunk from `noise`, zeros in the paper, and a second one from t* times that."""
        self.check_nfe(nfe)
        time = self.settings.second_time
        first = self.predict_x0(network, noise, same_level(noise, 0.0), condition)
        return self.predict_x0(network, time * first, same_level(noise, time), condition)

    def check_nfe(self, nfe: int) -> None:
        if nfe != 2:
            raise SettingsError(f"{nfe} network calls asked of the two-pass process: it takes 2")

    def check_level(self, name: str, level: float) -> None:
        if not 0 <= level <= 1:
            raise SettingsError(f"{name} {level:g} is outside 0 … 1")


SETTINGS = TwoPassSettings
create = TwoPass
