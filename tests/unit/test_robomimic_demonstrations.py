"""Robomimic's demonstrations: what a file of that layout becomes, and that no other file is taken."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import DatasetError, TaskError
from sdm_sim.demonstrations import demonstrate
from sdm_sim.programs import demos
from sdm_sim.recorded_demonstrations import open_recorded

pytest.importorskip("h5py", reason="make robomimic installs it")
pytest.importorskip("robosuite", reason="make robomimic installs it")

import h5py  # pyright: ignore[reportMissingImports] (an extra)
from sdm_sim.robomimic.demonstrations import RobomimicDemonstrations
from sdm_sim.robomimic.task import RobomimicTask

NAME = "robomimic/lift"
LENGTHS = (5, 3, 4)
ENVIRONMENT = {
    "env_name": "Lift",
    "env_version": "1.5.1",
    "type": 1,
    "env_kwargs": {"controller_configs": {"type": "OSC_POSE", "control_delta": True}, "control_freq": 20},
}
LISTS = {"train": ["demo_0", "demo_10"], "better": ["demo_10", "demo_2"]}


@pytest.fixture(scope="module")
def task() -> Iterator[RobomimicTask]:
    task = RobomimicTask("lift")
    yield task
    task.close()


@pytest.fixture(scope="module")
def driven(task: RobomimicTask) -> dict[str, dict[str, np.ndarray]]:
    """Episodes pushed about at random, by the names that such a file has them under."""
    rng, found = np.random.default_rng(0), {}
    for seed, (name, length) in enumerate(zip(("demo_0", "demo_2", "demo_10"), LENGTHS, strict=True)):
        task.reset(seed)
        states, actions = [], rng.uniform(-1, 1, (length, 7))
        for action in actions:
            states.append(task.world.state)
            task.step(action)
        found[name] = {"states": np.array(states), "actions": actions}
    return found


def write(path: Path, demonstrations: dict[str, dict[str, np.ndarray]], environment: Any = None) -> Path:
    """A file of that layout, with what is not read beside the rest."""
    with h5py.File(path, "w") as root:
        data = root.create_group("data")
        data.attrs["env_args"] = json.dumps(environment or ENVIRONMENT)
        data.attrs["total"] = sum(len(rows["actions"]) for rows in demonstrations.values())
        for name, rows in demonstrations.items():
            group = data.create_group(name)
            group.attrs["num_samples"] = len(rows["actions"])
            group.attrs["model_file"] = "<mujoco/>"
            for key, values in rows.items():
                group[key] = values
            group["obs/robot0_eef_pos"] = np.zeros((len(rows["actions"]), 3))
            group["rewards"] = group["dones"] = np.zeros(len(rows["actions"]))
        for name, members in LISTS.items():
            root[f"mask/{name}"] = np.array(members, dtype="S8")
    return path


@pytest.fixture
def source(driven: dict, tmp_path: Path) -> Path:
    return write(tmp_path / "low_dim.hdf5", driven)


@pytest.fixture(autouse=True)
def one_task(task: RobomimicTask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is given the task of this module, whose world takes seconds to build."""
    monkeypatch.setattr(demos, "make_task", lambda name: task)
    monkeypatch.setattr(task, "close", lambda: None)


def convert(source: Path | str, output: Path, episodes: int | None = None, **options: Any) -> EpisodeStore:
    return demos.record(NAME, episodes, 0, 0, False, str(output), str(source), **options)


def test_actions_are_the_file_s_and_states_and_clouds_what_the_task_shows(
    source: Path, driven: dict, task: RobomimicTask, tmp_path: Path
) -> None:
    store = convert(source, tmp_path / "a.zarr", images=True, image_size=16)
    assert store.episode_ends.tolist() == np.cumsum(LENGTHS).tolist()
    np.testing.assert_allclose(
        store.read("action"), np.concatenate([rows["actions"] for rows in driven.values()]), rtol=1e-6
    )
    assert store.read("img").shape == (sum(LENGTHS), 16, 16, 3)
    task.reset(1)  # the episode in the middle, driven anew: the recorded states are those of its steps
    for row, action in enumerate(driven["demo_2"]["actions"], start=LENGTHS[0]):
        frame = task.observe(depth=False)
        np.testing.assert_allclose(store.read("state")[row], frame.values, atol=1e-6)
        task.step(action)
    clouds = store.read("point_cloud").reshape(sum(LENGTHS), -1)
    assert len(np.unique(clouds, axis=0)) > len(LENGTHS)


def test_provenance_names_file_and_demonstration(source: Path, tmp_path: Path) -> None:
    store = convert(source, tmp_path / "a.zarr", episodes=2)
    assert [entry["demonstration"] for entry in store.provenance] == ["demo_0", "demo_2"]
    assert {(entry["expert"], entry["source"], entry["seed"]) for entry in store.provenance} == {
        ("recorded", "low_dim.hdf5", 0),
        ("recorded", "low_dim.hdf5", 1),
    }
    assert len(convert(source, tmp_path / "a.zarr")) == 3


def test_a_list_of_the_file_is_taken_alone_in_the_order_of_numbers(source: Path, tmp_path: Path) -> None:
    store = convert(f"{source}:better", tmp_path / "a.zarr")
    assert [entry["demonstration"] for entry in store.provenance] == ["demo_2", "demo_10"]
    assert {entry["list"] for entry in store.provenance} == {"better"}
    with pytest.raises(DatasetError, match="has no list 'worse'; it has better, train"):
        convert(f"{source}:worse", tmp_path / "b.zarr")


def test_without_a_source_the_script_shows_the_task(task: RobomimicTask) -> None:
    assert open_recorded(task, None) is None
    assert demonstrate(task, 1) is not None


def changed(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict], dict]:
    return lambda rows: {**rows, name: change(rows[name])}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda rows: {"actions": rows["actions"]}, "it lacks a readable data/demo_"),
        (
            changed("states", lambda states: states[:, 1:]),
            r"demo_2/states has shape \(3, 31\) of .* not \[T,32\]",
        ),
        (changed("actions", lambda actions: actions[1:]), "demo_2 has 3 states and 2 actions"),
        (changed("actions", lambda actions: 2 * actions / np.abs(actions).max()), "demo_2 has actions beyond ±1"),
        (changed("actions", lambda actions: actions * np.nan), "demo_2 has values that are not finite"),
        (changed("states", lambda states: states.astype("S8")), "demo_2/states has shape"),
        (changed("states", lambda states: states[:0]), "demo_2/states has shape"),
    ],
)
def test_another_layout_is_refused_in_one_line(
    change: Callable[[dict], dict], reason: str, driven: dict, tmp_path: Path
) -> None:
    path = write(tmp_path / "other.hdf5", {"demo_2": change(driven["demo_2"])})
    with pytest.raises(DatasetError, match=reason) as caught:
        convert(path, tmp_path / "a.zarr")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({**ENVIRONMENT, "env_name": "PickPlaceCan"}, "demonstrations of PickPlaceCan, and robomimic/lift is Lift"),
        (
            {**ENVIRONMENT, "env_kwargs": {"controller_configs": {"control_delta": False}}},
            "its actions are absolute poses",
        ),
        (
            {
                **ENVIRONMENT,
                "env_kwargs": {"controller_configs": {"body_parts": {"right": {"input_type": "absolute"}}}},
            },
            "its actions are absolute poses",
        ),
        ({"type": 1}, "it lacks a readable"),
    ],
)
def test_another_environment_is_refused(environment: Any, reason: str, driven: dict, tmp_path: Path) -> None:
    path = write(tmp_path / "other.hdf5", driven, environment)
    with pytest.raises(DatasetError, match=reason):
        convert(path, tmp_path / "a.zarr")
    assert not (tmp_path / "a.zarr").exists()


def test_what_is_no_such_file_or_not_there_is_named(task: RobomimicTask, tmp_path: Path) -> None:
    (tmp_path / "text.hdf5").write_text("no archive")
    with pytest.raises(DatasetError, match=r"text\.hdf5: not robomimic/lift in Robomimic's layout"):
        RobomimicDemonstrations(tmp_path / "text.hdf5", task)
    with pytest.raises(DatasetError, match=r"none\.hdf5: no such file"):
        RobomimicDemonstrations(tmp_path / "none.hdf5", task)


def test_a_missing_package_is_named(task: RobomimicTask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdm_sim.optional_packages.find_spec", lambda name: None)
    with pytest.raises(TaskError, match=r"^robomimic/lift needs the package h5py: pip install h5py"):
        open_recorded(task, "a.hdf5")
