"""What this project's launch files have in common: twin, types of parameters, cockpit, and how a launch ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launch.actions import DeclareLaunchArgument, RegisterEventHandler, SetEnvironmentVariable, Shutdown
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

CONFIG = PathJoinSubstitution([FindPackageShare("sdm_bringup"), "config"])
"""The shipped parameter files."""
ROBOT_TOPICS = ("joint_states", "current_pose", "target_pose", "gripper_command")
"""The arm's, each a launch argument of that name."""
SIM = PythonExpression(["'", LaunchConfiguration("sim"), "' == 'true'"])
"""Whether the simulated twin runs in the cell's place."""


def for_twin(twin: str, cell: str) -> PythonExpression:
    """An argument's default: one for the simulated twin, one for the real cell."""
    return PythonExpression([f"'{twin}' if ", SIM, f" else '{cell}'"])


def text(name: str) -> ParameterValue:
    """A launch argument as a text parameter, whatever YAML would make of it."""
    return ParameterValue(LaunchConfiguration(name), value_type=str)


def number(name: str, kind: type = int) -> ParameterValue:
    """A launch argument as a number."""
    return ParameterValue(LaunchConfiguration(name), value_type=kind)


def flag(expression: Any) -> ParameterValue:
    """Something that launch evaluates to true or false, or the name of such an argument."""
    held = LaunchConfiguration(expression) if isinstance(expression, str) else expression
    return ParameterValue(held, value_type=bool)


def speed_share_argument() -> DeclareLaunchArgument:
    """How fast `command_node` may move the arm."""
    return DeclareLaunchArgument(
        "speed_share",
        default_value="",
        description="Share of the contract's speed that is allowed, 0.2 at first; empty: that of robot, or 1",
    )


def speed_share(context: Any) -> list[dict[str, ParameterValue]]:
    """What that argument sets, which overrules the robot's file; nothing where it is not given."""
    given = LaunchConfiguration("speed_share").perform(context)
    return [{"speed_share": number("speed_share", float)}] if given else []


def cockpit_arguments() -> list[DeclareLaunchArgument]:
    """Whether `cockpit_node` runs, where, and whether it publishes what it shows."""
    return [
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
        DeclareLaunchArgument(
            "cockpit_visuals",
            default_value="false",
            choices=["true", "false"],
            description="Also publish what that page shows, as messages for RViz and Foxglove",
        ),
    ]


def cockpit_node(parameters: Sequence[Any], remappings: Sequence[Any] = ()) -> Node:
    """The page of the `cockpit_arguments`; it is given what the policy's node is."""
    return Node(
        package="sdm_cockpit",
        executable="cockpit_node",
        name="cockpit_node",
        output="screen",
        parameters=[
            *parameters,
            {
                "host": text("cockpit_host"),
                "port": number("cockpit_port"),
                "visual_messages": flag("cockpit_visuals"),
            },
        ],
        remappings=remappings,
        condition=IfCondition(LaunchConfiguration("cockpit")),
    )


def one_thread() -> list[SetEnvironmentVariable]:
    """One thread a process: software rendering and inference otherwise fight for the same cores."""
    return [SetEnvironmentVariable(name, "1") for name in ("OMP_NUM_THREADS", "LP_NUM_THREADS")]


def ends_with(node: Node, name: str, reason: str) -> RegisterEventHandler:
    """The launch ends when the node of this name does, and fails where that has failed."""

    def when_it_ends(event: Any, context: Any) -> Shutdown:
        if event.returncode != 0 and not context.is_shutdown:
            raise RuntimeError(f"{name} ended with exit code {event.returncode}")
        return Shutdown(reason=reason)

    return RegisterEventHandler(OnProcessExit(target_action=node, on_exit=when_it_ends))
