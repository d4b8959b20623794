"""Coloured clouds on the graph: direct and lockstep runs agree, and what is recorded is what a direct run shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import bridge, require_same_in_lockstep
from helpers.contracts import small_contract
from helpers.fake_robot import FakeRobot, colour_pixels, depth_image, state_values
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from helpers.toy_task import ToyTask
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.perception.point_cloud import CloudPipeline
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_sim.colour_contract import with_coloured_cloud, with_images
from sdm_sim.demonstrations import demonstrate
from sdm_sim.rollout import run_episode
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

EPISODE_NS = 1_000_000_000_000


@pytest.fixture(autouse=True)
def toy_world(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bridge's task is the toy."""
    monkeypatch.setattr("sdm_sim.bridge.bridge_node.make_task", lambda name: ToyTask())


LOCKSTEP = {"reliable_sensors": True, "pairing": "order"}


def toy_contract(images: bool = False, steps: int = 1) -> Contract:
    contract = with_coloured_cloud(ToyTask().contract)
    contract = with_images(contract, 6) if images else contract
    cloud = contract.observation.cloud
    assert cloud is not None
    observation = contract.observation.model_copy(update={"cloud": cloud.model_copy(update={"steps": steps})})
    return contract.model_copy(update={"observation": observation})


@pytest.mark.parametrize(("images", "steps"), [(False, 1), (False, 2), (True, 1)])
def test_lockstep_gives_the_actions_of_a_direct_run(images: bool, steps: int, tmp_path: Path) -> None:
    contract = toy_contract(images, steps)
    policy = LinearPolicy(contract, seed=2, gain=3.0, noise_gain=0.5)
    colour_weights = policy.cloud_weights.reshape(steps, 32, 6, -1)[:, :, 3:]
    colour_weights *= 5.0  # what is seen matters, and its colour most
    checkpoint = policy.write(tmp_path / "policy").path
    expected = run_episode(ToyTask(), PolicyRuntime(checkpoint), 1)
    assert expected.refused == 0
    colour_weights *= 0.0
    colourless = run_episode(ToyTask(), PolicyRuntime(policy.write(tmp_path / "colourless")), 1)
    common = min(len(expected.actions), len(colourless.actions))
    assert np.abs(expected.actions[:common] - colourless.actions[:common]).max() > 0.05
    require_same_in_lockstep(tmp_path, checkpoint, expected)


def test_what_is_recorded_on_the_graph_is_what_a_demonstration_shows_without_it(tmp_path: Path) -> None:
    contract, output = toy_contract(), tmp_path / "graph.zarr"
    contract.save(tmp_path / "contract.yaml")
    with graph(tmp_path, use_sim_time=True) as world:
        world.start("recorder_node", checkpoint=tmp_path / "contract.yaml", output=output, **LOCKSTEP)
        parameters = {"mode": "expert", "episodes": 1, "seed0": 3, "record": True}
        with bridge(world, task="test/toy", checkpoint=tmp_path / "contract.yaml", **parameters) as node:
            (outcome,) = node.run()
            assert outcome.success, world.outputs()
    shown, recorded = demonstrate(ToyTask(), 3, contract=contract), EpisodeStore.view(output)
    assert shown is not None
    assert recorded.contract == contract
    for name, values in shown.arrays().items():
        np.testing.assert_array_equal(recorded.read(name), values, err_msg=name)


@pytest.mark.parametrize("colour_first", [False, True])
def test_a_recorded_episode_keeps_the_colours_of_each_frame(colour_first: bool, tmp_path: Path) -> None:
    contract, output = small_contract(cloud={"channels": 6}), tmp_path / "demos.zarr"
    contract.save(tmp_path / "contract.yaml")
    with graph(tmp_path) as world:
        world.start("recorder_node", checkpoint=tmp_path / "contract.yaml", output=output, **LOCKSTEP)
        robot = FakeRobot(world, contract)
        operator = world.node.create_publisher(Float64MultiArray, "native_command", 100)
        aligned = "camera/camera/aligned_depth_to_color"
        topics = [f"{aligned}/image_raw", f"{aligned}/camera_info", "camera/camera/color/image_raw", "joint_states"]
        assert world.spin_until(
            lambda: (
                all(world.node.count_subscribers(topic) == 1 for topic in topics)
                and operator.get_subscription_count() == 2  # the test listens too
            )
        ), world.outputs()
        assert world.call(Trigger, "recorder_node/start").success
        for step in range(5):
            stamp = EPISODE_NS + step * contract.dt_ns
            robot.tell_state(stamp, state_values(step, contract))
            robot.tell_info(stamp)
            if colour_first:
                robot.tell_colour(stamp, colour_pixels(step, contract))
            robot.tell_image(stamp, depth_image(step, contract))
            if not colour_first:
                world.spin_for(0.05)
                robot.tell_colour(stamp, colour_pixels(step, contract))
            world.spin_for(0.02)
            operator.publish(Float64MultiArray(data=[0.1 * step, 0.0, 1.0]))
        world.spin_for(0.3)
        response = world.call(Trigger, "recorder_node/keep")
        assert response.success, response.message
        assert contract.observation.cloud is not None
        clouds, camera = CloudPipeline(contract.observation.cloud), (robot.intrinsics, robot.extrinsics)
    store = EpisodeStore.view(output)
    expected = [
        clouds.from_depth(depth_image(step, contract), "16UC1", *camera, colour_pixels(step, contract))
        for step in range(5)
    ]
    np.testing.assert_array_equal(store.read("point_cloud"), expected)
