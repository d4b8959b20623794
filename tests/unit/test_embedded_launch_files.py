"""The project's launch files: which nodes they start, with what, and how they end. Node executables are stand-ins."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from embedded_ros.bags.topic_filter import TopicFilter
from helpers.contracts import image_contract, small_contract
from helpers.launching import Launched, install_package
from helpers.motion import pose_contract
from launch.actions import DeclareLaunchArgument
from launch.launch_description_sources import get_launch_description_from_python_launch_file
from rclpy.node import Node
from sdm_cockpit.cockpit_parameters import CockpitParameters
from sdm_core.contract import Contract
from sdm_policy_node.convert.bag_node import BagNode
from sdm_policy_node.parameters import CommandParameters, PolicyParameters, RecorderParameters
from sdm_policy_node.recording.episode_recorder import EpisodeRecorder
from sdm_sim.bridge.parameters import BridgeParameters

ROOT = Path(__file__).parents[2]
LAUNCH_FILES = sorted((ROOT / "launch").glob("*.launch.py"))
DECLARED = {
    "bridge_node": BridgeParameters,
    "policy_node": PolicyParameters,
    "command_node": CommandParameters,
    "recorder_node": RecorderParameters,
    "cockpit_node": CockpitParameters,
}
PARAMETER_FILES = sorted(
    path
    for folder in ("robot", "camera")
    for path in (ROOT / "config" / folder).glob("*")
    if not path.stem.endswith("_contract")
)

# Reports its parameters and remappings in one line of JSON, then lives until it is stopped, or ends as told.
NODE = """
import json, os, signal, sys, time, yaml
stop = lambda *_: os._exit(0)
signal.signal(signal.SIGINT, stop)
words = sys.argv[1:]
after = lambda option: [words[i + 1] for i, word in enumerate(words) if word == option]
parameters = {}
for path in after("--params-file"):
    for node in yaml.safe_load(open(path)).values():
        parameters.update(node["ros__parameters"])
print("STARTED", json.dumps({"node": os.path.basename(sys.argv[0]), "parameters": parameters, "rules": after("-r"),
      "threads": os.environ.get("OMP_NUM_THREADS")}), flush=True)
"""
LIVES = NODE + "time.sleep(60)\n"
# Ends when the test says so, which it does once all nodes have reported.
FINISHES = (
    NODE
    + """
while not os.path.exists(os.environ["FINISH"]):
    time.sleep(0.02)
sys.exit(int(os.environ.get("BRIDGE_EXIT", "0")))
"""
)


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Runs a launch file of the project over stand-in executables until it ends."""
    prefix = tmp_path / "prefix"
    install_package(prefix, "sdm_sim", {"bridge_node": FINISHES})
    for node in ("policy_node", "command_node", "recorder_node"):
        install_package(prefix, "sdm_policy_node", {node: LIVES})
    install_package(prefix, "sdm_cockpit", {"cockpit_node": LIVES})
    install_package(prefix, "sdm_bringup", {})
    share = prefix / "share" / "sdm_bringup"
    for folder in ("launch", "config"):
        (share / folder).symlink_to(ROOT / folder)
    for task in ("door-open", "drawer-close"):
        (share / "models" / f"metaworld_{task}_sdm").mkdir(parents=True)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(prefix), prepend=":")
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    monkeypatch.setenv("FINISH", str(tmp_path / "finish"))
    started: list[Launched] = []

    def start(name: str, *arguments: str) -> Launched:
        file = str(ROOT / "launch" / name)
        started.append(Launched([sys.executable, "-m", "embedded_ros.cli.main", "launch", file, *arguments]))
        return started[-1]

    yield start
    for launched in started:
        launched.kill()


def finish_after(launched: Launched, nodes: int, finish: Path) -> tuple[int, str]:
    """Let the launch end when so many nodes have reported; its exit code and output."""
    for _ in range(nodes):
        launched.wait_for("STARTED")
    finish.touch()
    return launched.finish()


def nodes_of(output: str) -> dict[str, dict]:
    """What each node reported, by its executable's name."""
    reports = (json.loads(line.partition("STARTED ")[2]) for line in output.splitlines() if "STARTED " in line)
    return {report["node"]: report for report in reports}


def assert_declared(nodes: dict[str, dict]) -> None:
    """Each parameter that a node was given is one that it declares, and of the type that it declares."""
    for name, node in nodes.items():
        defaults = {field.name: field.default for field in dataclasses.fields(DECLARED[name])}
        defaults["use_sim_time"] = False
        given = node["parameters"]
        assert given.keys() <= defaults.keys()
        assert {key: type(value) for key, value in given.items()} == {key: type(defaults[key]) for key in given}


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_every_argument_is_described(path):
    arguments = get_launch_description_from_python_launch_file(str(path)).get_launch_arguments()
    assert arguments
    assert [each.name for each in arguments if each.description == "no description given"] == []


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_only_the_standard_launch_packages_and_the_nodes_own_are_imported(path):
    modules = {
        (name or "").partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert modules <= {"launch", "launch_ros", "sdm_policy_node", *sys.stdlib_module_names}


def test_parameters_of_robot_and_camera_files_are_known_to_some_node():
    known = {field.name for parameters in DECLARED.values() for field in dataclasses.fields(parameters)}
    for path in PARAMETER_FILES:
        assert yaml.safe_load(path.read_text())["/**"]["ros__parameters"].keys() <= known


@pytest.mark.parametrize("path", PARAMETER_FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_parameter_files_apply_to_every_namespace(path):
    content = yaml.safe_load(path.read_text())
    assert list(content) == ["/**"]
    assert list(content["/**"]) == ["ros__parameters"]


def test_lockstep_runs_bridge_and_policy_and_ends_with_the_bridge(launch, tmp_path):
    code, output = finish_after(
        launch("sim.launch.py", "task:=metaworld/drawer-close", "episodes:=3"), 2, tmp_path / "finish"
    )
    nodes = nodes_of(output)
    assert code == 0
    assert nodes.keys() == {"bridge_node", "policy_node"}
    assert "is not a file" not in output
    bridge, policy = nodes["bridge_node"]["parameters"], nodes["policy_node"]["parameters"]
    assert (bridge["task"], bridge["mode"], bridge["episodes"], bridge["camera_every"]) == (
        "metaworld/drawer-close", "lockstep", 3, 0,
    )  # fmt: skip
    assert bridge["checkpoint"] == policy["checkpoint"]
    assert policy["checkpoint"].endswith("sdm_bringup/models/metaworld_drawer-close_sdm")
    assert (policy["command"], policy["reliable_sensors"], policy["use_sim_time"]) == ("inline", True, True)
    assert "use_sim_time" not in bridge
    assert nodes["policy_node"]["rules"] == ["__node:=policy_node"]
    assert nodes["policy_node"]["threads"] == "1"
    assert_declared(nodes)


def test_realtime_adds_the_command_node_and_reads_sensors_best_effort(launch, tmp_path):
    (tmp_path / "mine").mkdir()
    checkpoint = f"{tmp_path}/mine/"
    _, output = finish_after(
        launch("sim.launch.py", "mode:=realtime", f"checkpoint:={checkpoint}", "dry_run:=true"), 3, tmp_path / "finish"
    )
    nodes = nodes_of(output)
    assert nodes.keys() == {"bridge_node", "policy_node", "command_node"}
    policy, command = nodes["policy_node"]["parameters"], nodes["command_node"]["parameters"]
    assert (policy["command"], policy["reliable_sensors"]) == ("chunk", False)
    bridge = nodes["bridge_node"]["parameters"]
    assert bridge["checkpoint"] == command["checkpoint"] == policy["checkpoint"] == checkpoint
    assert command["dry_run"] is policy["dry_run"] is True
    assert command["use_sim_time"] is True
    assert_declared(nodes)


def test_recording_needs_an_image_every_step(launch, tmp_path):
    _, output = finish_after(
        launch("sim.launch.py", "record:=true", "output:=demos.zarr", "camera_every:=4"), 3, tmp_path / "finish"
    )
    nodes = nodes_of(output)
    assert nodes.keys() == {"bridge_node", "policy_node", "recorder_node"}
    assert nodes["bridge_node"]["parameters"]["camera_every"] == 1
    assert nodes["bridge_node"]["parameters"]["record"] is True
    assert nodes["recorder_node"]["parameters"]["output"] == "demos.zarr"
    assert nodes["recorder_node"]["parameters"]["pairing"] == "order"
    assert_declared(nodes)


def test_the_cockpit_is_started_where_it_is_asked_for(launch, tmp_path):
    arguments = ("episodes:=0", "cockpit:=true", "cockpit_port:=0", "cockpit_visuals:=true")
    _, output = finish_after(launch("sim.launch.py", *arguments), 3, tmp_path / "finish")
    nodes = nodes_of(output)
    cockpit, policy = nodes["cockpit_node"]["parameters"], nodes["policy_node"]["parameters"]
    assert (cockpit["host"], cockpit["port"], cockpit["visual_messages"]) == ("127.0.0.1", 0, True)
    assert cockpit["checkpoint"] == policy["checkpoint"]
    assert_declared(nodes)


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_what_the_cockpit_shows_is_published_where_it_is_asked_for(path):
    arguments = get_launch_description_from_python_launch_file(str(path)).get_launch_arguments()
    (visuals,) = (each for each in arguments if each.name == "cockpit_visuals")
    default: Any = visuals.default_value
    assert [each.text for each in default] == ["false"]


def test_parameters_that_the_cockpit_s_page_sets_are_its_node_s():
    block = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "cockpit.md").read_text(), re.DOTALL)
    assert block
    given = yaml.safe_load(block[1])["/cockpit_node"]["ros__parameters"]
    assert {"checkpoints", "token_file", "pictures_hz", "niceness"} == given.keys()
    assert_declared({"cockpit_node": {"parameters": given}})


def test_text_that_looks_like_a_number_stays_text(launch, tmp_path):
    _, output = finish_after(launch("sim.launch.py", "results:=007", "video:=1e3"), 2, tmp_path / "finish")
    bridge = nodes_of(output)["bridge_node"]["parameters"]
    assert (bridge["results"], bridge["video"], bridge["traces"]) == ("007", "1e3", "")


def test_failed_bridge_fails_the_launch(launch, monkeypatch, tmp_path):
    monkeypatch.setenv("BRIDGE_EXIT", "1")
    code, output = finish_after(launch("sim.launch.py"), 2, tmp_path / "finish")
    assert code == 1
    assert "bridge_node ended with exit code 1" in output


def test_policy_that_ends_first_fails_the_launch(launch, tmp_path):
    install_package(tmp_path / "prefix", "sdm_policy_node", {"policy_node": "import sys; sys.exit('no checkpoint')"})
    code, output = launch("sim.launch.py").finish()
    assert code == 1
    assert "no checkpoint" in output
    assert "ended before the bridge, with exit code 1" in output


def test_missing_checkpoint_is_refused_before_anything_starts(launch):
    code, output = launch("sim.launch.py", "task:=metaworld/shelf-place").finish()
    assert code == 1
    assert "metaworld_shelf-place_sdm; shipped students: metaworld_door-open_sdm, metaworld_drawer-close_sdm" in output
    assert "process started" not in output


def test_franka_commands_nothing_unless_told_and_uses_the_arms_topics(launch, tmp_path):
    install_package(tmp_path / "prefix", "sdm_policy_node", {"command_node": FINISHES})
    slowly = launch("franka.launch.py", f"checkpoint:={tmp_path}", "speed_share:=0.2")
    code, output = finish_after(slowly, 2, tmp_path / "finish")
    nodes = nodes_of(output)
    assert code == 0
    assert nodes.keys() == {"policy_node", "command_node"}
    assert nodes["command_node"]["parameters"]["checkpoint"] == str(tmp_path)
    assert nodes["command_node"]["parameters"]["speed_share"] == 0.2
    for node in nodes.values():
        assert node["parameters"]["dry_run"] is True
        assert node["parameters"]["sink"] == "pose"
        assert "joint_states:=/franka/joint_states" in node["rules"]
        assert "target_pose:=/target_pose" in node["rules"]
        assert "gripper_command:=/gripper_command" in node["rules"]
    assert nodes["policy_node"]["parameters"]["command"] == "chunk"
    assert nodes["policy_node"]["parameters"]["camera_namespace"] == "camera"
    assert nodes["command_node"]["parameters"]["rate_hz"] >= 100.0


@pytest.mark.parametrize(("given", "share"), [([], 0.3), (["speed_share:=0.2"], 0.2)])
def test_the_speed_in_the_robot_s_file_holds_unless_another_is_given(launch, tmp_path, given, share):
    install_package(tmp_path / "prefix", "sdm_policy_node", {"command_node": FINISHES})
    cell = tmp_path / "cell.yaml"
    cell.write_text((ROOT / "config" / "robot" / "fr3.yaml").read_text() + "    speed_share: 0.3\n")
    started = launch("franka.launch.py", f"checkpoint:={tmp_path}", f"robot:={cell}", *given)
    _, output = finish_after(started, 2, tmp_path / "finish")
    assert nodes_of(output)["command_node"]["parameters"]["speed_share"] == share


def test_franka_s_twin_takes_the_arm_s_place_and_its_shipped_student_drives(launch, tmp_path):
    shipped = tmp_path / "prefix" / "share" / "sdm_bringup" / "models" / "franka_insert_sdm"
    shipped.mkdir()
    code, output = finish_after(launch("franka.launch.py", "sim:=true", "task:=franka/insert"), 3, tmp_path / "finish")
    nodes = nodes_of(output)
    assert code == 0
    assert nodes.keys() == {"policy_node", "command_node", "bridge_node"}
    assert nodes["bridge_node"]["parameters"]["task"] == "franka/insert"
    for name in ("policy_node", "command_node"):
        given = nodes[name]["parameters"]
        assert given["checkpoint"] == str(shipped)
        assert given["dry_run"] is False
        assert given["use_sim_time"] is True


def test_a_dry_run_on_the_twin_watches_its_expert(launch, tmp_path):
    rehearsal = launch("franka.launch.py", "sim:=true", "dry_run:=true", f"checkpoint:={tmp_path}")
    code, output = finish_after(rehearsal, 3, tmp_path / "finish")
    nodes = nodes_of(output)
    assert code == 0
    assert nodes["bridge_node"]["parameters"]["mode"] == "expert"
    assert nodes["command_node"]["parameters"]["dry_run"] is True


def test_recording_a_robot_listens_under_its_contract(launch, tmp_path):
    install_package(tmp_path / "prefix", "sdm_policy_node", {"recorder_node": FINISHES})
    code, output = finish_after(
        launch(
            "record.launch.py", "contract:=contract.yaml", "output:=demos.zarr", "depth:=true", "camera_namespace:=/a"
        ),
        1,
        tmp_path / "finish",
    )
    recorder = nodes_of(output)["recorder_node"]
    assert code == 0
    assert recorder["parameters"]["checkpoint"] == "contract.yaml"
    assert recorder["parameters"]["record_depth"] is True
    assert recorder["parameters"]["camera_namespace"] == "/a"
    assert "target_pose:=/target_pose" in recorder["rules"]


@pytest.mark.parametrize("place", ["teleop:=true", "sim:=true"])
def test_teleoperation_for_a_recording_may_be_slow(launch, tmp_path, place):
    install_package(tmp_path / "prefix", "sdm_policy_node", {"recorder_node": FINISHES})
    given = ("contract:=contract.yaml", "output:=demos.zarr", "speed_share:=0.2", place)
    code, output = finish_after(launch("record.launch.py", *given), 3 if "sim" in place else 2, tmp_path / "finish")
    command = nodes_of(output)["command_node"]["parameters"]
    assert code == 0
    assert command["speed_share"] == 0.2
    assert command.get("dry_run", False) is ("sim" not in place)


# In ros2's place: tells what it is to record, and does so until the launch ends.
RECORDS = """
import json, sys, time
print("STARTED", json.dumps({"node": "bag", "words": sys.argv[1:]}), flush=True)
time.sleep(600)
"""


def heard_by_a_recorder(topics: dict[str, str], contract: Contract, **settings: Any) -> frozenset[str]:
    """The topics that a recorder listens to, of cameras in the namespace /cell/eyes."""
    bag = BagNode(topics)
    parameters = RecorderParameters(camera_namespace="/cell/eyes", **settings)
    EpisodeRecorder(cast(Node, bag), parameters, contract, lambda *_: None, lambda *_: None)
    return bag.topics


def test_the_bag_holds_what_the_recorder_hears_and_nothing_that_a_driver_would_compress_for_it(
    launch, tmp_path, monkeypatch
):
    install_package(tmp_path / "prefix", "sdm_policy_node", {"recorder_node": FINISHES})
    ros2 = tmp_path / "bin" / "ros2"
    ros2.parent.mkdir()
    ros2.write_text(f"#!{sys.executable}\n{RECORDS}")
    ros2.chmod(0o755)
    monkeypatch.setenv("PATH", str(ros2.parent), prepend=":")
    arguments = {"contract": "contract.yaml", "output": "demos.zarr", "bag": "bag", "camera_namespace": "/cell/eyes"}
    arguments["gripper_command"] = "hand/width"
    given = [f"{name}:={value}" for name, value in arguments.items()]
    code, output = finish_after(launch("record.launch.py", *given), 2, tmp_path / "finish")
    assert code == 0
    words = nodes_of(output)["bag"]["words"]
    assert words[:2] == ["bag", "record"]
    recorded = TopicFilter(regex=words[words.index("--regex") + 1])
    remapped = {"joint_states": "/franka/joint_states", "gripper_command": "/hand/width"}
    heard = heard_by_a_recorder(remapped, pose_contract(), sink="pose")
    heard |= heard_by_a_recorder(remapped, pose_contract(), actions="measured", aligned_depth=True)
    heard |= heard_by_a_recorder(remapped, small_contract(cloud={"channels": 6}), observation_source="points")
    heard |= heard_by_a_recorder(remapped, small_contract(cloud={"channels": 6}))
    heard |= heard_by_a_recorder(remapped, image_contract(cameras=("front", "wrist")))
    assert {"/cell/eyes/wrist/color/image_raw", "/hand/width", "/franka/joint_states", "/tf", "/clock"} <= heard
    assert sorted(topic for topic in heard if not recorded.accepts(topic)) == []
    traces = (
        "/policy_node/trace",
        "/command_node/trace",
        "/recorder_node/episode_event",
        "/action_chunk",
        "/joint_states",
    )
    assert all(recorded.accepts(topic) for topic in traces)
    image, depth = "/cell/eyes/camera/color/image_raw", "/cell/eyes/camera/depth/image_rect_raw"
    others = (
        "/cell/eyes/camera/infra1/image_rect_raw",
        "/rosout",
        "/parameter_events",
        "/other/tf",
        "/franka/joint_states2",
    )
    plugins = [
        f"{topic}/{plugin}" for topic in (image, depth) for plugin in ("compressed", "compressedDepth", "theora")
    ]
    assert [topic for topic in (*plugins, *others) if recorded.accepts(topic)] == []


@pytest.mark.parametrize(
    ("file", "node", "arguments"),
    [
        ("franka.launch.py", "command_node", ["sim:=true", "task:=metaworld/door-open"]),
        ("record.launch.py", "recorder_node", ["contract:=contract.yaml", "output:=demos.zarr"]),
    ],
)
def test_failure_of_the_node_that_matters_fails_the_launch(launch, tmp_path, file, node, arguments):
    install_package(tmp_path / "prefix", "sdm_policy_node", {node: "import sys; sys.exit(2)"})
    code, output = launch(file, *arguments).finish()
    assert code == 1
    assert re.search(rf"{node}(-\d)? ended with exit code 2", output)


def test_a_real_arm_s_policy_is_asked_for(launch):
    code, output = launch("franka.launch.py").finish()
    assert code == 1
    assert "no policy is named; set checkpoint:=" in output
    assert "process started" not in output


@pytest.mark.parametrize(
    ("file", "given"),
    [
        ("franka.launch.py", ["sim:=true", "robot:=cel.yaml"]),
        ("record.launch.py", ["contract:=contract.yaml", "output:=demos.zarr", "camera:=cel.yaml"]),
    ],
)
def test_a_parameter_file_that_is_not_there_is_refused_before_anything_starts(launch, file, given):
    code, output = launch(file, *given).finish()
    assert code == 1
    assert f"{given[-1]}: no such file" in output
    assert "process started" not in output


# As a real `ros2 launch` does: whatever names it is given become configurations.
ROS2_LAUNCH = """
import os, sys
from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
first, second, *_ = sys.argv[1:]
path = first if os.path.isfile(first) else os.path.join(get_package_share_directory(first), "launch", second)
words = [word for word in sys.argv[1:] if ":=" in word]
given = [tuple(word.split(":=", 1)) for word in words]
service = LaunchService(argv=words)
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(PythonLaunchDescriptionSource(path), launch_arguments=given)])
)
sys.exit(service.run())
"""


def said_by_ros2_launch(*words: str) -> str:
    """The line with which a real `ros2 launch` of these words ends."""
    done = subprocess.run([sys.executable, "-c", ROS2_LAUNCH, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "process started" not in done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["sdm_bringup", "franka.launch.py", "speedshare:=0.2"], "'speedshare', did you mean 'speed_share'?"),
        (
            [str(ROOT / "launch" / "record.launch.py"), "contract:=c.yaml", "output:=d.zarr", "robots:=cell.yaml"],
            "'robots', did you mean 'robot'?",
        ),
        ([str(ROOT / "launch" / "sim.launch.py"), "zzz:=1"], "'zzz'; it has: task, checkpoint, mode, "),
    ],
)
def test_a_misspelt_argument_is_refused_where_ros2_launch_would_not_hear_it(launch, words, line):
    assert f".launch.py has no argument {line}" in said_by_ros2_launch(*words, "sigterm_timeout:=20")


def test_a_file_that_includes_one_of_ours_has_arguments_of_its_own(launch, tmp_path):
    mine = tmp_path / "franka.launch.py"
    mine.write_text(f"""
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

def generate_launch_description():
    ours = PythonLaunchDescriptionSource({str(ROOT / "launch" / "franka.launch.py")!r})
    return LaunchDescription([IncludeLaunchDescription(ours)])
""")
    assert "no policy is named" in said_by_ros2_launch(str(mine), "cell:=left")


def test_launch_files_are_found_through_the_package(launch):
    done = subprocess.run(
        [sys.executable, "-m", "embedded_ros.cli.main", "launch", "sdm_bringup", "sim.launch.py", "--show-args"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert "'task':" in done.stdout


def test_what_franka_s_arguments_are_by_themselves_is_told_in_words():
    description = get_launch_description_from_python_launch_file(str(ROOT / "launch" / "franka.launch.py"))
    arguments = [entity for entity in description.entities if isinstance(entity, DeclareLaunchArgument)]
    told = {argument.name: argument.description for argument in arguments}
    assert "by itself true on the real arm, false on the twin" in told["dry_run"]
    for name, real, twin in (
        ("robot", "config/robot/fr3.yaml", "fr3_twin.yaml"),
        ("camera", "config/camera/realsense.yaml", "twin.yaml"),
        ("joint_states", "/franka/joint_states", "/joint_states"),
    ):
        assert f"by itself {real}" in told[name]
        assert f"on the twin {twin}" in told[name]


@pytest.mark.parametrize("path", LAUNCH_FILES, ids=lambda path: path.name)
def test_no_argument_is_declared_twice(path):
    description = get_launch_description_from_python_launch_file(str(path))
    names = [entity.name for entity in description.entities if isinstance(entity, DeclareLaunchArgument)]
    assert len(set(names)) == len(names)
