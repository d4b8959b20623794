"""Policies of images on the graph: direct and lockstep runs agree, bad images are refused, episodes keep them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers.bridge import require_same_in_lockstep
from helpers.contracts import image_contract
from helpers.fake_robot import FakeRobot, depth_image, state_values, time_message
from helpers.graph import Graph, graph
from helpers.linear_policy import LinearPolicy
from helpers.noise import episode_noise
from helpers.toy_task import ToyTask
from numpy.typing import NDArray
from sdm_core.contract import Contract
from sdm_core.datasets.dataset import EpisodeStore
from sdm_core.errors import ObservationError
from sdm_core.perception.images import ImagePipeline
from sdm_core.runtime.policy_runtime import PolicyRuntime
from sdm_core.stream_guard import RESTART_NS
from sdm_interfaces.msg import PolicyTrace
from sdm_interfaces.srv import StartEpisode
from sdm_policy_node.sources.colour_images import ColourImages
from sdm_policy_node.sources.observation_source import StreamSettings
from sdm_sim.colour_contract import with_images
from sdm_sim.rollout import run_episode
from sensor_msgs.msg import Image
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import Trigger

EPISODE_NS = 1_000_000_000_000
FAST_NS = 16_700_000
"""Between two images of a 60 fps camera."""
CAMERAS = ("front", "wrist")


def toy_contract(steps: int, with_cloud: bool) -> Contract:
    """The toy task's contract as a network of images, or of images and clouds, narrows it."""
    observation = with_images(ToyTask().contract, 6).observation
    (image,), (camera,) = observation.images, observation.cameras
    update: dict[str, object] = {"images": (image.model_copy(update={"steps": steps}),)}
    if not with_cloud:
        update |= {"cloud": None, "cameras": (camera.model_copy(update={"depth_encoding": None}),)}
    return ToyTask().contract.model_copy(update={"observation": observation.model_copy(update=update)})


@pytest.mark.parametrize(("steps", "with_cloud"), [(1, False), (2, False), (1, True)])
def test_lockstep_gives_the_actions_of_a_direct_run(
    steps: int, with_cloud: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdm_sim.bridge.bridge_node.make_task", lambda name: ToyTask())
    contract = toy_contract(steps, with_cloud)
    checkpoint = LinearPolicy(contract, seed=2, gain=3.0, noise_gain=0.5).write(tmp_path / "policy").path
    expected = run_episode(ToyTask(), PolicyRuntime(checkpoint), 1)
    assert expected.refused == 0
    assert np.ptp(expected.actions, axis=0).max() > 0.2  # what is seen matters
    require_same_in_lockstep(tmp_path, checkpoint, expected)


# -- live cameras --------------------------------------------------------------------------------------------------


def pixels(step: int, camera: str) -> NDArray[np.uint8]:
    """An image seeded by step and camera."""
    rng = np.random.default_rng([step, CAMERAS.index(camera)])
    return rng.integers(0, 256, (12, 16, 3)).astype(np.uint8)


class Cameras:
    """Publishes the colour of two cameras."""

    def __init__(self, world: Graph) -> None:
        self._publishers = {
            camera: world.node.create_publisher(Image, f"camera/{camera}/color/image_raw", 10) for camera in CAMERAS
        }

    def heard(self) -> bool:
        return all(publisher.get_subscription_count() for publisher in self._publishers.values())

    def tell(self, stamp_ns: int, camera: str, image: NDArray[np.uint8], encoding: str = "rgb8", cut: int = 0) -> None:
        height, width, channels = image.shape
        data = array("B", image.tobytes()[: image.size - cut])
        message = Image(height=height, width=width, encoding=encoding, step=channels * width, data=data)
        message.header.stamp = time_message(stamp_ns)
        self._publishers[camera].publish(message)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Graph]:
    with graph(tmp_path, use_sim_time=True) as made:
        yield made


def expected_images(contract: Contract, step: int) -> dict[str, NDArray[np.uint8]]:
    return {
        spec.camera: ImagePipeline(contract, spec).image(pixels(step, spec.camera))
        for spec in contract.observation.images
    }


def test_the_policy_node_refuses_what_is_not_its_cameras_and_answers_what_is(world: Graph, tmp_path: Path) -> None:
    """One process sees every bad image in turn, and then still answers good ones, in either order of channels."""
    contract = image_contract(cameras=CAMERAS)
    policy = LinearPolicy(contract, gain=1.0)
    folder = policy.write(tmp_path / "policy").path
    settings = {"command": "inline", "reliable_sensors": True, "startup_wait_s": 0.0, "state_timeout_s": 0.3}
    world.start("policy_node", checkpoint=folder, backend="onnxruntime", **settings)
    robot, cameras = FakeRobot(world, contract), Cameras(world)
    assert world.spin_until(cameras.heard), world.outputs()
    assert world.spin_until(lambda: world.node.count_publishers("policy_node/trace") > 0)
    assert world.call(StartEpisode, "policy_node/start_episode", StartEpisode.Request(seed=7)).success

    def answer(step: int, *told: tuple) -> PolicyTrace:
        stamp = EPISODE_NS + 2 * step * contract.dt_ns
        robot.tell_time(stamp)
        robot.tell_state(stamp - contract.dt_ns, state_values(step, contract))
        robot.tell_state(stamp, state_values(step, contract))
        for camera, image, *more in told:
            cameras.tell(stamp, camera, image, *more)
        return robot.trace_of(stamp)

    front, wrist = ("front", pixels(0, "front")), ("wrist", pixels(0, "wrist"))
    bad = {
        "has 15×12 pixels, the contract 16×12": (wrist, ("front", np.ascontiguousarray(front[1][:, 1:]))),
        "colour encoding 'mono8' of 'camera/front/color/image_raw'": (wrist, (*front, "mono8")),
        "the message is malformed": (wrist, (*front, "rgb8", 5)),
        "'camera/wrist/color/image_raw' within 50.0 ms of the observation; the newest lies 200.0 ms before": (front,),
    }
    for step, (named, told) in enumerate(bad.items()):
        assert named in answer(step, *told).refusal
    assert not robot.commands
    for step, encoding in ((5, "rgb8"), (6, "bgr8")):
        told = [(camera, np.ascontiguousarray(pixels(step, camera)[..., :: 1 if encoding == "rgb8" else -1]), encoding)
                for camera in CAMERAS]  # fmt: skip
        trace = answer(step, *told)
        assert (trace.refusal, trace.commands) == ("", 2)
        sequence = step - 5
        assert world.spin_until(lambda count=2 * (sequence + 1): len(robot.commands) == count)
        noise = episode_noise(7, sequence, policy.action_shape)[0]
        states = np.stack([state_values(step, contract)] * 2)
        images = {camera: image[None] for camera, image in expected_images(contract, step).items()}
        chunk = np.clip(policy.action(None, states, noise, images), -1, 1)
        np.testing.assert_allclose(robot.commands[-2:], chunk[:2], atol=1e-5)


def test_a_live_camera_that_is_not_the_contract_s_is_named_before_anything_acts(world: Graph) -> None:
    contract = image_contract(cameras=CAMERAS)
    live, cameras = ColourImages(world.node, CAMERAS, StreamSettings(reliable=True)), Cameras(world)
    assert world.spin_until(cameras.heard)
    assert live.differences(contract) == []
    cameras.tell(EPISODE_NS, "front", np.zeros((12, 20, 3), np.uint8))
    cameras.tell(EPISODE_NS, "wrist", np.zeros((12, 16, 3), np.uint8), "yuv422")
    assert world.spin_until(lambda: len(live.differences(contract)) == 2)
    assert live.differences(contract) == [
        "'camera/front/color/image_raw' is 20×12, the contract 16×12; set the camera's colour profile",
        "colour encoding of 'camera/wrist/color/image_raw' is 'yuv422', rgb8 or bgr8 expected",
    ]


def live_cameras(world: Graph) -> tuple[ColourImages, Cameras, Contract]:
    """Two cameras that are listened to in the test's process, at 20 Hz: half a period is more than one of 60 fps."""
    contract = image_contract(cameras=CAMERAS, control_hz=20.0)
    live, cameras = ColourImages(world.node, CAMERAS, StreamSettings(reliable=True)), Cameras(world)
    live.configure(contract, max_skew_ns=contract.dt_ns // 2)
    assert world.spin_until(cameras.heard)
    return live, cameras, contract


@pytest.mark.parametrize("wrist_offset_ns", [-1_000_000, 0, 3_000_000])
def test_an_earlier_neighbour_that_arrives_first_is_not_taken_for_a_frame_s_own(
    wrist_offset_ns: int, world: Graph
) -> None:
    live, cameras, contract = live_cameras(world)
    earlier = EPISODE_NS - FAST_NS
    for camera in CAMERAS:
        cameras.tell(earlier, camera, pixels(0, camera))
    assert world.spin_until(lambda: live.ready(earlier))
    assert not live.ready(EPISODE_NS)
    np.testing.assert_equal(live.images(EPISODE_NS), expected_images(contract, 0))  # for who can wait no longer
    cameras.tell(EPISODE_NS, "front", pixels(1, "front"))
    front = expected_images(contract, 1)["front"]
    assert world.spin_until(lambda: np.array_equal(live.images(EPISODE_NS)["front"], front))
    assert not live.ready(EPISODE_NS)  # the other camera's is still on its way
    cameras.tell(EPISODE_NS + wrist_offset_ns, "wrist", pixels(1, "wrist"))
    assert world.spin_until(lambda: live.ready(EPISODE_NS))
    np.testing.assert_equal(live.images(EPISODE_NS), expected_images(contract, 1))


def test_images_are_kept_as_long_as_an_observation_may_be_old_however_fast_they_come(world: Graph) -> None:
    live, cameras, contract = live_cameras(world)
    stamps = [EPISODE_NS + step * FAST_NS for step in range(20)]
    for step, stamp in enumerate(stamps):
        for camera in CAMERAS:
            cameras.tell(stamp, camera, pixels(step, camera))
        assert world.spin_until(lambda stamp=stamp: live.ready(stamp))
    oldest = len(stamps) - 1 - 200_000_000 // FAST_NS
    np.testing.assert_equal(live.images(stamps[oldest]), expected_images(contract, oldest))
    with pytest.raises(ObservationError, match=r"the oldest of the 225 ms kept lies \d+\.\d ms after it.* too slow"):
        live.images(stamps[0])


def test_stamps_that_begin_again_forget_what_was_seen_before(world: Graph) -> None:
    """As those of a simulation that is started anew do."""
    live, cameras, contract = live_cameras(world)

    def shown(stamp_ns: int, step: int) -> bool:
        try:
            seen, expected = live.images(stamp_ns), expected_images(contract, step)
        except ObservationError:
            return False
        return all(np.array_equal(seen[camera], expected[camera]) for camera in CAMERAS)

    later = EPISODE_NS + 2 * RESTART_NS
    for stamp, step in ((EPISODE_NS, 0), (later, 1)):
        for camera in CAMERAS:
            cameras.tell(stamp, camera, pixels(step, camera))
        assert world.spin_until(lambda stamp=stamp: live.ready(stamp))
        assert shown(stamp, step)
    for camera in CAMERAS:
        cameras.tell(EPISODE_NS, camera, pixels(2, camera))
    assert world.spin_until(lambda: not live.ready(later))
    assert world.spin_until(lambda: shown(EPISODE_NS, 2))


def test_a_camera_that_is_silent_and_one_that_is_too_slow_are_told_apart(world: Graph) -> None:
    live, cameras, _ = live_cameras(world)
    with pytest.raises(ObservationError, match=r"'camera/front/color/image_raw' within 25\.0 ms .*none has come"):
        live.images(EPISODE_NS)
    for offset_ns in (-40_000_000, 40_000_000):
        for camera in CAMERAS:
            cameras.tell(EPISODE_NS + offset_ns, camera, pixels(0, camera))
    assert world.spin_until(lambda: live.ready(EPISODE_NS))
    with pytest.raises(ObservationError, match="older and newer ones came; raise the camera's rate"):
        live.images(EPISODE_NS)


@pytest.mark.parametrize("with_cloud", [False, True])
def test_a_recorded_episode_keeps_every_camera_s_images(with_cloud: bool, world: Graph, tmp_path: Path) -> None:
    contract = image_contract(cameras=CAMERAS, with_cloud=with_cloud)
    contract.save(tmp_path / "contract.yaml")
    output = tmp_path / "demos.zarr"
    world.start(
        "recorder_node", checkpoint=tmp_path / "contract.yaml", output=output, reliable_sensors=True, pairing="order"
    )
    robot, cameras = FakeRobot(world, contract), Cameras(world)
    operator = world.node.create_publisher(Float64MultiArray, "native_command", 100)
    assert world.spin_until(
        lambda: (
            cameras.heard()
            and operator.get_subscription_count() == 2  # the test listens too
            and world.node.count_subscribers("joint_states") == 1
            and world.node.count_subscribers("camera/front/depth/image_rect_raw") == int(with_cloud)
            and world.node.count_subscribers("camera/front/depth/camera_info") == int(with_cloud)
        )
    ), world.outputs()
    assert world.call(Trigger, "recorder_node/start").success
    for step in range(5):
        stamp = EPISODE_NS + step * contract.dt_ns
        robot.tell_state(stamp, state_values(step, contract))
        if with_cloud:
            robot.tell_info(stamp)
            robot.tell_image(stamp, depth_image(step, contract))
        for camera in CAMERAS[:: 1 if step % 2 else -1]:  # in either order
            cameras.tell(stamp, camera, pixels(step, camera))
        world.spin_for(0.02)
        operator.publish(Float64MultiArray(data=[0.1 * step, 0.0, 1.0]))
    world.spin_for(0.3)
    response = world.call(Trigger, "recorder_node/keep")
    assert response.success, response.message
    store = EpisodeStore.view(output)
    assert store.episode_ends.tolist() == [5]
    for step in range(5):
        for name, (_, image) in zip(("img", "img_wrist"), expected_images(contract, step).items(), strict=True):
            np.testing.assert_array_equal(store.read(name)[step], image)
