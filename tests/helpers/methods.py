"""Every method, small enough to be trained in milliseconds."""

from __future__ import annotations

from typing import Any

from sdm_training import registry
from sdm_training.method_parts.learner import Learner

from helpers.training import demonstrations, small_policy, windows_of

FAST = {"learning_rate": 1e-2}
CLONING: dict[str, Any] = {"steps": 12, "observations": 4, "optimiser": FAST}
SCORES: dict[str, Any] = {
    "steps": 12,
    "batch": 4,
    "update_ratio": 3,
    "generator_optimiser": FAST,
    "critic_optimiser": FAST,
    "ema": {"max_decay": 0.9},
}

KEYPOINTS = {
    "kind": "pointnet", "point_widths": [8, 16], "cloud_features": 8, "keypoints": 2, "state_widths": [8, 8]
}  # fmt: skip

ONEDP_S: dict[str, Any] = {"kind": "onedp", "method": "onedp_s", "stochastic": True}
ONEDP_D: dict[str, Any] = {"kind": "onedp", "method": "onedp_d", "stochastic": False}

# Name of the case: package, settings, and changes of the policy.
METHODS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "diffusion": ("teachers", {"kind": "diffusion", "draws": 2, **CLONING}, {}),
    "diffusion_keypoints": (
        "teachers",
        {"kind": "diffusion", "draws": 2, **CLONING},
        {"encoder": KEYPOINTS},
    ),
    "edm": ("teachers", {"kind": "diffusion", "draws": 2, "sample_nfe": 3, **CLONING}, {"diffusion": {"kind": "edm"}}),
    "flow": ("teachers", {"kind": "diffusion", "draws": 2, **CLONING}, {"diffusion": {"kind": "flow"}}),
    "regression": ("distillers", {"kind": "regression", **CLONING}, {}),
    "consistency": (
        "distillers",
        {"kind": "consistency", "steps": 12, "batch": 4, "bins": 8, "optimiser": FAST},
        {"diffusion": {"kind": "edm"}},
    ),
    "manicm": ("distillers", {"kind": "manicm", "steps": 12, "batch": 4, "optimiser": FAST}, {}),
    "sdm": ("distillers", {"kind": "sdm", **SCORES}, {}),
    "sdm_trained_encoder": ("distillers", {"kind": "sdm", "encoder": "trained", **SCORES}, {}),
    "onedp_s": ("distillers", {**ONEDP_S, "encoder": "trained", **SCORES}, {}),
    "onedp_s_edm": ("distillers", {**ONEDP_S, **SCORES}, {"diffusion": {"kind": "edm"}}),
    "onedp_d": ("distillers", {**ONEDP_D, **SCORES, "critic_optimiser": None}, {}),
    "dmd2": ("distillers", {"kind": "dmd2", **SCORES}, {}),
    "dmd2_edm": ("distillers", {"kind": "dmd2", "encoder": "trained", **SCORES}, {"diffusion": {"kind": "edm"}}),
    "flowpolicy": (
        "distillers",
        {"kind": "flowpolicy", "draws": 2, "velocity_weight": 0.1, **CLONING},
        {"diffusion": {"kind": "flow"}},
    ),
    "drifting": ("distillers", {"kind": "drifting", "draws": 3, "anchor_weight": 0.5, **CLONING}, {}),
    "sdm_flow": ("distillers", {"kind": "sdm", **SCORES}, {"diffusion": {"kind": "flow"}}),
    "mip": ("distillers", {"kind": "mip", "draws": 2, **CLONING}, {"diffusion": {"kind": "two_pass"}}),
    "anchored": ("distillers", {"kind": "anchored", **SCORES}, {}),
    "anchored_adversarial_edm": (
        "distillers",
        {"kind": "anchored", "generator_adversarial": 0.1, "anchor": {"nfe": 3}, "encoder": "trained", **SCORES},
        {"diffusion": {"kind": "edm"}},
    ),
    "anchored_alone": ("distillers", {"kind": "anchored", "matching_weight": 0, **SCORES}, {}),
    "meanflow": (
        "distillers",
        {"kind": "meanflow", "draws": 2, "directional_weight": 0.1, "dispersion": {"weight": 0.5}, **CLONING},
        {"diffusion": {"kind": "meanflow"}},
    ),
    "meanflow_joint_transformer": (
        "distillers",
        {"kind": "meanflow", **CLONING},
        {
            "diffusion": {"kind": "meanflow", "prediction": "x0"},
            "denoiser": {"kind": "joint_transformer", "width": 16, "layers": 2, "heads": 2, "timestep_features": 8},
        },
    ),
}


def learner_of(name: str, seed: int = 0, settings: dict[str, Any] | None = None, **network: object) -> Learner:
    """The learner of a case, on the demonstrations of helpers.training; `settings` and `network` change the case's."""
    package, values, changes = METHODS[name]
    data = demonstrations()
    policy = small_policy(data, seed, **{**changes, **network})
    part = registry.build_part(package, {**values, **(settings or {})}, package)
    return registry.find(package, part.kind).create(part, policy, len(windows_of(data, policy)))
