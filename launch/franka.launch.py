"""The policy on a Franka arm (franka_ros2 with CRISP's Cartesian impedance controller) and a RealSense camera.

    ros2 launch sdm_bringup franka.launch.py checkpoint:=/path/to/checkpoint dry_run:=false

It starts policy_node and command_node, and nothing of the robot: its driver, the controller, the camera driver and the
camera's pose on /tf (from a hand-eye calibration) must be running. `dry_run` is true unless set otherwise: everything
runs, and nothing is sent to the arm.

    ros2 launch sdm_bringup franka.launch.py sim:=true task:=franka/pick-place episodes:=10

runs the same nodes on the simulated twin, which publishes the topics of arm and camera and takes the commands; the
launch ends with its episodes.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    SetLaunchConfiguration,
    Shutdown,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from sdm_policy_node.launch_arguments import refuse_unknown_arguments, require_files

CONFIG = PathJoinSubstitution([FindPackageShare("sdm_bringup"), "config"])
ROBOT_TOPICS = ("joint_states", "current_pose", "target_pose", "gripper_command")

SIM = PythonExpression(["'", LaunchConfiguration("sim"), "' == 'true'"])


def for_twin(twin, cell):
    """An argument's default: one for the simulated twin, one for the real cell."""
    return PythonExpression([f"'{twin}' if ", SIM, f" else '{cell}'"])


def choose_checkpoint(context):
    """The twin has a shipped student; a real arm is given a policy by name, or nothing starts."""
    given = LaunchConfiguration("checkpoint").perform(context)
    if not given and SIM.perform(context) != "True":
        raise RuntimeError(
            "no policy is named; set checkpoint:=/path/to/checkpoint, of one that was trained for this cell"
        )
    name = LaunchConfiguration("task").perform(context).replace("/", "_")
    shipped = Path(FindPackageShare("sdm_bringup").perform(context), "models", f"{name}_sdm")
    checkpoint = Path(given or shipped)
    if not checkpoint.is_dir():
        raise RuntimeError(f"no checkpoint folder {checkpoint}")
    return [SetLaunchConfiguration("checkpoint", str(checkpoint))]


def when_command_node_ends(event, context):
    if event.returncode != 0 and not context.is_shutdown:
        raise RuntimeError(f"command_node ended with exit code {event.returncode}")
    return Shutdown(reason="command_node has ended")


def when_twin_ends(event, context):
    if event.returncode != 0 and not context.is_shutdown:
        raise RuntimeError(f"bridge_node ended with exit code {event.returncode}")
    return Shutdown(reason="the twin has finished its episodes")


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument(
            "sim",
            default_value="false",
            choices=["true", "false"],
            description="The simulated twin in the cell's place",
        ),
        DeclareLaunchArgument(
            "checkpoint",
            default_value="",
            description="Checkpoint folder of the policy, for this cell; the twin's shipped student if not given",
        ),
        DeclareLaunchArgument("task", default_value="franka/pick-place", description="Task of the twin"),
        DeclareLaunchArgument("episodes", default_value="10", description="Episodes of the twin; 0: without end"),
        DeclareLaunchArgument("seed0", default_value="10000", description="Seed of the twin's first episode"),
        DeclareLaunchArgument(
            "real_time_factor",
            default_value="1.0",
            description="Seconds of the twin's simulated time that pass in one of wall time",
        ),
        DeclareLaunchArgument(
            "results", default_value="", description="File of JSON lines for each episode of the twin; empty: none"
        ),
        DeclareLaunchArgument(
            "video", default_value="", description="Video (.mp4) of the twin's first episode; empty: none"
        ),
        DeclareLaunchArgument("backend", default_value="openvino", description="Inference backend"),
        DeclareLaunchArgument("threads", default_value="1", description="Threads of the inference backend"),
        DeclareLaunchArgument(
            "dry_run",
            default_value=for_twin("false", "true"),
            choices=["true", "false"],
            description="Do everything but publish commands: nothing moves the arm",
        ),
        DeclareLaunchArgument(
            "speed_share",
            default_value="1.0",
            description="Share of the contract's speed that the arm is allowed: 0.2 for a first run",
        ),
        DeclareLaunchArgument(
            "robot",
            default_value=PathJoinSubstitution([CONFIG, "robot", for_twin("fr3_twin.yaml", "fr3.yaml")]),
            description="Parameter file of the arm",
        ),
        DeclareLaunchArgument(
            "camera",
            default_value=PathJoinSubstitution([CONFIG, "camera", for_twin("twin.yaml", "realsense.yaml")]),
            description="Parameter file of the camera",
        ),
        DeclareLaunchArgument(
            "camera_namespace",
            default_value="camera",
            description="Namespace of the cameras' drivers; each has its camera's name in the contract",
        ),
        DeclareLaunchArgument(
            "joint_states",
            default_value=for_twin("/joint_states", "/franka/joint_states"),
            description="Joint states: the fast ones of the arm itself; /joint_states has those of the hand, too",
        ),
        DeclareLaunchArgument(
            "current_pose", default_value="/current_pose", description="Pose of the tool, as CRISP publishes it"
        ),
        DeclareLaunchArgument(
            "target_pose",
            default_value="/target_pose",
            description="Pose commanded to CRISP, which accepts one publisher",
        ),
        DeclareLaunchArgument(
            "gripper_command", default_value="/gripper_command", description="Number commanded to the gripper"
        ),
        DeclareLaunchArgument(
            "cockpit",
            default_value="false",
            choices=["true", "false"],
            description="Serve a web page that shows what the policy sees, plans and does",
        ),
        DeclareLaunchArgument(
            "cockpit_host",
            default_value="127.0.0.1",
            description="Address of that page: 0.0.0.0 lets others in, with a token whose file the log names",
        ),
        DeclareLaunchArgument("cockpit_port", default_value="8080", description="Port of that page; 0: any free one"),
    ]
    remappings = [(topic, LaunchConfiguration(topic)) for topic in ROBOT_TOPICS]
    given = {
        "checkpoint": ParameterValue(LaunchConfiguration("checkpoint"), value_type=str),
        "dry_run": ParameterValue(LaunchConfiguration("dry_run"), value_type=bool),
        "use_sim_time": ParameterValue(SIM, value_type=bool),
    }

    def parameters(node):
        defaults = PathJoinSubstitution([CONFIG, "nodes", f"{node}.yaml"])
        return [defaults, LaunchConfiguration("robot"), LaunchConfiguration("camera"), given]

    policy = Node(
        package="sdm_policy_node",
        executable="policy_node",
        name="policy_node",
        output="screen",
        parameters=[
            *parameters("policy_node"),
            {
                "camera_namespace": ParameterValue(LaunchConfiguration("camera_namespace"), value_type=str),
                "command": "chunk",
                "backend": LaunchConfiguration("backend"),
                "threads": ParameterValue(LaunchConfiguration("threads"), value_type=int),
            },
        ],
        remappings=remappings,
    )
    command = Node(
        package="sdm_policy_node",
        executable="command_node",
        name="command_node",
        output="screen",
        parameters=[
            *parameters("command_node"),
            {"speed_share": ParameterValue(LaunchConfiguration("speed_share"), value_type=float)},
        ],
        remappings=remappings,
    )
    cockpit = Node(
        package="sdm_cockpit",
        executable="cockpit_node",
        name="cockpit_node",
        output="screen",
        parameters=[
            *parameters("cockpit_node"),
            {
                "camera_namespace": ParameterValue(LaunchConfiguration("camera_namespace"), value_type=str),
                "host": ParameterValue(LaunchConfiguration("cockpit_host"), value_type=str),
                "port": ParameterValue(LaunchConfiguration("cockpit_port"), value_type=int),
            },
        ],
        remappings=remappings,
        condition=IfCondition(LaunchConfiguration("cockpit")),
    )
    twin = Node(
        package="sdm_sim",
        executable="bridge_node",
        name="bridge_node",
        output="screen",
        parameters=[
            PathJoinSubstitution([CONFIG, "nodes", "bridge_node.yaml"]),
            {
                "task": ParameterValue(LaunchConfiguration("task"), value_type=str),
                # A dry run watches somebody else move the arm: of the twin, its scripted expert.
                "mode": PythonExpression(
                    ["'expert' if '", LaunchConfiguration("dry_run"), "' == 'true' else 'realtime'"]
                ),
                "episodes": ParameterValue(LaunchConfiguration("episodes"), value_type=int),
                "seed0": ParameterValue(LaunchConfiguration("seed0"), value_type=int),
                "real_time_factor": ParameterValue(LaunchConfiguration("real_time_factor"), value_type=float),
                "camera_every": 1,
                "checkpoint": ParameterValue(LaunchConfiguration("checkpoint"), value_type=str),
                "robot_hz": 100.0,  # as the drivers of a real arm do, and as often as config/robot commands it
                "checkpoint_name": ParameterValue(
                    PythonExpression(["'", LaunchConfiguration("checkpoint"), "'.rstrip('/').rpartition('/')[2]"]),
                    value_type=str,
                ),
                "results": ParameterValue(LaunchConfiguration("results"), value_type=str),
                "video": ParameterValue(LaunchConfiguration("video"), value_type=str),
            },
        ],
        condition=IfCondition(SIM),
    )
    return LaunchDescription(
        [
            OpaqueFunction(function=refuse_unknown_arguments, args=[__file__, arguments]),
            *arguments,
            OpaqueFunction(function=require_files, args=["robot", "camera"]),
            OpaqueFunction(function=choose_checkpoint),
            # One thread a process: software rendering and inference otherwise fight for the same cores.
            SetEnvironmentVariable("OMP_NUM_THREADS", "1"),
            SetEnvironmentVariable("LP_NUM_THREADS", "1"),
            RegisterEventHandler(OnProcessExit(target_action=twin, on_exit=when_twin_ends)),
            # The command node outlives the policy, and stops the arm; without the command node nothing is left to do.
            RegisterEventHandler(OnProcessExit(target_action=command, on_exit=when_command_node_ends)),
            policy,
            command,
            cockpit,
            twin,
        ]
    )
