"""Adroit: DP3's states, rates and success on gymnasium-robotics' hand, with experts that are read or plan."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sdm_core.errors import TaskError
from sdm_sim import optional_packages
from sdm_sim.adroit import hand_policy
from sdm_sim.adroit.hand_policy import FOLDER, PLANNER, HandPolicy, policy_file
from sdm_sim.adroit.task import AdroitTask
from sdm_sim.adroit_hand import HAND_JOINTS
from sdm_sim.demonstrations import demonstrate
from sdm_sim.programs import demos
from sdm_sim.registry import make_task

PUBLISHED = Path(__file__).parents[3] / "shared/data/adroit_experts"
published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"{PUBLISHED} has no policies of hand_dapg")
ACTIONS = {"door": 28, "hammer": 26, "pen": 24, "relocate": 30}
# Success of the published policies over 50 episodes with each action held two steps, as the facts have it.
PUBLISHED_RATES = {"door": 1.0, "hammer": 1.0, "pen": 0.88, "relocate": 1.0}
SHARE = 0.95


@pytest.fixture
def task_of() -> Iterator[Callable[[str], AdroitTask]]:
    """Builds tasks, and closes them."""
    built: list[AdroitTask] = []

    def build(name: str) -> AdroitTask:
        built.append(AdroitTask(name))
        return built[-1]

    yield build
    for task in built:
        task.close()


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, PLANNER)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(PUBLISHED))


@pytest.mark.parametrize("name", ACTIONS)
def test_the_contract_has_the_hand_s_actions_at_50_hz(name: str, task_of: Callable, planned) -> None:
    contract = task_of(name).contract
    assert contract.action_dim == ACTIONS[name]
    assert contract.action.kind == "native"
    assert {(entry.low, entry.high) for entry in contract.action.entries} == {(-1.0, 1.0)}
    assert contract.state_dim == HAND_JOINTS + (6 if name == "relocate" else 3)
    assert contract.rates.control_hz == 50.0


@pytest.mark.parametrize(
    ("name", "joints"),
    [("door", slice(4, -2)), ("hammer", slice(2, -7)), ("pen", slice(0, -6)), ("relocate", slice(6, -6))],
)
def test_the_state_is_the_hand_s_joints_and_where_the_palm_is(
    name: str, joints: slice, task_of: Callable, planned
) -> None:
    task = task_of(name)
    task.reset(2)
    for _ in range(3):
        task.step(np.full(ACTIONS[name], 0.3))
    frame = task.observe(depth=False)
    np.testing.assert_array_equal(frame.values[:HAND_JOINTS], task._data.qpos[joints])
    assert frame.names[:2] == ("WRJ1", "WRJ0")
    assert frame.names[HAND_JOINTS - 1] == "THJ0"
    np.testing.assert_array_equal(frame.values[HAND_JOINTS : HAND_JOINTS + 3], task._data.site("S_grasp").xpos)
    addresses = [task._model.joint(name).qposadr[0] for name in frame.names[:HAND_JOINTS]]
    assert addresses == list(range(len(task._data.qpos)))[joints]


def test_an_action_is_held_for_two_steps_of_the_environment(task_of: Callable, planned) -> None:
    task = task_of("door")
    before = task._data.time
    task.step(np.zeros(28))
    assert task._data.time - before == pytest.approx(task.contract.dt)


def test_success_is_the_goal_state_at_the_last_step_and_the_score_tells_whether_it_ever_was(
    task_of: Callable, planned
) -> None:
    task = task_of("door")
    task.reset(0)

    def swing(angle: float) -> None:
        task._data.qpos[-2], task._data.qvel[:] = angle, 0.0
        task.step(np.zeros(28))

    swing(1.5)
    assert (task.succeeded, task.score, task.decided) == (True, 1.0, False)
    swing(0.5)
    assert (task.succeeded, task.score, task.success_steps) == (False, 1.0, 1)


@pytest.mark.parametrize(("name", "site"), [("relocate", "target"), ("hammer", "nail_goal"), ("pen", "eps_ball")])
def test_goal_sites_are_hidden_from_the_policy_s_camera(name: str, site: str, task_of: Callable, planned) -> None:
    task = task_of(name)
    task.reset(1)
    before = task.observe(images=True)
    task._data.site(site).xpos[:] = task._data.site("S_grasp").xpos + np.array([0.0, 0.0, 0.1])
    after = task.observe(images=True)
    np.testing.assert_array_equal(before.depth, after.depth)
    np.testing.assert_array_equal(before.images["camera"], after.images["camera"])


def test_relocate_names_its_target_which_no_camera_sees(task_of: Callable, planned) -> None:
    task = task_of("relocate")
    task.reset(4)
    frame = task.observe(depth=False)
    assert frame.names[-3:] == ("target.x", "target.y", "target.z")
    np.testing.assert_array_equal(frame.values[-3:], task._data.site("target").xpos)


@published
@pytest.mark.parametrize("name", ["door", "hammer", "relocate"])
def test_the_published_policy_solves_an_episode_that_is_kept_to_its_end(name: str, task_of: Callable, read) -> None:
    task = task_of(name)
    assert task.expert_kind == "network"
    episode = demonstrate(task, 3)
    assert episode is not None
    assert len(episode.action) == task.step_limit
    assert np.abs(episode.action).max() <= 1.0


@published
def test_a_demonstration_carries_what_kind_of_expert_showed_it(tmp_path: Path, read) -> None:
    store = demos.record("adroit/pen", 1, 0, 5, False, str(tmp_path / "pen.zarr"))
    assert store.provenance[0]["expert"] == "network"


@published
@pytest.mark.slow
@pytest.mark.parametrize("name", ACTIONS)
def test_published_policies_reach_their_rates_over_50_episodes(name: str, task_of: Callable, read) -> None:
    task = task_of(name)
    successes = 0
    for seed in range(50):
        task.reset(seed)
        for _ in range(task.step_limit):
            task.step(task.expert())
        successes += task.succeeded
    assert successes >= SHARE * 50 * PUBLISHED_RATES[name]


def plan(task: AdroitTask, seed: int, steps: int) -> NDArray[np.float64]:
    task.reset(seed)
    actions = []
    for _ in range(steps):
        actions.append(task.expert())
        task.step(actions[-1])
    return np.array(actions)


def test_the_planner_repeats_itself_bit_for_bit(task_of: Callable, planned) -> None:
    task = task_of("pen")
    assert task.expert_kind == "planner"
    first, other = plan(task, 5, 2), plan(task, 6, 2)
    assert first.tobytes() == plan(task_of("pen"), 5, 2).tobytes()
    assert first.tobytes() != other.tobytes()
    assert np.abs(first).max() <= 1.0


def test_planning_leaves_the_world_as_it_is_and_answers_twice_alike(task_of: Callable, planned) -> None:
    task = task_of("pen")
    task.reset(0)
    before = task._data.qpos.copy(), task._data.qvel.copy(), task._data.time
    first = task.expert()
    assert first.tobytes() == task.expert().tobytes()
    assert (task._data.qpos == before[0]).all()
    assert (task._data.qvel == before[1]).all()
    assert task._data.time == before[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["door", "hammer", "relocate"])
def test_the_planner_solves_what_it_is_said_to_solve(name: str, task_of: Callable, planned) -> None:
    assert demonstrate(task_of(name), 0) is not None


def test_a_missing_package_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional_packages, "find_spec", lambda name: None)
    with pytest.raises(
        TaskError, match=r"^adroit/door needs the package gymnasium-robotics: pip install gymnasium-robot"
    ):
        make_task("adroit/door")


def test_a_folder_without_the_policy_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(TaskError, match=r"holds no door\.npz or door-v0\.pickle; SDM_ADROIT_EXPERTS=planner"):
        policy_file("door")


def test_policies_are_found_beside_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    monkeypatch.chdir(tmp_path)
    assert policy_file("door") is None
    (tmp_path / "data/adroit_experts").mkdir(parents=True)
    (tmp_path / "data/adroit_experts/door.npz").touch()
    assert policy_file("door") == hand_policy._BESIDE[0] / "door.npz"


class FCNetwork(torch.nn.Module):
    """With the members of the class of that name that hand_dapg pickles."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.fc_layers = torch.nn.ModuleList(torch.nn.Linear(*sizes) for sizes in ((5, 4), (4, 4), (4, 3)))
        self.in_shift, self.in_scale = torch.rand(2, 5, generator=generator)
        self.out_shift, self.out_scale = torch.rand(2, 3, generator=generator)

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        hidden = (observation - self.in_shift) / (self.in_scale + 1e-8)
        for layer in self.fc_layers[:-1]:
            hidden = torch.tanh(layer(hidden))
        return self.fc_layers[-1](hidden) * self.out_scale + self.out_shift


class MLP:
    """Likewise."""

    def __init__(self, model: FCNetwork) -> None:
        self.n, self.m, self.min_log_std = 5, 3, -3
        self.model = model


def test_a_pickled_policy_acts_as_its_network_did(tmp_path: Path) -> None:
    network = FCNetwork()
    path = tmp_path / "door-v0.pickle"
    path.write_bytes(pickle.dumps(MLP(network), protocol=3))
    observation = np.linspace(-1.0, 1.0, 5)
    expected = network(torch.tensor(observation, dtype=torch.float32)).detach().numpy()
    np.testing.assert_allclose(HandPolicy(path).action(observation), expected, rtol=1e-5, atol=1e-6)


def test_arrays_that_lack_a_layer_are_no_policy(tmp_path: Path) -> None:
    path = tmp_path / "door.npz"
    vector, matrix = np.ones(2), np.eye(2)
    layers = {"W0": matrix, "b0": vector, "W1": matrix}
    np.savez(path, in_shift=vector, in_scale=vector, out_shift=vector, out_scale=vector, **layers)
    with pytest.raises(TaskError, match=r"door\.npz: no policy of hand_dapg"):
        HandPolicy(path)


@pytest.mark.parametrize("name", ["door.npz", "door-v0.pickle"])
@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 no archive", b"words", b"\x80\x03t.", b"\x80\x03cos\nsystem\nX\x02\x00\x00\x00ls\x85R."],
)
def test_a_file_that_holds_no_policy_is_refused_in_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TaskError, match=rf"{name}: no policy of hand_dapg") as caught:
        HandPolicy(path)
    assert "\n" not in str(caught.value)
