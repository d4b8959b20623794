"""The policy on the ROS graph, in simulation: bridge, policy node and, as asked for, command node and recorder.

    ros2 launch sdm_bringup sim.launch.py task:=metaworld/door-open mode:=realtime episodes:=10

With `mode:=expert` the task's expert takes the policy's place, so that its demonstrations can be recorded as a robot's:

    sdm-tasks franka/pick-place --contract contract.yaml
    ros2 launch sdm_bringup sim.launch.py task:=franka/pick-place mode:=expert checkpoint:=contract.yaml record:=true

The bridge ends after its episodes and takes the launch with it; the launch's exit code is not 0 when the bridge's was
not, or when another node ended first.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, RegisterEventHandler
from launch.conditions import IfCondition, UnlessCondition
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare
from sdm_policy_node.launch_arguments import refuse_unknown_arguments
from sdm_policy_node.launch_parts import cockpit_arguments, cockpit_node, ends_with, flag, number, one_thread, text

SHARE = FindPackageShare("sdm_bringup")


def require_checkpoint(context):
    """Refuse a missing checkpoint before anything starts: the bridge would wait for the policy in vain."""
    checkpoint = Path(LaunchConfiguration("checkpoint").perform(context))
    if LaunchConfiguration("mode").perform(context) == "expert":
        if not checkpoint.is_file():
            raise RuntimeError(f"no contract {checkpoint}; make one: sdm-tasks TASK --contract contract.yaml")
    elif not checkpoint.is_dir():
        shipped = sorted(path.name for path in Path(SHARE.perform(context), "models").glob("*_sdm"))
        raise RuntimeError(f"no checkpoint folder {checkpoint}; shipped students: {', '.join(shipped) or 'none'}")


def when_another_node_ends(event, context):
    if not context.is_shutdown:
        raise RuntimeError(f"{event.process_name} ended before the bridge, with exit code {event.returncode}")


def generate_launch_description():
    lockstep = PythonExpression(["'", LaunchConfiguration("mode"), "' == 'lockstep'"])
    realtime = PythonExpression(["'", LaunchConfiguration("mode"), "' == 'realtime'"])
    expert = PythonExpression(["'", LaunchConfiguration("mode"), "' == 'expert'"])
    # A robot's cell is told poses as the real one, the other tasks their environments' own commands.
    sink = PythonExpression(["'pose' if '", LaunchConfiguration("task"), "'.startswith('franka/') else 'native'"])
    # A task's variants, such as metaworld/push+moving, have its student.
    shipped_student = [
        PathJoinSubstitution([SHARE, "models", ""]),
        PythonExpression(["'", LaunchConfiguration("task"), "'.split('+')[0].replace('/', '_')"]),
        "_sdm",
    ]
    arguments = [
        DeclareLaunchArgument(
            "task", default_value="metaworld/door-open", description="Simulated task, of the registry of sdm_sim"
        ),
        DeclareLaunchArgument(
            "checkpoint",
            default_value=shipped_student,
            description="Checkpoint folder; the task's shipped student if not given",
        ),
        DeclareLaunchArgument(
            "mode",
            default_value="lockstep",
            choices=["lockstep", "realtime", "expert"],
            description="Whether the world waits for the policy, runs on at its own rate, or its expert drives",
        ),
        DeclareLaunchArgument("episodes", default_value="10", description="Episodes to run; 0: without end"),
        DeclareLaunchArgument(
            "seed0",
            default_value="10000",
            description="Seed of the first episode; the following ones count up from it",
        ),
        DeclareLaunchArgument("backend", default_value="openvino", description="Inference backend"),
        DeclareLaunchArgument("threads", default_value="1", description="Threads of the inference backend"),
        DeclareLaunchArgument(
            "camera_every",
            default_value="0",
            description="Control steps between images; 0: as many as the policy needs; always 1 when recording",
        ),
        DeclareLaunchArgument(
            "camera_noise",
            default_value="none",
            choices=["none", "d4xx"],
            description="Depth camera whose noise is put onto the depth images",
        ),
        DeclareLaunchArgument(
            "real_time_factor",
            default_value="1.0",
            description="Seconds of simulated time that pass in one of wall time; not in lockstep",
        ),
        DeclareLaunchArgument(
            "latency_ms", default_value="0.0", description="Delay of all sensor messages, of simulated time; realtime"
        ),
        DeclareLaunchArgument("record", default_value="false", description="Record the successful episodes"),
        DeclareLaunchArgument(
            "output", default_value="recorded.zarr", description="Dataset that recorded episodes are appended to"
        ),
        DeclareLaunchArgument(
            "results",
            default_value="",
            description="File of JSON lines that each episode's result is appended to; empty: none",
        ),
        DeclareLaunchArgument(
            "traces",
            default_value="",
            description="File of JSON lines for every answer of the policy, with timings; empty: none",
        ),
        DeclareLaunchArgument("video", default_value="", description="Video (.mp4) of the first episode; empty: none"),
        DeclareLaunchArgument(
            "dry_run",
            default_value="false",
            choices=["true", "false"],
            description="Do everything but publish commands: the world stays uncommanded",
        ),
        *cockpit_arguments(),
    ]

    bridge = Node(
        package="sdm_sim",
        executable="bridge_node",
        name="bridge_node",
        output="screen",
        parameters=[
            {
                "task": text("task"),
                "mode": text("mode"),
                "episodes": number("episodes"),
                "seed0": number("seed0"),
                "camera_every": ParameterValue(
                    PythonExpression(
                        [
                            "1 if '",
                            LaunchConfiguration("record"),
                            "'.lower() in ('true', '1') else ",
                            LaunchConfiguration("camera_every"),
                        ]
                    ),
                    value_type=int,
                ),
                "camera_noise": text("camera_noise"),
                "real_time_factor": number("real_time_factor", float),
                "latency_ms": number("latency_ms", float),
                "results": text("results"),
                "traces": text("traces"),
                "video": text("video"),
                "record": flag("record"),
                "checkpoint": text("checkpoint"),
            },
        ],
    )
    reliable = PythonExpression(["'", LaunchConfiguration("mode"), "' != 'realtime'"])
    pairing = PythonExpression(["'order' if ", reliable, " else 'time'"])
    sensing = {"checkpoint": text("checkpoint"), "reliable_sensors": flag(reliable), "use_sim_time": True}
    policy = Node(
        package="sdm_policy_node",
        executable="policy_node",
        name="policy_node",
        output="screen",
        parameters=[
            sensing,
            {
                "backend": text("backend"),
                "threads": number("threads"),
                "command": PythonExpression(["'inline' if ", lockstep, " else 'chunk'"]),
                "sink": sink,
                "dry_run": flag("dry_run"),
            },
        ],
        condition=UnlessCondition(expert),
    )
    command = Node(
        package="sdm_policy_node",
        executable="command_node",
        name="command_node",
        output="screen",
        parameters=[
            {
                "checkpoint": text("checkpoint"),
                "sink": sink,
                "dry_run": flag("dry_run"),
                "use_sim_time": True,
            },
        ],
        condition=IfCondition(realtime),
    )
    recorder = Node(
        package="sdm_policy_node",
        executable="recorder_node",
        name="recorder_node",
        output="screen",
        parameters=[
            sensing,
            {
                "sink": sink,
                "output": text("output"),
                "pairing": pairing,
                "camera_noise": text("camera_noise"),
            },
        ],
        condition=IfCondition(LaunchConfiguration("record")),
    )
    cockpit = cockpit_node([{"checkpoint": text("checkpoint"), "use_sim_time": True}])

    return LaunchDescription(
        [
            OpaqueFunction(function=refuse_unknown_arguments, args=[__file__, arguments]),
            *arguments,
            OpaqueFunction(function=require_checkpoint),
            *one_thread(),
            ends_with(bridge, "bridge_node", "bridge_node has finished its episodes"),
            *(
                RegisterEventHandler(OnProcessExit(target_action=node, on_exit=when_another_node_ends))
                for node in (policy, command, recorder)
            ),
            policy,
            command,
            recorder,
            cockpit,
            bridge,
        ]
    )
