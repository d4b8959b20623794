"""MetaWorld's 50 tasks and their difficulty, as Seo et al. (2023) split them and the papers' tables list them."""

from __future__ import annotations

from sdm_sim.task import Task

DIFFICULTY: dict[str, tuple[str, ...]] = {
    "easy": (
        "button-press", "button-press-topdown", "button-press-topdown-wall", "button-press-wall", "coffee-button",
        "dial-turn", "door-close", "door-lock", "door-open", "door-unlock", "drawer-close", "drawer-open",
        "faucet-close", "faucet-open", "handle-press", "handle-press-side", "handle-pull", "handle-pull-side",
        "lever-pull", "peg-unplug-side", "plate-slide", "plate-slide-back", "plate-slide-back-side", "plate-slide-side",
        "reach", "reach-wall", "window-close", "window-open",
    ),
    "medium": (
        "basketball", "bin-picking", "box-close", "coffee-pull", "coffee-push", "hammer", "peg-insert-side",
        "push-wall", "soccer", "sweep", "sweep-into",
    ),
    "hard": ("assembly", "hand-insert", "pick-out-of-hole", "pick-place", "push", "push-back"),
    "very hard": ("disassemble", "pick-place-wall", "shelf-place", "stick-pull", "stick-push"),
}  # fmt: skip

TASKS = tuple(sorted(task for tasks in DIFFICULTY.values() for task in tasks))

HIDDEN_GOAL = (
    "coffee-pull", "hand-insert", "pick-out-of-hole", "pick-place", "pick-place-wall", "plate-slide-back",
    "plate-slide-back-side", "plate-slide-side", "push", "push-back", "push-wall", "reach", "reach-wall", "stick-pull",
    "stick-push",
)  # fmt: skip
"""The tasks whose goal differs from episode to episode, and of which no body in the scene tells where it is."""


def with_goal_shown(task: str) -> str:
    """The task as a policy can learn it: `push+goal` of a task with a hidden goal, any other's own name."""
    return f"{task}+goal" if task in HIDDEN_GOAL else task


def build(task: str) -> Task:
    """Builds `metaworld/<task>`; the simulator is only imported here."""
    from sdm_sim.metaworld.task import MetaWorldTask

    return MetaWorldTask(task)


def build_moving(task: str) -> Task:
    """Builds `metaworld/<task>+moving`."""
    from sdm_sim.metaworld.moving import MovingMetaWorldTask

    return MovingMetaWorldTask(task)


def build_marked(task: str) -> Task:
    """Builds `metaworld/<task>+goal`."""
    from sdm_sim.metaworld.goal_mark import MarkedMetaWorldTask

    return MarkedMetaWorldTask(task)


VARIANTS = {"moving": build_moving, "goal": build_marked}
