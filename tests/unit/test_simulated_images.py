"""Colour images in simulation: what demonstrations store is what a direct rollout shows its policy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.linear_policy import LinearPolicy
from helpers.noise import episode_noise
from helpers.toy_task import ToyTask
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import ContractError, DatasetError, TaskError
from sdm_core.perception.images import resize_crop
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.colour_contract import with_images
from sdm_sim.demonstrations import demonstrate
from sdm_sim.picture import Picture
from sdm_sim.programs import demos
from sdm_sim.registry import make_task
from sdm_sim.rollout import run_episode


def toy_contract(steps: int = 1, with_cloud: bool = True) -> Contract:
    """The toy task with images 8×6; of as many steps as a network would ask for."""
    contract = with_images(ToyTask().contract, 6)
    observation = contract.observation
    (image,) = observation.images
    update: dict[str, object] = {"images": (image.model_copy(update={"steps": steps}),)}
    if not with_cloud:
        (camera,) = observation.cameras
        update |= {"cloud": None, "cameras": (camera.model_copy(update={"depth_encoding": None}),)}
    return contract.model_copy(update={"observation": observation.model_copy(update=update)})


def test_the_contract_with_images_names_every_camera_s_colour_in_proportion() -> None:
    contract = with_images(ToyTask().contract, 6)
    (image,) = contract.observation.images
    assert (image.camera, image.size, image.crop) == ("camera", (8, 6), None)
    assert contract.observation.cameras[0].colour_encoding == "rgb8"
    assert contract.observation.cloud == ToyTask().contract.observation.cloud


def test_a_demonstration_stores_the_images_of_its_steps_beside_the_same_clouds() -> None:
    task = ToyTask()
    plain, shown = demonstrate(task, 3), demonstrate(task, 3, contract=toy_contract())
    assert plain is not None
    assert shown is not None
    assert plain.point_cloud is not None
    assert shown.point_cloud is not None
    assert shown.point_cloud.tobytes() == plain.point_cloud.tobytes()
    assert shown.state.tobytes() == plain.state.tobytes()
    assert plain.extra.keys() == set()
    task.reset(3)
    for row, action in enumerate(shown.action):
        image = resize_crop(task.observe(images=True).images["camera"], (8, 6))
        np.testing.assert_array_equal(shown.extra["img"][row], image)
        task.step(action.astype(np.float64))


def by_hand(task: ToyTask, policy: LinearPolicy, seed: int, steps: int) -> NDArray[np.float64]:
    """The commands of an episode of images alone: every two steps a chunk, from the images of the last `steps` ones."""
    task.reset(seed)
    commands: list[NDArray[np.float64]] = []
    states: list[list[float]] = []
    images: list[NDArray[np.uint8]] = []
    chunk = np.zeros(0)
    while len(commands) < task.step_limit and not task.succeeded:
        frame = task.observe(images=True)
        named = dict(zip(frame.names, frame.values.tolist(), strict=True))
        states.append([named[name] for name in ("hand.x", "hand.y", "hand.z", "gap")])
        images.append(resize_crop(frame.images["camera"], (8, 6)))
        if len(commands) % 2 == 0:
            noise = episode_noise(seed, len(commands) // 2, (1, 4, 3))[0]
            state = np.array([states[max(0, len(states) - 2)], states[-1]], np.float32)
            seen = np.stack([images[max(0, len(images) - 1 - back)] for back in reversed(range(steps))])
            chunk = policy.action(None, state, noise, {"camera": seen})
        commands.append(np.clip(chunk[len(commands) % 2], -1, 1))
        task.step(commands[-1])
    return np.array(commands)


@pytest.mark.parametrize("steps", [1, 2])
def test_an_episode_of_images_is_what_it_is_by_hand(steps: int, tmp_path: Path) -> None:
    policy = LinearPolicy(toy_contract(steps, with_cloud=False), gain=3.0, noise_gain=0.8)
    result = run_episode(ToyTask(), PolicyRuntime(policy.write(tmp_path / "policy")), 1)
    expected = by_hand(ToyTask(), policy, 1, steps)
    assert result.refused == 0
    np.testing.assert_allclose(result.actions, expected, atol=1e-4)


def test_depth_is_not_rendered_for_a_policy_of_images_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, asked = ToyTask(), []
    observe = task.observe

    def noted(depth: bool = True, images: bool = False):
        asked.append((depth, images))
        return observe(depth, images)

    monkeypatch.setattr(task, "observe", noted)
    policy = LinearPolicy(toy_contract(with_cloud=False), gain=0.0)
    run_episode(task, PolicyRuntime(policy.write(tmp_path / "policy")), 0)
    assert set(asked) == {(False, True), (False, False)}


def test_a_policy_of_another_camera_is_refused(tmp_path: Path) -> None:
    task = ToyTask()
    policy = LinearPolicy(toy_contract(), gain=0.0)
    (camera,) = task.contract.observation.cameras
    wider = task.contract.observation.model_copy(update={"cameras": (camera.model_copy(update={"width": 20}),)})
    task.contract = task.contract.model_copy(update={"observation": wider})
    with pytest.raises(ContractError, match="made for other cameras"):
        run_episode(task, PolicyRuntime(policy.write(tmp_path / "policy")), 0)


def test_images_are_recorded_where_they_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demos, "make_task", lambda name: ToyTask())
    path = str(tmp_path / "toy.zarr")
    store = demos.record("test/toy", 2, 0, 3, False, path, images=True, image_size=6)
    assert store.read("img").shape == (store.episode_ends[-1], 6, 8, 3)
    assert EpisodeStore.view(path).contract == with_images(ToyTask().contract, 6)
    with pytest.raises(DatasetError, match="recorded under another contract"):
        demos.record("test/toy", 3, 0, 3, False, path)


@pytest.mark.parametrize("name", ["metaworld/reach", "fork/reach", "pusht/push-t"])
def test_every_family_of_tasks_shows_the_colour_of_its_depth_camera(name: str) -> None:
    task = make_task(name)
    task.reset(0)
    try:
        frame, again = task.observe(images=True), task.observe(images=True)
        assert frame.depth is not None
        image = frame.images["camera"]
        assert (image.shape, image.dtype) == ((*frame.depth.shape, 3), np.uint8)
        assert image.std() > 5
        np.testing.assert_array_equal(image, again.images["camera"])
        assert task.observe().images == {}
    finally:
        task.close()


def test_a_policy_is_not_shown_the_goal_that_people_see() -> None:
    task = make_task("metaworld/reach")
    task.reset(0)
    try:
        shown = task.observe(images=True).images["camera"].astype(int)
        people = task.render(128, 128)[::-1, ::-1].astype(int)  # upright for them
        different = (np.abs(shown - people).max(-1) > 40).mean()
        assert 0 < different < 0.05
    finally:
        task.close()


def test_colour_without_gl_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import mujoco

    model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><camera name='a'/></worldbody></mujoco>")  # type: ignore[attr-defined]
    monkeypatch.setenv("MUJOCO_GL", "disable")
    with pytest.raises(TaskError, match="need GL: install libegl1 and libgl1; depth works without"):
        Picture(model, "a", hide_sites=True).render(None, 8, 8)  # type: ignore[arg-type]


def test_gl_that_gives_no_context_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import mujoco

    def no_context(*args: object) -> None:
        raise RuntimeError("no EGL device")

    model = mujoco.MjModel.from_xml_string("<mujoco><worldbody><camera name='a'/></worldbody></mujoco>")  # type: ignore[attr-defined]
    monkeypatch.setattr("sdm_sim.picture.rendering_available", lambda: True)
    monkeypatch.setattr(mujoco, "Renderer", no_context)
    with pytest.raises(TaskError, match="no context for pictures here: no EGL device; depth works without"):
        Picture(model, "a").render(None, 8, 8)  # type: ignore[arg-type]
