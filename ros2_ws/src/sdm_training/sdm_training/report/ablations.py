"""What each choice of a recipe is worth: config/suite/ablations.yaml, a table a choice."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from sdm_core.results import paired_difference

from sdm_training.report.estimate import Estimate, mean
from sdm_training.report.lines import DEVELOPMENT, Line, matching, one_per_seed, pairs
from sdm_training.report.markdown import NONE, NOT_RUN, NOTHING_RUN, code, table
from sdm_training.report.policies import DP3, FOURTH, NETWORK, SDM, THIRD, Policy
from sdm_training.report.success import OverTasks, Success

TASKS = (
    "metaworld/reach+goal",
    "metaworld/push+goal",
    "metaworld/basketball",
    "metaworld/bin-picking",
    "metaworld/box-close",
    "metaworld/shelf-place",
)
DEMOS = 10


@dataclass(frozen=True)
class Setting:
    """One way to make a policy, as a row's label says it."""

    label: str
    policy: Policy
    demos: int = DEMOS


@dataclass(frozen=True)
class Ablation:
    """A choice: the settings that were tried, that of the named recipe first."""

    title: str
    settings: tuple[Setting, ...]
    recipe: str = "third"


TEACHER, STUDENT, NEWEST = DP3.under(THIRD), SDM.under(THIRD), DP3.under(FOURTH)


def _variant(policy: Policy, name: str, network: str = TEACHER.network) -> Policy:
    return dataclasses.replace(policy, variant=name, network=network)


def _executing(actions: int) -> Policy:
    """The fourth recipe's, with another number of executed actions."""
    return dataclasses.replace(NEWEST, replan_steps=actions)


COLOURED = _variant(TEACHER, "colour of 512 points")


ABLATIONS = (
    Ablation(
        "Frame of the cloud",
        (
            Setting("centred on the gripper", TEACHER),
            Setting("in the world", _variant(TEACHER, "world cloud")),
            # Half of the recipe's observations hide the state, and with it where the hand is in a world's cloud.
            Setting("in the world, the state never hidden", _variant(TEACHER, "world cloud with state")),
        ),
    ),
    Ablation(
        "Points that the network sees",
        (
            Setting("256", TEACHER),
            Setting("128", _variant(TEACHER, "128 points")),
            Setting("512", _variant(TEACHER, "512 points")),
        ),
    ),
    Ablation(
        "Colour of the points",
        (
            Setting("none", TEACHER),
            Setting("each point's own", _variant(TEACHER, "colour")),
            Setting("that of 512 points", COLOURED),
        ),
    ),
    Ablation(
        "What the network knows of points",
        (
            Setting("four octaves of Fourier features; sixteen places beside the maximum", TEACHER),
            Setting("no places (`small`)", _variant(TEACHER, "turned", NETWORK)),
            Setting("plain coordinates", _variant(TEACHER, "plain coordinates")),
        ),
    ),
    Ablation(
        "Turned copies of each demonstration",
        (
            Setting("eight, by up to 30 degrees to either side", TEACHER),
            Setting("none", _variant(TEACHER, "not turned")),
            Setting("none, and no places (`small`, the second recipe)", _variant(TEACHER, "not turned", NETWORK)),
        ),
    ),
    Ablation(
        "Size of the teacher's network",
        (
            Setting("`keypoint`, residual MLP", TEACHER),
            Setting("half as wide", _variant(TEACHER, "half as wide")),
            Setting("`simple`, U-Net, the same inputs and horizon", _variant(TEACHER, "inputs of keypoint", "simple")),
        ),
    ),
    Ablation(
        "Size of the student's network, which is its teacher's",
        (Setting("`keypoint`, residual MLP", STUDENT), Setting("half as wide", _variant(STUDENT, "half as wide"))),
    ),
    Ablation(
        "Executed actions and horizon",
        (
            Setting("4 of a chunk of 8", TEACHER),
            Setting("8 of a chunk of 8", _variant(TEACHER, "8 of 8 actions")),
            Setting("8 of a chunk of 16", _variant(TEACHER, "8 of 16 actions")),
        ),
    ),
    Ablation(
        "Executed actions of one training",
        (
            Setting("1 of a chunk of 8", NEWEST),
            Setting("4 of a chunk of 8", _executing(4)),
            Setting("8 of a chunk of 8", _executing(8)),
        ),
        "fourth",
    ),
    Ablation(
        "The teacher's weights that are distilled",
        (Setting("averaged (EMA)", STUDENT), Setting("the last ones, raw", _variant(STUDENT, "raw teacher"))),
    ),
    Ablation(
        "Disturbed demonstrations",
        (
            Setting("the expert left alone", TEACHER),
            Setting("the robot led astray now and then", dataclasses.replace(TEACHER, disturbed=True)),
        ),
    ),
    Ablation(
        "What the fourth recipe changes",
        (
            Setting("nothing", TEACHER),
            Setting("colour of 512 points", COLOURED),
            Setting("that, and half of the demonstrations disturbed", _executing(4)),
            Setting("these, and one action of each chunk executed", NEWEST),
            Setting("colour of 512 points, all of them disturbed", dataclasses.replace(COLOURED, disturbed=True)),
        ),
    ),
    Ablation(
        "Demonstrations",
        (Setting("10", TEACHER), *(Setting(str(demos), TEACHER, demos) for demos in (5, 20, 50))),
    ),
)


def ablation_tables(lines: Sequence[Line]) -> str:
    """A heading and a table for each choice of which another setting than the recipe's was run."""
    run = [one for one in ABLATIONS if any(_lines(lines, task, other) for task in TASKS for other in one.settings[1:])]
    tables = [f"### {one.title}: {one.settings[0].policy.name}\n\n{_table(lines, one)}" for one in run]
    return "\n\n".join(tables) or NOTHING_RUN


def _table(lines: Sequence[Line], ablation: Ablation) -> str:
    recipe, *others = ablation.settings
    rows = [[f"{recipe.label} (the {ablation.recipe} recipe)", *_cells(lines, recipe), NONE]]
    rows += [[other.label, *_cells(lines, other), _difference(lines, other, recipe)] for other in others]
    return table(["setting", *map(code, TASKS), "mean", "difference, points"], rows)


def _cells(lines: Sequence[Line], setting: Setting) -> list[str]:
    found = [Success(tuple(own)) if (own := _lines(lines, task, setting)) else None for task in TASKS]
    run = [one for one in found if one]
    cells = [one.cell if one else NOT_RUN for one in found]
    if not run:
        return [*cells, NOT_RUN]
    average = OverTasks(mean([one.rate for one in run]), sum(one.episodes for one in run), len(run), len(TASKS))
    return [*cells, average.cell()]


def _difference(lines: Sequence[Line], setting: Setting, recipe: Setting) -> str:
    """To the recipe's, of equal training and evaluation seeds."""
    paired = [pairs(_lines(lines, task, setting), _lines(lines, task, recipe)) for task in TASKS]
    run = [(own, other) for own, other in paired if own]
    if not run:
        return NOT_RUN
    differences = [Estimate(*paired_difference(own, other)) for own, other in run]
    return OverTasks(mean(differences), sum(len(own) for own, _ in run), len(run), len(TASKS)).cell("+.1f", "+.1f")


def _lines(lines: Sequence[Line], task: str, setting: Setting) -> list[Line]:
    wanted = {**DEVELOPMENT, **dataclasses.asdict(setting.policy), "task": task, "demos": setting.demos}
    return one_per_seed(matching(lines, **wanted))
