"""Transformer over condition and action tokens at once (as in UCA-Flow): what is seen and what is done attend to each
other in every layer, in place of a condition that scales and shifts the action's features.

Attention is spelt out: the fused kernels have no forward-mode derivative, which MeanFlow needs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sdm_training.networks.timestep_embedding import TimestepEmbedding
from sdm_training.settings import Part, SettingsError

# Of the size of what the linear layers make of their inputs: nothing else tells one step of the chunk from the next,
# and from the usual 0.02 a training of a few thousand steps is long in finding out.
POSITION_STD = 0.5


class JointTransformerSettings(Part):
    """condition_tokens: tokens made of the condition, each of all of it; expansion: hidden width in widths."""

    kind: str = "joint_transformer"
    width: int = 192
    layers: int = 4
    heads: int = 4
    expansion: int = 4
    condition_tokens: int = 4
    timestep_features: int = 64


class SelfAttention(nn.Module):
    """Softmax attention of every token [B, T, W] to every other."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads, self.scale = heads, (width // heads) ** -0.5
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.outputs = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        queries, keys, values = (
            part.unflatten(-1, (self.heads, -1)).transpose(-3, -2)
            for part in self.queries_keys_values(tokens).chunk(3, dim=-1)
        )
        weights = (self.scale * queries @ keys.transpose(-2, -1)).softmax(dim=-1)
        return self.outputs((weights @ values).transpose(-3, -2).flatten(-2))


class TransformerLayer(nn.Module):
    """Attention and an MLP, each on normalised tokens and added to them; both add nothing at first."""

    def __init__(self, width: int, heads: int, expansion: int) -> None:
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        projection = nn.Linear(width * expansion, width)
        self.mlp = nn.Sequential(nn.Linear(width, width * expansion), nn.GELU(), projection)
        for last in (self.attention.outputs, projection):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.attention_norm(tokens))
        return tokens + self.mlp(self.mlp_norm(tokens))


class JointTransformer(nn.Module):
    """Noisy chunk [B, H, A], times [B, `times`], condition [B, D] → prediction [B, H, A]."""

    def __init__(
        self, settings: JointTransformerSettings, action_dim: int, horizon: int, condition_dim: int, times: int = 1
    ) -> None:
        super().__init__()
        width, self.condition_tokens = settings.width, settings.condition_tokens
        if width % settings.heads:
            raise SettingsError(
                f"the width {width} of the joint transformer is no multiple of its {settings.heads} heads"
            )
        self.feature_dim = width
        self.timestep = nn.Sequential(
            TimestepEmbedding(settings.timestep_features),
            nn.Linear(times * settings.timestep_features, width),
            nn.SiLU(),
            nn.Linear(width, width),
        )
        self.condition = nn.Linear(condition_dim, settings.condition_tokens * width)
        self.actions = nn.Linear(action_dim, width)
        tokens = 1 + settings.condition_tokens + horizon
        self.positions = nn.Parameter(POSITION_STD * torch.randn(tokens, width))
        self.layers = nn.Sequential(
            *(TransformerLayer(width, settings.heads, settings.expansion) for _ in range(settings.layers))
        )
        self.outputs = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, action_dim))

    def features(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        """The action tokens after the last layer [B, feature_dim], averaged, from which a chunk can be judged."""
        return self._action_tokens(noisy, times, condition).mean(1)

    def forward(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        return self.outputs(self._action_tokens(noisy, times, condition))

    def _action_tokens(self, noisy: Tensor, times: Tensor, condition: Tensor) -> Tensor:
        seen = self.condition(condition).unflatten(-1, (self.condition_tokens, -1))
        tokens = torch.cat([self.timestep(times)[:, None], seen, self.actions(noisy)], dim=1) + self.positions
        return self.layers(tokens)[:, -noisy.shape[1] :]


SETTINGS = JointTransformerSettings
create = JointTransformer
