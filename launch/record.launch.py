"""Records demonstrations from a live robot's topics into a dataset, an episode at a time.

    ros2 launch sdm_bringup record.launch.py contract:=contract.yaml output:=demos.zarr
    ros2 service call /recorder_node/start std_srvs/srv/Trigger      then …/keep or …/discard

The arm is moved by other means (teleoperation, another controller): the recorder listens to the commands on
`target_pose` and `gripper_command` as it does to the sensors, and publishes none.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

CONFIG = PathJoinSubstitution([FindPackageShare("sdm_bringup"), "config"])
CAMERA_TOPICS = ("depth/image_rect_raw", "depth/camera_info", "depth/color/points")
ROBOT_TOPICS = ("joint_states", "current_pose", "target_pose", "gripper_command")


def when_recorder_ends(event, context):
    if event.returncode != 0 and not context.is_shutdown:
        raise RuntimeError(f"recorder_node ended with exit code {event.returncode}")


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument("contract", description="The contract to record under: contract.yaml, or a checkpoint"),
        DeclareLaunchArgument("output", description="Dataset (.zarr) that episodes are appended to; made if it is new"),
        DeclareLaunchArgument("depth", default_value="false", description="Store the depth images beside the clouds"),
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
        DeclareLaunchArgument("joint_states", default_value="/franka/joint_states", description="Joint states"),
        DeclareLaunchArgument("current_pose", default_value="/current_pose", description="Pose of the tool"),
        DeclareLaunchArgument("target_pose", default_value="/target_pose", description="Pose commanded to the arm"),
        DeclareLaunchArgument(
            "gripper_command", default_value="/gripper_command", description="Number commanded to the gripper"
        ),
    ]
    camera = LaunchConfiguration("camera_namespace")
    recorder = Node(
        package="sdm_policy_node",
        executable="recorder_node",
        name="recorder_node",
        output="screen",
        parameters=[
            PathJoinSubstitution([CONFIG, "nodes", "recorder_node.yaml"]),
            LaunchConfiguration("robot"),
            LaunchConfiguration("camera"),
            {
                "checkpoint": ParameterValue(LaunchConfiguration("contract"), value_type=str),
                "output": ParameterValue(LaunchConfiguration("output"), value_type=str),
                "record_depth": ParameterValue(LaunchConfiguration("depth"), value_type=bool),
            },
        ],
        remappings=[
            *((f"camera/camera/{topic}", [camera, f"/{topic}"]) for topic in CAMERA_TOPICS),
            *((topic, LaunchConfiguration(topic)) for topic in ROBOT_TOPICS),
        ],
    )
    end = RegisterEventHandler(OnProcessExit(target_action=recorder, on_exit=when_recorder_ends))
    return LaunchDescription([*arguments, end, recorder])
