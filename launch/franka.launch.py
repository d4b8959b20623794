"""The policy on a Franka arm (franka_ros2 with CRISP's Cartesian impedance controller) and a RealSense camera.

    ros2 launch sdm_bringup franka.launch.py checkpoint:=/path/to/checkpoint robot:=cell.yaml dry_run:=false

It starts policy_node and command_node, and nothing of the robot: its driver, the controller, the camera driver and the
camera's pose on /tf (from a hand-eye calibration) must be running. `cell.yaml` is your copy of config/robot/fr3.yaml,
with the cell's own box; without it the shipped one counts. `dry_run` is true unless set otherwise: everything
runs, and nothing is sent to the arm.

    ros2 launch sdm_bringup franka.launch.py sim:=true task:=franka/pick-place episodes:=10

runs the same nodes on the simulated twin, which publishes the topics of arm and camera and takes the commands; the
launch ends with its episodes.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetLaunchConfiguration
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare
from sdm_policy_node.launch_arguments import refuse_unknown_arguments, require_files
from sdm_policy_node.launch_parts import (
    CONFIG,
    ROBOT_TOPICS,
    SIM,
    cockpit_arguments,
    cockpit_node,
    ends_with,
    flag,
    for_twin,
    number,
    one_thread,
    speed_share,
    speed_share_argument,
    text,
)


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


def command_node(context, parameters, remappings):
    """It outlives the policy, and stops the arm; without it nothing is left to do."""
    node = Node(
        package="sdm_policy_node",
        executable="command_node",
        name="command_node",
        output="screen",
        parameters=[*parameters, *speed_share(context)],
        remappings=remappings,
    )
    return [ends_with(node, "command_node", "command_node has ended"), node]


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
            description="Do everything but publish commands: nothing moves the arm; by itself true on the real arm, "
            "false on the twin",
        ),
        speed_share_argument(),
        DeclareLaunchArgument(
            "robot",
            default_value=PathJoinSubstitution([CONFIG, "robot", for_twin("fr3_twin.yaml", "fr3.yaml")]),
            description="Parameter file of the arm; by itself config/robot/fr3.yaml, on the twin fr3_twin.yaml",
        ),
        DeclareLaunchArgument(
            "camera",
            default_value=PathJoinSubstitution([CONFIG, "camera", for_twin("twin.yaml", "realsense.yaml")]),
            description="Parameter file of the camera; by itself config/camera/realsense.yaml, on the twin twin.yaml",
        ),
        DeclareLaunchArgument(
            "camera_namespace",
            default_value="camera",
            description="Namespace of the cameras' drivers; each has its camera's name in the contract",
        ),
        DeclareLaunchArgument(
            "joint_states",
            default_value=for_twin("/joint_states", "/franka/joint_states"),
            description="Joint states; by itself /franka/joint_states, the fast ones of the arm itself, on the twin "
            "/joint_states, which has those of the hand, too",
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
        *cockpit_arguments(),
    ]
    remappings = [(topic, LaunchConfiguration(topic)) for topic in ROBOT_TOPICS]
    parameters = [
        LaunchConfiguration("robot"),
        LaunchConfiguration("camera"),
        {"checkpoint": text("checkpoint"), "dry_run": flag("dry_run"), "use_sim_time": flag(SIM)},
    ]
    policy = Node(
        package="sdm_policy_node",
        executable="policy_node",
        name="policy_node",
        output="screen",
        parameters=[
            *parameters,
            {
                "camera_namespace": text("camera_namespace"),
                "command": "chunk",
                "backend": text("backend"),
                "threads": number("threads"),
            },
        ],
        remappings=remappings,
    )
    cockpit = cockpit_node([*parameters, {"camera_namespace": text("camera_namespace")}], remappings)
    twin = Node(
        package="sdm_sim",
        executable="bridge_node",
        name="bridge_node",
        output="screen",
        parameters=[
            {
                "task": text("task"),
                # A dry run watches somebody else move the arm: of the twin, its scripted expert.
                "mode": PythonExpression(
                    ["'expert' if '", LaunchConfiguration("dry_run"), "' == 'true' else 'realtime'"]
                ),
                "episodes": number("episodes"),
                "seed0": number("seed0"),
                "real_time_factor": number("real_time_factor", float),
                "camera_every": 1,
                "checkpoint": text("checkpoint"),
                "robot_hz": 100.0,  # as the drivers of a real arm do, and as often as config/robot commands it
                "results": text("results"),
                "video": text("video"),
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
            *one_thread(),
            ends_with(twin, "bridge_node", "the twin has finished its episodes"),
            OpaqueFunction(function=command_node, args=[parameters, remappings]),
            policy,
            cockpit,
            twin,
        ]
    )
