"""A bag beside the recorder: the dataset made of it offline is the live one, bit for bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from helpers.bags import recorded_bag
from helpers.bridge import bridge
from helpers.graph import graph
from helpers.linear_policy import LinearPolicy
from sdm_cockpit.replay.open_recordings import open_recordings
from sdm_cockpit.replay.replayed_policy import ReplayedPolicy
from sdm_core.datasets.dataset import EpisodeStore
from sdm_policy_node.convert.program import main as convert
from sdm_sim.registry import make_task

TASK, SEED = "metaworld/drawer-close", 1
SENSORS = ("camera/camera/depth/image_rect_raw", "camera/camera/depth/camera_info", "joint_states", "native_command")


def test_a_bag_gives_the_live_dataset_bit_for_bit(tmp_path: Path) -> None:
    task = make_task(TASK)
    contract = task.contract
    task.close()
    checkpoint, live, bag = tmp_path / "policy", tmp_path / "live.zarr", tmp_path / "bag"
    LinearPolicy(contract, seed=2, gain=2.0).write(checkpoint)  # solves this task for this seed
    with graph(tmp_path, use_sim_time=True) as nodes:
        nodes.start("policy_node", checkpoint=checkpoint, command="inline", reliable_sensors=True)
        nodes.start(
            "recorder_node",
            checkpoint=checkpoint,
            output=live,
            reliable_sensors=True,
            pairing="order",
            record_depth=True,
        )
        with (
            bridge(nodes, task=TASK, episodes=1, seed0=SEED, camera_every=1, record=True) as node,
            recorded_bag(nodes, bag) as recording,
        ):
            said = [f"'/{topic}'" for topic in (*SENSORS, "tf_static", "recorder_node/episode_event")]
            assert nodes.spin_until(lambda: all(topic in recording.output for topic in said), 90.0), nodes.outputs()
            # Policy, recorder and bag: what is sent before the bag is heard would be missing in it.
            assert nodes.spin_until(lambda: not node._sensors.unheard(3), 90.0), node._sensors.unheard(3)
            nodes.spin_for(1.0)
            (outcome,) = node.run()
            nodes.spin_for(2.0)  # what still waits to be written when a bag is ended is lost
    assert outcome.success

    convert([str(bag), "-o", str(tmp_path / "offline.zarr")])
    expected, found = EpisodeStore.view(live), EpisodeStore.open(tmp_path / "offline.zarr")
    assert found.contract == expected.contract
    assert found.outcomes.tolist() == expected.outcomes.tolist()
    assert found.episode_ends.tolist() == expected.episode_ends.tolist() == [outcome.steps]
    for name in ("point_cloud", "state", "action", "depth"):
        np.testing.assert_array_equal(found.read(name), expected.read(name), err_msg=name)

    (episode,) = open_recordings(bag)
    np.testing.assert_array_equal(episode.state, expected.read("state"))
    replanned = list(range(0, outcome.steps, contract.n_action_steps))
    assert sorted(episode.deeds.timings) == replanned
    assert sorted(episode.deeds.chunks) == replanned
    # A bag does not tell the episode's seed: with it, the policy answers what it saw as it did then.
    replayed = next(ReplayedPolicy(checkpoint).plans(replace(episode, seed=SEED)))
    np.testing.assert_allclose(replayed.values, episode.deeds.chunks[0].targets, atol=1e-6)
