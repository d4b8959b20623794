"""Records demonstrations into a dataset and, beside it, what was sensed and commanded into a bag.

    ros2 launch sdm_bringup record.launch.py contract:=contract.yaml output:=demos.zarr bag:=demos_bag
    ros2 service call /recorder_node/start std_srvs/srv/Trigger
    ros2 service call /recorder_node/label std_srvs/srv/SetBool '{data: true}'      or …/discard, a Trigger

The arm is moved by other means (another controller, or by hand with `actions:=measured`): the recorder listens to the
commands on `target_pose` and `gripper_command` as it does to the sensors, and publishes none. With `teleop:=true`
command_node runs, too, and `sdm-teleop` in a terminal of its own moves the arm through it. With `sim:=true` the arm is
the simulated twin:

    sdm-tasks franka/pick-place --contract contract.yaml
    ros2 launch sdm_bringup record.launch.py sim:=true contract:=contract.yaml output:=demos.zarr bag:=demos_bag
    sdm-teleop --ros-args -p checkpoint:=contract.yaml -p use_sim_time:=true

The bag suffices to make the dataset again, under another contract if need be: `sdm-convert demos_bag -o again.zarr`.
"""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, RegisterEventHandler
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
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

# What the bag holds of each camera, beside the robot's topics, and of everything else. Each name is matched as a whole:
# a driver compresses its images as soon as anybody listens to <image>/compressed or any other of image_transport's.
CAMERA_TOPICS = (
    "depth/image_rect_raw",
    "depth/camera_info",
    "aligned_depth_to_color/image_raw",
    "aligned_depth_to_color/camera_info",
    "color/image_raw",
    "color/camera_info",
    "depth/color/points",
)
OTHER_TOPICS = (
    "tf",
    "tf_static",
    "clock",
    "diagnostics",
    "joint_states",
    "native_command",
    "(.+/)?(action_chunk|heartbeat|trace|episode_event)",
)


def recorded_topics():
    """A regular expression of the bag's topics, which `ros2 bag record` reads alike on every distribution."""
    cameras = [LaunchConfiguration("camera_namespace"), f"/[^/]+/({'|'.join(CAMERA_TOPICS)})"]
    robot = [part for topic in ROBOT_TOPICS for part in ("|", LaunchConfiguration(topic))]
    return ["^/*(", *cameras, *robot, *(f"|{topic}" for topic in OTHER_TOPICS), ")$"]


def fails_with(process):
    """The process: where it fails the launch does, where it ends well the launch goes on."""

    def when_it_ends(event, context):
        if event.returncode != 0 and not context.is_shutdown:
            raise RuntimeError(f"{event.process_name} ended with exit code {event.returncode}")

    return [RegisterEventHandler(OnProcessExit(target_action=process, on_exit=when_it_ends)), process]


def command_node(context, remappings):
    """Of the twin, whose clock ticks at the control rate, to which its commands keep; or of the arm, for sdm-teleop."""
    if SIM.perform(context) == "True":
        parameters, remappings = [{"checkpoint": text("contract"), "sink": "pose", "use_sim_time": True}], []
    elif LaunchConfiguration("teleop").perform(context) == "true":
        parameters = [LaunchConfiguration("robot"), {"checkpoint": text("contract"), "dry_run": flag("dry_run")}]
    else:
        return []
    node = Node(
        package="sdm_policy_node",
        executable="command_node",
        name="command_node",
        output="screen",
        parameters=[*parameters, *speed_share(context)],
        remappings=remappings,
    )
    return fails_with(node)


def generate_launch_description():
    arguments = [
        DeclareLaunchArgument("contract", description="The contract to record under: contract.yaml, or a checkpoint"),
        DeclareLaunchArgument("output", description="Dataset (.zarr) that episodes are appended to; made if it is new"),
        DeclareLaunchArgument(
            "bag",
            default_value="",
            description="New folder of an MCAP bag of what is sensed and commanded; empty: none",
        ),
        DeclareLaunchArgument("depth", default_value="false", description="Store the depth images beside the clouds"),
        DeclareLaunchArgument(
            "actions",
            default_value="commands",
            choices=["commands", "measured"],
            description="What somebody commands the arm, or, where it is led by hand, where it then stands",
        ),
        DeclareLaunchArgument(
            "sim", default_value="false", choices=["true", "false"], description="The simulated twin in the arm's place"
        ),
        DeclareLaunchArgument("task", default_value="franka/pick-place", description="Task of the simulated twin"),
        DeclareLaunchArgument("seed0", default_value="0", description="Seed of the twin's first scene"),
        DeclareLaunchArgument(
            "teleop",
            default_value="false",
            choices=["true", "false"],
            description="Run command_node for sdm-teleop; the twin has it anyhow",
        ),
        DeclareLaunchArgument(
            "dry_run",
            default_value="true",
            choices=["true", "false"],
            description="command_node sends nothing to the real arm; set false to move it",
        ),
        speed_share_argument(),
        DeclareLaunchArgument(
            "robot",
            default_value=PathJoinSubstitution([CONFIG, "robot", "fr3.yaml"]),
            description="Parameter file of the arm",
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
            description="Joint states; by itself /franka/joint_states, on the twin /joint_states",
        ),
        DeclareLaunchArgument("current_pose", default_value="/current_pose", description="Pose of the tool"),
        DeclareLaunchArgument("target_pose", default_value="/target_pose", description="Pose commanded to the arm"),
        DeclareLaunchArgument(
            "gripper_command", default_value="/gripper_command", description="Number commanded to the gripper"
        ),
        *cockpit_arguments(),
    ]
    remappings = [(topic, LaunchConfiguration(topic)) for topic in ROBOT_TOPICS]
    recorder = Node(
        package="sdm_policy_node",
        executable="recorder_node",
        name="recorder_node",
        output="screen",
        parameters=[
            LaunchConfiguration("robot"),
            LaunchConfiguration("camera"),
            {
                "checkpoint": text("contract"),
                "camera_namespace": text("camera_namespace"),
                "output": text("output"),
                "record_depth": flag("depth"),
                "actions": text("actions"),
                "use_sim_time": flag(SIM),
            },
        ],
        remappings=remappings,
    )
    bag = ExecuteProcess(
        cmd=[
            *("ros2", "bag", "record", "--storage", "mcap"),
            *("--regex", recorded_topics(), "--output", LaunchConfiguration("bag")),
        ],
        name="bag",
        output="screen",
        condition=IfCondition(PythonExpression(["'", LaunchConfiguration("bag"), "' != ''"])),
    )
    twin = Node(
        package="sdm_sim",
        executable="bridge_node",
        name="bridge_node",
        output="screen",
        parameters=[
            {
                "task": text("task"),
                "checkpoint": text("contract"),
                "mode": "teleop",
                "episodes": 0,
                "seed0": number("seed0"),
                "camera_every": 1,
            },
        ],
        condition=IfCondition(SIM),
    )
    cockpit = cockpit_node(
        [
            LaunchConfiguration("robot"),
            LaunchConfiguration("camera"),
            {
                "checkpoint": text("contract"),
                "camera_namespace": text("camera_namespace"),
                "use_sim_time": flag(SIM),
            },
        ],
        remappings,
    )
    return LaunchDescription(
        [
            OpaqueFunction(function=refuse_unknown_arguments, args=[__file__, arguments]),
            *arguments,
            OpaqueFunction(function=require_files, args=["robot", "camera"]),
            *one_thread(),
            ends_with(recorder, "recorder_node", "recorder_node has ended"),
            recorder,
            *fails_with(bag),
            OpaqueFunction(function=command_node, args=[remappings]),
            *fails_with(twin),
            cockpit,
        ]
    )
