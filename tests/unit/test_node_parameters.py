"""Names of parameters that a node was given, and that nobody declares: ROS drops them without a word."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path

import pytest
import rclpy
from helpers.domain import own_domain
from rclpy.context import Context
from sdm_cockpit.cockpit_parameters import CockpitParameters
from sdm_core.errors import SdmError
from sdm_policy_node.parameters import (
    CommandParameters,
    PolicyParameters,
    RealSenseParameters,
    RecorderParameters,
    TeleopParameters,
    declare,
)
from sdm_sim.bridge.parameters import BridgeParameters

KINDS = (
    PolicyParameters,
    CommandParameters,
    RecorderParameters,
    RealSenseParameters,
    TeleopParameters,
    CockpitParameters,
    BridgeParameters,
)
Declare = Callable[..., None]


@pytest.fixture
def declare_with(tmp_path: Path) -> Iterator[Declare]:
    """Declares the parameters of a kind on a node that was given these lines of a cell's file."""
    context = Context()

    def run(kind: type, *lines: str) -> None:
        file = tmp_path / "cell.yaml"
        file.write_text("\n    ".join(("/**:\n  ros__parameters:", *lines)) + "\n")
        rclpy.init(args=["--ros-args", "--params-file", str(file)], context=context, domain_id=own_domain())
        node = rclpy.create_node("arm", context=context)
        BridgeParameters.declare(node) if kind is BridgeParameters else declare(node, kind)

    yield run
    rclpy.try_shutdown(context=context)


@pytest.mark.parametrize(
    ("kind", "name", "meant"),
    [
        (CommandParameters, "tracking_eror", "tracking_error"),
        (CommandParameters, "workspace_lo", "workspace_low"),
        (CommandParameters, "blockeds", "blocked_s"),
        (BridgeParameters, "tsk", "task"),
    ],
)
def test_a_misspelt_name_is_refused(declare_with: Declare, kind: type, name: str, meant: str) -> None:
    with pytest.raises(
        SdmError, match=rf"^parameter {name}: arm has none of this name; did you mean {meant}\? Another"
    ):
        declare_with(kind, f"{name}: 0.1")


def test_a_name_that_is_nearer_to_a_neighbour_s_is_its_to_refuse(declare_with: Declare, capfd) -> None:
    declare_with(PolicyParameters, "blocked: 2.0")  # not its `backend`
    assert "parameter 'blocked' is none that arm knows" in capfd.readouterr().err


def test_a_name_that_nobody_knows_is_told_of_once_and_neighbours_and_ros_s_are_not(
    declare_with: Declare, capfd
) -> None:
    declare_with(
        CommandParameters,
        "home: 1",
        "stall_s: 0.05",
        "use_sim_time: false",
        "start_type_description_service: true",
        "qos_overrides./tf.subscription.depth: 9",
        "diagnostic_updater.period: 1.0",
    )
    told = [line.partition("]: ")[2] for line in capfd.readouterr().err.splitlines()]
    assert told == ["parameter 'home' is none that arm knows; it has no effect on it"]


def test_a_driver_s_dotted_name_is_no_slip(declare_with: Declare) -> None:
    declare_with(RealSenseParameters, "align_depth.enable: true")


@pytest.mark.parametrize("kind", KINDS)
def test_no_node_takes_another_one_s_parameter_for_a_slip(declare_with: Declare, kind: type) -> None:
    """They all read a file's `/**`."""
    own = {entry.name for entry in fields(kind)}
    others = {entry.name for each in KINDS for entry in fields(each)} - own
    declare_with(kind, *(f"{name}: 0" for name in sorted(others)))


@pytest.mark.parametrize("kind", [PolicyParameters, RecorderParameters])
def test_a_sink_of_command_node_alone_is_sent_there(declare_with: Declare, kind: type) -> None:
    refused = "^parameter sink: '{}' is not one of native, pose{}$"
    theirs = refused.format("trajectory", "; it is one of command_node's: write it under /command_node")
    with pytest.raises(SdmError, match=theirs):
        declare_with(kind, "sink: trajectory")


def test_a_sink_that_nobody_has_is_sent_nowhere(declare_with: Declare) -> None:
    with pytest.raises(SdmError, match=r"^parameter sink: 'trajektory' is not one of native, pose$"):
        declare_with(PolicyParameters, "sink: trajektory")


def test_a_rate_whose_period_is_shorter_than_a_command_takes_is_refused(declare_with: Declare) -> None:
    with pytest.raises(SdmError, match=r"^parameter rate_hz: 1000\.0 is out of range; give one from 0\.0 to 500\.0$"):
        declare_with(CommandParameters, "rate_hz: 1000.0")
