"""`ros2-embedded doctor`: what it finds in order, what it finds wrong, and what it then advises."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import pytest
import rclpy
from embedded_ros.cli import doctor_graph
from embedded_ros.cli.graph import command_node
from embedded_ros.cli.main import main
from embedded_ros.transport import sample_route
from embedded_ros.transport.interface import Endpoint, WireQos
from embedded_ros.transport.wheel_samples import WheelSamples
from helpers.domain import own_domain
from rclpy.context import Context


@pytest.fixture
def doctor(monkeypatch, capsys):
    """The doctor's exit code, and its page as a dictionary of subjects."""
    for name in (
        "ROS_AUTOMATIC_DISCOVERY_RANGE",
        "ROS_LOCALHOST_ONLY",
        "ROS_DISTRO",
        "CYCLONEDDS_URI",
        "AMENT_PREFIX_PATH",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))

    def run() -> tuple[int, dict[str, str]]:
        code = main(["doctor"])
        return code, page(capsys.readouterr().out)

    return run


def page(text: str) -> dict[str, str]:
    """Subject → level, text and advice."""
    found: dict[str, str] = {}
    subject = ""
    for line in text.splitlines():
        if line.startswith(" "):
            found[subject] += f" {line.strip()}"
        else:
            level, subject, rest = line.split(None, 2)
            found[subject] = f"{level} {rest}"
    return found


def test_sound_machine_is_described_on_one_page(doctor):
    context = Context()
    rclpy.init(args=[], context=context)
    rclpy.create_node("neighbour", context=context)
    code, found = doctor()
    rclpy.try_shutdown(context=context)
    assert code == 0
    assert list(found) == [
        "python", "packages", "ros", "distribution", "transport", "domain", "discovery", "configuration", "network",
        "buffers", "route", "message", "service", "peers",
    ]  # fmt: skip
    assert found["discovery"] == "ok LOCALHOST: nodes of this machine"
    assert found["message"].startswith("ok to another process and back in ")
    assert found["service"].startswith("ok to another process and back in ")
    assert found["peers"] == "ok 1 embedded_ros, with the nodes /neighbour"


@pytest.mark.parametrize(
    ("name", "value", "subject", "said"),
    [
        ("ROS_DOMAIN_ID", "233", "domain", "FAIL ROS_DOMAIN_ID=233 is no domain → set a number from 0 to 232"),
        ("ROS_AUTOMATIC_DISCOVERY_RANGE", "LAN", "discovery", "FAIL ROS_AUTOMATIC_DISCOVERY_RANGE=LAN is not one of"),
    ],
)
def test_wrong_setting_is_named_and_the_graph_left_alone(doctor, monkeypatch, name, value, subject, said):
    monkeypatch.setenv(name, value)
    code, found = doctor()
    assert code == 1
    assert found[subject].startswith(said)
    assert "message" not in found


def test_settings_that_cyclone_refuses_are_a_failure_of_the_graph(doctor, monkeypatch):
    monkeypatch.setenv("CYCLONEDDS_URI", "<CycloneDDS><Domain><Nonsense/></Domain></CycloneDDS>")
    code, found = doctor()
    assert code == 1
    assert found["graph"].startswith("FAIL ")
    assert "CYCLONEDDS_URI" in found["graph"]


def test_slower_way_of_messages_is_a_warning(monkeypatch):
    monkeypatch.setattr(sample_route, "_route", WheelSamples())
    assert str(doctor_graph._route()).startswith("warn  route ")


def test_processes_kept_apart_on_purpose_are_no_failure(doctor, monkeypatch):
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
    code, found = doctor()
    assert code == 0
    assert found["graph"].startswith("ok not looked at")


def test_other_process_that_does_not_answer_is_a_failure(monkeypatch):
    monkeypatch.setattr(doctor_graph, "_PATIENCE_SECONDS", 0.3)
    with command_node(argparse.Namespace(use_sim_time=False)) as node:
        (finding,) = doctor_graph._round_trips(node, "/_nobody")
    assert str(finding).startswith("FAIL  message       none came back from another process in 0.3 s\n")


def test_sourced_ros_of_another_python_is_named(tmp_path):
    (tmp_path / "rclpy").mkdir()
    (tmp_path / "rclpy" / "__init__.py").touch()
    (tmp_path / "rclpy" / "_rclpy_pybind11.cpython-38-x86_64-linux-gnu.so").touch()
    done = subprocess.run(
        [sys.executable, "-m", "embedded_ros.cli.main", "doctor"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert page(done.stdout)["ros"].startswith("FAIL rclpy cannot be imported: the sourced ROS 2 at")
    assert "message" not in page(done.stdout)


@pytest.mark.parametrize(
    ("vendor", "user_data", "kind"),
    [
        (b"\x01\x10", {"embedded_ros": "16", "typehash": "RIHS01_"}, "embedded_ros"),
        (b"\x01\x10", {"typehash": "RIHS01_"}, "rmw_cyclonedds of Iron or newer"),
        (b"\x01\x0f", {"typehash": "RIHS01_"}, "rmw_fastrtps of Iron or newer"),
        (b"\x01\x10", {}, "rmw_cyclonedds of Humble or older"),
    ],
)
def test_peers_are_told_apart_by_vendor_and_type_hash(vendor, user_data, kind):
    participant = vendor + bytes(14)
    bare, telling = (Endpoint(b"", participant, "rt/a", "T", WireQos(), data) for data in ({}, user_data))
    assert doctor_graph._kind_of([bare, telling]) == kind
