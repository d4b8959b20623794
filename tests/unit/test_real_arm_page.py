"""docs/real_arm.md names what there is: sinks, services, launch arguments, parameters and files."""

from __future__ import annotations

import inspect
import re
import shlex
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import pytest
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from sdm_policy_node.calibration import program as calibration
from sdm_policy_node.commands import command_node, operator_services
from sdm_policy_node.crop import program as crop
from sdm_policy_node.fusion import program as fusion
from sdm_policy_node.parameters import CommandParameters
from sdm_policy_node.sinks.command_sinks import COMMAND_SINKS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "real_arm.md").read_text()
SERVICES = {
    name for module in (command_node, operator_services) for name in re.findall(r'"~/(\w+)"', inspect.getsource(module))
}


def test_the_stop_of_every_sink_that_drives_an_arm_is_told():
    told = re.findall(r"^\| `(\w+)` \| .+ \| .+ \| .+ \|$", PAGE.split("what silence means")[1], re.MULTILINE)
    assert set(COMMAND_SINKS) - {"native"} <= set(told)


def test_services_are_command_node_s():
    called = re.findall(r"service call /command_node/(\w+)", PAGE) + re.findall(
        r"`~/(\w+)`", PAGE.split("## Other arms")[0]
    )
    assert set(called) == SERVICES


def test_launch_arguments_are_declared():
    path = str(ROOT / "launch" / "franka.launch.py")
    declared = {each.name for each in get_launch_description_from_python_launch_file(path).get_launch_arguments()}
    given = {name for line in re.findall(r"launch sdm_bringup franka.*", PAGE) for name in re.findall(r"(\w+):=", line)}
    assert {"sim", "dry_run", "speed_share", "checkpoint", "episodes"} <= given <= declared


def command_lines() -> list[str]:
    """Those of the page's blocks, with their comments."""
    blocks: list[str] = re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    return "".join(blocks).replace("\\\n", " ").splitlines()


def test_a_launch_in_the_cell_is_given_the_cell_s_own_files():
    launches = [line for line in command_lines() if line.startswith("ros2 launch sdm_bringup") and "[cell]" in line]
    assert len(launches) == 3
    assert all("robot:=" in line and "camera:=" in line for line in launches)


def test_nodes_that_are_started_by_hand_are_in_a_dry_run():
    nodes = [line for line in command_lines() if line.startswith("ros2 run sdm_policy_node")]
    assert {line.split()[3] for line in nodes} == {"command_node", "policy_node"}
    assert all("-p dry_run:=true" in line for line in nodes)


def test_parameters_that_the_page_explains_exist():
    names = {entry.name for entry in fields(CommandParameters)}
    explained = {
        "arm_share", "blocked_s", "first_hold_s", "hold_s", "home_joints", "home_pose", "home_share",
        "implausible_speed", "speed_share", "state_timeout_s", "tracking_error", "tracking_turn", "workspace_high",
        "workspace_low",
    }  # fmt: skip
    assert explained <= names
    assert all(f"`{name}`" in PAGE for name in explained)


@pytest.mark.parametrize("program", [calibration, crop, fusion], ids=["sdm-calibrate", "sdm-crop", "sdm-align"])
def test_commands_of_the_cameras_have_the_options_that_they_are_given(program: ModuleType):
    parser = program.parser()
    lines = re.findall(rf"^{parser.prog} (.*)$", PAGE, re.MULTILINE)
    assert lines
    for line in lines:
        parser.parse_args(shlex.split(line, comments=True))


def test_several_cameras_are_calibrated_into_the_file_that_is_read_then():
    files = re.findall(r"^sdm-calibrate .*--camera \w+ .* -o (\S+)$", PAGE, re.MULTILINE)
    assert len(files) == 2
    read = re.findall(r"^sdm-(?:crop|align) .*--extrinsics (\S+)", PAGE, re.MULTILINE)
    assert {*files} == {*read}


def test_links_lead_somewhere():
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE)]
    assert all((ROOT / "docs" / link).exists() for link in links if link)
