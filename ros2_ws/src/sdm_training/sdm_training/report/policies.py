"""The policies that are compared: their names, their teachers, and how plots draw them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from sdm_sim.disturbance import HALF, Disturbed, disturbed_words

NETWORK = "small"

# Okabe and Ito's colours, which the colour-blind can tell apart.
BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE, GREY = "#F0E442", "#0072B2", "#D55E00", "#CC79A7", "#999999"


@dataclass(frozen=True)
class Recipe:
    """What tells the policies of one of the campaign's recipes, whose history docs/results.md tells, from another's."""

    network: str
    disturbed: Disturbed | None = None


SECOND, THIRD, FOURTH = Recipe(NETWORK), Recipe("keypoint"), Recipe("coloured", HALF)
# The newest first.
RECIPES = (FOURTH, THIRD, SECOND)
# The newest under which all of the campaign's tasks have been run.
WHOLE = THIRD


@dataclass(frozen=True)
class Policy:
    """A method at so many network evaluations (NFE), with a network, and a variant of its training if there is one.

    disturbed: which of its demonstrations are (see sdm-demos); None where none is, as lines leave it out.
    replan_steps: how many actions of a chunk are executed; None where it is the contract's number.
    noise_scale: the standard deviation of its noise; None where it is 1, as in training.
    """

    method: str
    nfe: int
    network: str = NETWORK
    variant: str | None = None
    disturbed: Disturbed | None = None
    replan_steps: int | None = None
    noise_scale: float | None = None

    @classmethod
    def of_line(cls, line: dict[str, Any]) -> Policy:
        """Whose success a result line is."""
        network = line.get("network", NETWORK)
        return cls(
            line["method"],
            line["nfe"],
            network,
            line.get("variant"),
            line.get("disturbed"),
            line.get("replan_steps"),
            line.get("noise_scale"),
        )

    @property
    def name(self) -> str:
        """As tables and legends print it, such as `SDM @ 1`."""
        known = METHODS.get(self.method)
        usual = known.reference.network if known else NETWORK
        network = "" if self.network == usual else f", {self.network} network"
        variant = f", {self.variant}" if self.variant else ""
        disturbed = f", {disturbed_words(self.disturbed)}" if self.disturbed else ""
        executed = f", {self.replan_steps} executed" if self.replan_steps else ""
        noise = "" if self.noise_scale is None else f", noise × {self.noise_scale:g}"
        return f"{self.described.name} @ {self.nfe}{network}{variant}{disturbed}{executed}{noise}"

    @property
    def described(self) -> Method:
        """Its method; one that is not known here goes by its own name and is compared with nothing."""
        return METHODS.get(self.method) or Method(self.method, self, GREY, "x")

    def under(self, recipe: Recipe) -> Policy:
        """The same under one of the campaign's recipes."""
        return dataclasses.replace(self, network=recipe.network, disturbed=recipe.disturbed)


@dataclass(frozen=True)
class Method:
    """A method's printed name, the policy that it is compared with, its colour and marker."""

    name: str
    reference: Policy
    colour: str
    marker: str


DP3 = Policy("dp3", 10)
DP3_EPSILON = Policy("dp3_eps", 10)
EDM = Policy("edm", 19)
FLOW = Policy("flow", 10)
IMAGES = Policy("dp2d", 10, network="dp2d_small")
SDM = Policy("sdm", 1)
BEST = Policy("consistency", 1)

# By the name that result lines give a student's teacher.
TEACHERS = {teacher.method: teacher for teacher in (DP3, DP3_EPSILON, EDM, FLOW, IMAGES)}

# A student's usual teacher is its reference; a result line that names another one overrules it.
METHODS = {
    "dp3": Method("DP3", DP3, VERMILLION, "o"),
    "dp3_eps": Method("DP3, noise prediction", DP3_EPSILON, ORANGE, "o"),
    "edm": Method("EDM", EDM, SKY, "o"),
    "flow": Method("flow matching", FLOW, GREEN, "o"),
    "dp2d": Method("Diffusion Policy, images", IMAGES, BLACK, "o"),
    "sdm": Method("SDM", DP3, BLUE, "s"),
    "anchored": Method("anchored matching", DP3, BLUE, "*"),
    "onedp_s": Method("OneDP-S", DP3, GREEN, "^"),
    "onedp_d": Method("OneDP-D", DP3, GREEN, "v"),
    "manicm": Method("ManiCM", DP3, PURPLE, "D"),
    "consistency": Method("Consistency Policy (best)", EDM, BLACK, "P"),
    "dmd2": Method("DMD2", DP3, YELLOW, "X"),
    "regression": Method("regression", DP3, GREY, "s"),
    "mip": Method("MIP", DP3, GREY, "D"),
    "meanflow": Method("MeanFlow", DP3, SKY, "^"),
    "flowpolicy": Method("FlowPolicy", DP3, ORANGE, "v"),
    "drifting": Method("drifting", DP3, ORANGE, "*"),
}

TEACHER_ROWS = (
    DP3,
    Policy("dp3", 2),
    Policy("dp3", 1),
    DP3_EPSILON,
    Policy("edm", 35),
    EDM,
    Policy("edm", 1),
    FLOW,
    Policy("flow", 1),
    IMAGES,
    Policy("dp3", 10, network="simple"),
)
STUDENT_ROWS = (
    SDM,
    Policy("sdm", 1, variant="scratch"),
    Policy("onedp_s", 1),
    Policy("onedp_d", 1),
    Policy("manicm", 1),
    Policy("consistency", 1),
    Policy("consistency", 3),
    Policy("dmd2", 1),
    Policy("anchored", 1),
    Policy("regression", 1),
    Policy("mip", 2),
    Policy("meanflow", 1),
    Policy("flowpolicy", 1),
    Policy("drifting", 1),
)
