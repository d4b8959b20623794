"""A bridge that cannot do its work ends with status 1 and one line that says what to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.graph import graph
from sdm_core.contract import Contract
from sdm_sim.bridge.camera_streams import CameraStreams
from sdm_sim.bridge.errors import BridgeError
from sdm_sim.bridge.parameters import BridgeParameters
from sdm_sim.colour_contract import with_coloured_cloud, with_images
from sdm_sim.franka.contract import franka_contract
from sdm_sim.metaworld.task import metaworld_contract

TASK = "metaworld/drawer-close"


def refusal(folder: Path, **settings: Any) -> str:
    """The one line with which a lone bridge gives up."""
    with graph(folder) as nodes:
        bridge = nodes.start("bridge_node", **settings)
        assert bridge.process.wait(60) == 1, bridge.output
        (line,) = [line for line in bridge.output.splitlines() if line.strip()]
        return line


def test_an_unknown_task_is_refused_with_near_names(tmp_path: Path) -> None:
    line = refusal(tmp_path, task="metaworld/dor-open")
    assert "unknown task 'metaworld/dor-open'" in line
    assert "metaworld/door-open" in line


@pytest.mark.parametrize("mode", ["lockstep", "realtime"])
def test_a_missing_policy_is_named_after_a_bounded_wait(mode: str, tmp_path: Path) -> None:
    line = refusal(tmp_path, task=TASK, mode=mode, startup_timeout_s=0.5)
    assert "policy_node is missing" in line
    assert "within 0.5 s" in line


def test_a_parameter_out_of_range_is_named(tmp_path: Path) -> None:
    assert "Parameter episodes out of range" in refusal(tmp_path, task=TASK, episodes=-1)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"mode": "slow"}, "'slow' is none of lockstep, realtime, expert"),
        ({"camera_every": 3}, "3 does not divide n_action_steps, 4"),
        ({"latency_ms": 20.0}, "20.0 has no meaning in mode lockstep"),
        ({"real_time_factor": 2.0}, "2.0 has no meaning in mode lockstep"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(settings: dict[str, Any], named: str) -> None:
    with pytest.raises(BridgeError, match=named):
        BridgeParameters(**settings).camera_period(metaworld_contract("drawer-close"))


def test_real_time_takes_any_camera_rate() -> None:
    assert BridgeParameters(mode="realtime", camera_every=3).camera_period(metaworld_contract("drawer-close")) == 3


def test_a_policy_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert f"{tmp_path}/nowhere: No such file" in refusal(tmp_path, task=TASK, checkpoint=tmp_path / "nowhere")


def test_the_camera_publishes_what_the_policy_observes(tmp_path: Path) -> None:
    task = metaworld_contract("drawer-close")

    def streams(contract: Contract) -> CameraStreams:
        contract.save(tmp_path / "contract.yaml")
        return BridgeParameters(checkpoint=str(tmp_path)).streams(task)

    assert BridgeParameters().streams(task) == CameraStreams(4)
    both = with_images(task, 84)
    assert streams(both) == CameraStreams(4, colour=frozenset({"camera"}))
    (image,) = both.observation.images
    pair = both.observation.model_copy(update={"cloud": None, "images": (image.model_copy(update={"steps": 2}),)})
    assert streams(both.model_copy(update={"observation": pair})) == CameraStreams(
        1, depth=False, colour=frozenset({"camera"})
    )
    coloured = streams(with_coloured_cloud(task))
    assert coloured == CameraStreams(4, colour=frozenset({"camera"}), aligned=True)


def test_of_several_cameras_only_those_that_somebody_observes_show_their_colour(tmp_path: Path) -> None:
    cell = franka_contract("pick-place", 0.5, 64, 48)
    assert len(cell.observation.cameras) == 2
    for contract, cameras in ((with_coloured_cloud(cell), {"camera"}), (with_images(cell, 84), {"camera", "wrist"})):
        contract.save(tmp_path / "contract.yaml")
        assert BridgeParameters(checkpoint=str(tmp_path)).streams(cell).colour == cameras
