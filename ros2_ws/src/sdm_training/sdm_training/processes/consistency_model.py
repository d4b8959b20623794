"""A consistency model of discrete diffusion, parametrised as latent consistency models are (Luo et al. 2023)."""

from __future__ import annotations

from torch import Tensor

from sdm_training.policy.process import Network
from sdm_training.processes.discrete import Discrete, DiscreteSettings


class ConsistencyModelSettings(DiscreteSettings):
    """sigma_data and timestep_scaling shape c_skip and c_out; a greater scaling narrows where the input is kept."""

    kind: str = "consistency_model"
    sigma_data: float = 0.5
    timestep_scaling: float = 10.0


class ConsistencyModel(Discrete):
    """Its x0 is the end of the flow from x, not the mean of all that x may have been; made to be called once."""

    has_scores = False

    def __init__(self, settings: ConsistencyModelSettings) -> None:
        super().__init__(settings)
        self.settings: ConsistencyModelSettings = settings

    def predict_x0(
        self, network: Network, x: Tensor, levels: Tensor, condition: Tensor, clip: bool | None = None
    ) -> Tensor:
        """f(x, t) = c_skip x + c_out x0: at t = 0 the input itself, whatever the network says."""
        settings = self.settings
        scaled = settings.timestep_scaling * levels.to(x.dtype)[:, None, None]
        size = scaled**2 + settings.sigma_data**2
        x0 = super().predict_x0(network, x, levels, condition, clip=False)
        end = settings.sigma_data**2 / size * x + scaled / size.sqrt() * x0
        clip = settings.clip_sample if clip is None else clip
        return end.clamp(-1, 1) if clip else end


SETTINGS = ConsistencyModelSettings
create = ConsistencyModel
