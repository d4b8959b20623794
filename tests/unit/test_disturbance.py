"""A disturbance leads a robot astray for a few steps now and then, the same way for the same seed."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from helpers.contracts import small_contract
from numpy.typing import NDArray
from sdm_core.contract import ActionEntry, Contract
from sdm_core.errors import TaskError
from sdm_sim.disturbance import Disturbance
from sdm_sim.franka.contract import franka_contract
from sdm_sim.metaworld.task import metaworld_contract
from sdm_sim.pusht.task import pusht_contract

# Longer than any disturbance of an episode's start, and shorter than most episodes.
STEPS = 60


def asked(contract: Contract) -> NDArray[np.float64]:
    """What the expert asks for in each step: no drawn direction is the same."""
    return np.linspace(-0.3, 0.7, contract.action_dim)


def commands(contract: Contract, seed: int, steps: int = STEPS) -> NDArray[np.float64]:
    """The commands [steps, A] of an episode in which the expert asks for the same all the time."""
    disturbance = Disturbance(contract)
    disturbance.reset(seed)
    return np.array([disturbance.apply(asked(contract)) for _ in range(steps)])


def astray(contract: Contract, given: NDArray[np.float64]) -> NDArray[np.bool_]:
    """In which steps the command is not what the expert asks for."""
    return (given != asked(contract)).any(1)


def durations(led_astray: NDArray[np.bool_]) -> list[tuple[bool, int]]:
    """Of each run of steps in turn whether the robot is led astray, and how long it lasts."""
    return [(bool(which), len(list(steps))) for which, steps in itertools.groupby(led_astray)]


def with_actions(*entries: tuple[str, float, float, float | None]) -> Contract:
    """A contract whose actions have these names, bounds and hold values."""
    contract = small_contract()
    changes: dict[str, Any] = {
        "entries": tuple(ActionEntry(name=name, unit="1", low=low, high=high) for name, low, high, _ in entries),
        "hold": tuple(hold for *_, hold in entries),
    }
    return contract.model_copy(update={"action": contract.action.model_copy(update=changes)})


def test_a_seed_repeats_its_disturbances_and_another_has_others(contract: Contract) -> None:
    first, again, other = (commands(contract, seed, 500) for seed in (3, 3, 4))
    assert astray(contract, first).any()
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_another_attempt_at_a_seed_has_other_disturbances(contract: Contract) -> None:
    disturbance, given = Disturbance(contract), set()
    for attempt in range(5):
        disturbance.reset(3, attempt)
        given.add(str([disturbance.apply(asked(contract)).tolist() for _ in range(500)]))
    assert len(given) == 5


def test_an_episode_is_disturbed_alike_after_another(contract: Contract) -> None:
    disturbance = Disturbance(contract)
    for seed in (7, 3):
        disturbance.reset(seed)
        given = np.array([disturbance.apply(asked(contract)) for _ in range(STEPS)])
    np.testing.assert_array_equal(given, commands(contract, 3))


def test_what_the_expert_asked_for_is_left_as_it_was(contract: Contract) -> None:
    disturbance = Disturbance(contract)
    disturbance.reset(3)
    steps = [(action, disturbance.apply(action)) for action in (asked(contract) for _ in range(STEPS))]
    assert any((given != action).any() for action, given in steps)
    for action, _ in steps:
        np.testing.assert_array_equal(action, asked(contract))


def test_a_disturbance_is_one_direction_as_long_as_the_reach_within_the_bounds() -> None:
    contract = with_actions(("dx", -0.5, 0.5, 0.0), ("dy", -0.5, 0.8, 0.0), ("dz", -0.9, 0.5, 0.0))
    given = commands(contract, 0, 2000)
    led_astray = astray(contract, given)
    np.testing.assert_allclose(np.linalg.norm(given[led_astray], axis=1), 0.5)
    assert np.abs(given[led_astray]).max() <= 0.5
    first, directions = 0, set()
    for which, length in durations(led_astray):
        run = given[first : first + length]
        np.testing.assert_array_equal(run, np.tile(run[0], (length, 1)))
        directions |= {tuple(run[0])} if which else set()
        first += length
    assert len(directions) == sum(which for which, _ in durations(led_astray)) > 10


def test_movements_of_unequal_reach_stay_each_within_its_own_bounds() -> None:
    contract = with_actions(("dx", -1, 1, 0.0), ("dy", -0.1, 0.2, 0.0))
    given = commands(contract, 0, 2000)
    movements = given[astray(contract, given)]
    np.testing.assert_allclose(np.linalg.norm(movements / [1, 0.1], axis=1), 1)


def test_directions_prefer_none(contract: Contract) -> None:
    starts = np.array([commands(contract, seed, 1)[0, :2] for seed in range(400)])
    drawn = starts[np.abs(np.linalg.norm(starts, axis=1) - 1) < 1e-9]
    assert len(drawn) > 300
    quadrants = np.unique(np.sign(drawn), axis=0, return_counts=True)[1]
    assert len(quadrants) == 4
    assert quadrants.min() > len(drawn) / 8


def test_at_an_episode_s_start_it_lasts_none_to_fifteen_steps(contract: Contract) -> None:
    first = [durations(astray(contract, commands(contract, seed, 20)))[0] for seed in range(400)]
    lasted = [length if which else 0 for which, length in first]
    assert set(lasted) == set(range(16))


def test_later_on_one_begins_in_one_step_of_fifty_and_lasts_four_to_twelve(contract: Contract) -> None:
    steps = 40_000
    led_astray = astray(contract, commands(contract, 0, steps))
    runs = durations(led_astray)[1:-1]
    lasted = [length for which, length in runs[1:] if which]
    assert set(lasted) == set(range(4, 13))
    assert len(lasted) / (steps - led_astray.sum()) == pytest.approx(0.02, abs=0.003)


def test_a_gripper_and_what_keeps_its_last_value_do_as_the_expert_asks() -> None:
    contract = with_actions(
        ("dx", -1, 1, 0.0), ("left.gripper", -1, 1, 0.0), ("finger1", -1, 1, None), ("dy", -1, 1, 0.0)
    )
    given = commands(contract, 0, 500)
    led_astray = astray(contract, given)
    assert led_astray.any()
    np.testing.assert_array_equal(given[:, 1:3], np.tile(asked(contract)[1:3], (500, 1)))
    assert (given[led_astray][:, [0, 3]] != asked(contract)[[0, 3]]).all()


def test_metaworld_s_hand_is_led_astray_in_space_and_holds_what_it_holds() -> None:
    contract = metaworld_contract("reach")
    given = commands(contract, 1, 1000)
    led_astray = astray(contract, given)
    assert led_astray.any()
    assert (given[led_astray][:, :3] != asked(contract)[:3]).all()
    np.testing.assert_array_equal(given[:, 3], asked(contract)[3])


@pytest.mark.parametrize(
    "contract",
    [
        pusht_contract(),
        franka_contract("franka/lift", 0.42, 64, 64),
        with_actions(("finger1", -1, 1, None), ("gripper", -1, 1, 0.0)),
    ],
    ids=["places to keep", "poses", "fingers alone"],
)
def test_where_no_action_is_a_movement_it_is_refused_in_one_line(contract: Contract) -> None:
    message = f"^{contract.task}: its actions are places, not movements; leave disturbed=… out$"
    with pytest.raises(TaskError, match=message):
        Disturbance(contract)
