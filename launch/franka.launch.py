"""The policy on a Franka arm (franka_ros2 with CRISP's Cartesian impedance controller) and a RealSense camera.

    ros2 launch sdm_bringup franka.launch.py checkpoint:=/path/to/checkpoint dry_run:=false

It starts policy_node and command_node, and nothing of the robot: its driver, the controller, the camera driver and the
camera's pose on /tf (from a hand-eye calibration) must be running. `dry_run` is true unless set otherwise: everything
runs, and nothing is sent to the arm. The gripper's command is published as a plain number on `gripper_command`.
Its simulated twin is `sim.launch.py task:=franka/pick-place`, with the same topics.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, RegisterEventHandler, Shutdown
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

CONFIG = PathJoinSubstitution([FindPackageShare("sdm_bringup"), "config"])
CAMERA_TOPICS = ("depth/image_rect_raw", "depth/camera_info", "depth/color/points", "color/image_raw")
ROBOT_TOPICS = ("joint_states", "current_pose", "target_pose", "gripper_command")


def when_command_node_ends(event, context):
    if event.returncode != 0 and not context.is_shutdown:
        raise RuntimeError(f"command_node ended with exit code {event.returncode}")
    return Shutdown(reason="command_node has ended")


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument("checkpoint", description="Checkpoint folder of the policy, trained for this cell"),
        DeclareLaunchArgument("backend", default_value="openvino", description="Inference backend"),
        DeclareLaunchArgument("threads", default_value="1", description="Threads of the inference backend"),
        DeclareLaunchArgument(
            "dry_run", default_value="true", description="Do everything but publish commands: nothing moves the arm"
        ),
        DeclareLaunchArgument(
            "robot",
            default_value=PathJoinSubstitution([CONFIG, "robot", "fr3.yaml"]),
            description="Parameter file of the arm",
        ),
        DeclareLaunchArgument(
            "camera",
            default_value=PathJoinSubstitution([CONFIG, "camera", "realsense.yaml"]),
            description="Parameter file of the camera",
        ),
        DeclareLaunchArgument(
            "camera_namespace", default_value="/camera/camera", description="Where the camera driver publishes"
        ),
        DeclareLaunchArgument(
            "joint_states",
            default_value="/franka/joint_states",
            description="Joint states: the fast ones of the arm itself",
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
    ]
    camera = LaunchConfiguration("camera_namespace")
    remappings = [
        *((f"camera/camera/{topic}", [camera, f"/{topic}"]) for topic in CAMERA_TOPICS),
        *((topic, LaunchConfiguration(topic)) for topic in ROBOT_TOPICS),
    ]
    given = {
        "checkpoint": ParameterValue(LaunchConfiguration("checkpoint"), value_type=str),
        "dry_run": ParameterValue(LaunchConfiguration("dry_run"), value_type=bool),
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
        parameters=parameters("command_node"),
        remappings=remappings,
    )
    return LaunchDescription(
        [
            *arguments,
            # The command node outlives the policy, and stops the arm; without the command node nothing is left to do.
            RegisterEventHandler(OnProcessExit(target_action=command, on_exit=when_command_node_ends)),
            policy,
            command,
        ]
    )
