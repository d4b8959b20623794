"""What launch files may count on: the documented behaviour of ROS 2's launch and launch_ros. Runs under either."""

from __future__ import annotations

import re
import signal
import sys
import textwrap
from typing import List  # noqa: UP035

import pytest
import yaml
from helpers.launching import Launched, install_package, wait_until_gone
from launch import LaunchContext, LaunchDescription
from launch.actions import DeclareLaunchArgument, GroupAction, IncludeLaunchDescription
from launch.conditions import IfCondition, UnlessCondition
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution, PythonExpression, TextSubstitution
from launch_ros.parameter_descriptions import ParameterValue

RUNNER = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [tuple(text.split(":=", 1)) for text in sys.argv[2:]]
service = LaunchService()
service.include_launch_description(LaunchDescription([
    IncludeLaunchDescription(PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments)]))
sys.exit(service.run())
"""

# ROS 2's launch does not know the builtin list as a parameter's type.
ARRAY_OF = {float: List[float], int: List[int], str: List[str], bool: List[bool]}  # noqa: UP006

PRELUDE = """
import sys
from launch import LaunchDescription
from launch.actions import (
    DeclareLaunchArgument, EmitEvent, ExecuteProcess, GroupAction, IncludeLaunchDescription, LogInfo, OpaqueFunction,
    RegisterEventHandler, SetEnvironmentVariable, SetLaunchConfiguration, Shutdown, TimerAction,
)
from launch.conditions import IfCondition
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events import Shutdown as ShutdownEvent
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node, PushRosNamespace
from launch_ros.parameter_descriptions import ParameterValue

def script(text, **options):
    return ExecuteProcess(cmd=[sys.executable, "-u", "-c", text], name="script", output="screen", **options)

def generate_launch_description():
    return LaunchDescription(entities())

"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Starts launch files; what still runs at the end of the test is killed."""
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    started: list[Launched] = []

    def start(body: str, *arguments: str) -> Launched:
        """Run a launch file, written from the body of its `entities()`."""
        path = tmp_path / "test.launch.py"
        path.write_text(PRELUDE + textwrap.dedent(body))
        started.append(Launched([sys.executable, "-c", RUNNER, str(path), *arguments]))
        return started[-1]

    yield start
    for launched in started:
        launched.kill()


def performed(substitution, **configurations: str) -> str:
    context = LaunchContext()
    context.launch_configurations.update(configurations)
    return context.perform_substitution(substitution)


# Substitutions and conditions


def test_launch_configuration_gives_the_value_or_its_default():
    assert performed(LaunchConfiguration("a"), a="1") == "1"
    assert performed(LaunchConfiguration("a", default="2")) == "2"
    with pytest.raises(Exception, match="'a' does not exist"):
        performed(LaunchConfiguration("a"))


def test_paths_are_joined_of_mixed_parts():
    path = PathJoinSubstitution([TextSubstitution(text="/share"), "config", LaunchConfiguration("a")])
    assert performed(path, a="fr3.yaml") == "/share/config/fr3.yaml"


def test_python_expression_sees_the_configurations_text():
    expression = PythonExpression(["'", LaunchConfiguration("mode"), "' == 'lockstep'"])
    assert performed(expression, mode="lockstep") == "True"
    assert performed(expression, mode="realtime") == "False"


@pytest.mark.parametrize(
    ("text", "holds"), [("true", True), ("True", True), ("1", True), ("false", False), ("0", False)]
)
def test_conditions_read_true_and_false(text, holds):
    assert IfCondition(text).evaluate(LaunchContext()) is holds
    assert UnlessCondition(text).evaluate(LaunchContext()) is not holds


def test_condition_of_other_text_is_refused():
    with pytest.raises(Exception, match="maybe"):
        IfCondition("maybe").evaluate(LaunchContext())


# Arguments


def visit(entity, context) -> None:
    for following in entity.visit(context) or ():
        visit(following, context)


def test_argument_takes_its_default_only_when_not_given():
    for given, expected in ({}, "7"), ({"a": "8"}, "8"):
        context = LaunchContext()
        context.launch_configurations.update(given)
        visit(DeclareLaunchArgument("a", default_value="7"), context)
        assert context.launch_configurations["a"] == expected


def test_argument_without_value_is_named():
    with pytest.raises(RuntimeError, match=r'launch argument "a" .*was not provided'):
        visit(DeclareLaunchArgument("a", description="a number"), LaunchContext())


def test_argument_outside_of_its_choices_is_refused():
    context = LaunchContext()
    context.launch_configurations["a"] = "z"
    with pytest.raises(RuntimeError, match=r""""z" is not valid. Valid options are: \['x', 'y'\]"""):
        visit(DeclareLaunchArgument("a", choices=["x", "y"]), context)


def test_launch_arguments_are_listed_once_and_in_order():
    description = LaunchDescription(
        [
            DeclareLaunchArgument("b"),
            GroupAction([DeclareLaunchArgument("a", description="first")]),
            DeclareLaunchArgument("a", description="second"),
        ]
    )
    assert [(each.name, each.description) for each in description.get_launch_arguments()] == [
        ("b", "no description given"),
        ("a", "first"),
    ]


def test_included_file_lacking_a_required_argument_is_named(tmp_path):
    path = tmp_path / "inner.launch.py"
    path.write_text(PRELUDE + "def entities():\n    return [DeclareLaunchArgument('speed')]\n")
    with pytest.raises(RuntimeError, match="speed"):
        visit(IncludeLaunchDescription(PythonLaunchDescriptionSource(str(path))), LaunchContext())


def test_included_file_sees_the_arguments_given(run, tmp_path):
    (tmp_path / "inner.launch.py").write_text(
        PRELUDE + "def entities():\n"
        "    return [DeclareLaunchArgument('speed'), LogInfo(msg=['speed is ', LaunchConfiguration('speed')])]\n"
    )
    code, output = run(
        f"""
        def entities():
            source = PythonLaunchDescriptionSource({str(tmp_path / "inner.launch.py")!r})
            return [IncludeLaunchDescription(source, launch_arguments={{"speed": "3"}}.items())]
        """
    ).finish()
    assert code == 0, output
    assert "[launch.user]: speed is 3" in output


# Groups, functions, timers, environment


def test_group_keeps_its_configurations_and_environment_to_itself(run):
    _, output = run(
        """
        def entities():
            show = "import os; print('depth', os.environ.get('DEPTH'))"
            return [
                SetEnvironmentVariable("DEPTH", "outer"),
                SetLaunchConfiguration("a", "outer"),
                GroupAction([
                    SetLaunchConfiguration("a", "inner"), SetEnvironmentVariable("DEPTH", "inner"),
                    LogInfo(msg=["in the group ", LaunchConfiguration("a")]), script(show),
                ]),
                LogInfo(msg=["after the group ", LaunchConfiguration("a")]),
                TimerAction(period=1.0, actions=[script(show)]),
            ]
        """
    ).finish()
    assert "in the group inner" in output
    assert "after the group outer" in output
    assert output.index("depth inner") < output.index("depth outer")


def test_group_without_forwarding_knows_only_its_own_configurations(run):
    _, output = run(
        """
        def entities():
            a, b = LaunchConfiguration("a", default="no a"), LaunchConfiguration("b", default="no b")
            show = LogInfo(msg=[a, " ", b])
            return [SetLaunchConfiguration("a", "1"),
                    GroupAction([show], forwarding=False, launch_configurations={"b": "2"}), show]
        """
    ).finish()
    assert "[launch.user]: no a 2" in output
    assert "[launch.user]: 1 no b" in output


def test_configurations_of_a_group_without_forwarding_may_name_its_surroundings(run):
    _, output = run(
        """
        def entities():
            own = {"b": ["from ", LaunchConfiguration("a")]}
            a, b = LaunchConfiguration("a", default="no a"), LaunchConfiguration("b", default="no b")
            show = LogInfo(msg=[a, ", ", b])
            return [SetLaunchConfiguration("a", "1"),
                    GroupAction([show], forwarding=False, launch_configurations=own), show]
        """
    ).finish()
    assert "[launch.user]: no a, from 1" in output
    assert "[launch.user]: 1, no b" in output


def test_actions_can_be_added_to_a_description(run):
    _, output = run(
        """
        def entities():
            inner = LaunchDescription()
            inner.add_action(LogInfo(msg="added"))
            return [inner]
        """
    ).finish()
    assert "[launch.user]: added" in output


def test_shutdown_does_not_wait_for_timers(run):
    launched = run(
        """
        def entities():
            late, soon = [LogInfo(msg="late")], [Shutdown()]
            return [TimerAction(period=3600.0, actions=late), TimerAction(period=0.1, actions=soon)]
        """
    )
    code, output = launched.finish()
    assert code == 0
    assert "late" not in output


def test_group_whose_condition_fails_is_left_out(run):
    _, output = run(
        """
        def entities():
            return [GroupAction([LogInfo(msg="inside")], condition=IfCondition("false")), LogInfo(msg="outside")]
        """
    ).finish()
    assert "inside" not in output
    assert "outside" in output


def test_opaque_function_gets_the_context_and_its_actions_run(run):
    _, output = run(
        """
        def function(context, factor):
            return [LogInfo(msg=str(int(LaunchConfiguration("a").perform(context)) * factor))]

        def entities():
            return [DeclareLaunchArgument("a"), OpaqueFunction(function=function, args=[3])]
        """,
        "a:=14",
    ).finish()
    assert "[launch.user]: 42" in output


def test_error_in_a_launch_file_ends_the_launch_and_its_processes(run):
    launched = run(
        """
        def fail(context):
            raise ValueError("no such calibration")

        def entities():
            return [script("import time; print('up'); time.sleep(60)"),
                    TimerAction(period=0.5, actions=[OpaqueFunction(function=fail)])]
        """
    )
    code, output = launched.finish()
    assert code == 1
    assert "Caught exception in launch" in output
    assert "no such calibration" in output


# Processes


def test_output_is_prefixed_with_name_and_number(run):
    code, output = run(
        """
        def entities():
            return [script("import sys; print('to out'); print('to err', file=sys.stderr)")]
        """
    ).finish()
    assert code == 0
    assert "[script-1] to out" in output
    assert "[script-1] to err" in output
    assert "[INFO] [script-1]: process has finished cleanly [pid" in output


def test_output_goes_to_the_log_alone_unless_the_screen_is_named(run, tmp_path):
    _, output = run(
        """
        def entities():
            return [ExecuteProcess(cmd=[sys.executable, "-c", "print('quiet words')"])]
        """
    ).finish()
    assert "quiet words" not in output
    assert any("quiet words" in path.read_text() for path in (tmp_path / "log").rglob("*.log"))


def test_working_folder_and_environment_are_the_actions_own(run, tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    _, output = run(
        f"""
        def entities():
            show = "import os; print('env', os.getcwd(), os.environ.get('KEPT'), os.environ.get('ADDED'))"
            return [script(show, cwd={str(tmp_path)!r}, additional_env={{"ADDED": LaunchConfiguration("a")}}),
                    TimerAction(period=0.5, actions=[script(show, env={{"ADDED": "alone"}})])]
        """,
        "a:=added",
    ).finish()
    assert f"env {tmp_path} kept added" in output
    assert "None alone" in output


def test_shell_commands_are_run_by_a_shell(run):
    _, output = run(
        """
        def entities():
            return [ExecuteProcess(cmd=["echo one", "&& echo two"], shell=True, output="screen")]
        """
    ).finish()
    assert "[echo one-1] one" in output
    assert "[echo one-1] two" in output


def test_output_of_each_stream_may_be_chosen(run):
    _, output = run(
        """
        def entities():
            both = "import sys; print('to out'); print('to err', file=sys.stderr)"
            return [ExecuteProcess(cmd=[sys.executable, "-c", both], output={"stdout": "screen", "stderr": "log"})]
        """
    ).finish()
    assert "to out" in output
    assert "to err" not in output


def test_death_of_a_process_is_reported_with_its_exit_code(run):
    code, output = run("def entities():\n    return [script('import sys; sys.exit(3)')]\n").finish()
    assert code == 0  # as in ROS 2: a process that nobody declared as required
    assert "process has died [pid" in output
    assert "exit code 3" in output


def test_handler_of_a_required_process_makes_the_launch_fail(run):
    code, output = run(
        """
        def on_exit(event, context):
            if event.returncode:
                raise RuntimeError(f"bridge ended with {event.returncode}")

        def entities():
            bridge = script("import sys; sys.exit(3)")
            return [bridge, script("import time; time.sleep(60)"),
                    RegisterEventHandler(OnProcessExit(target_action=bridge, on_exit=on_exit))]
        """
    ).finish()
    assert code == 1
    assert "bridge ended with 3" in output


def test_on_exit_shutdown_takes_the_others_along(run):
    launched = run(
        """
        def entities():
            return [script("print('done')", on_exit=Shutdown()),
                    script("import os, time; print('other', os.getpid()); time.sleep(60)")]
        """
    )
    code, output = launched.finish()
    assert code == 0
    assert "sending signal 'SIGINT' to process[script-2]" in output


def test_shutdown_event_runs_the_shutdown_handlers(run):
    code, output = run(
        """
        def entities():
            return [RegisterEventHandler(OnShutdown(on_shutdown=[LogInfo(msg="closing")])),
                    script("import time; time.sleep(60)"),
                    TimerAction(period=0.3, actions=[EmitEvent(event=ShutdownEvent(reason="enough"))])]
        """
    ).finish()
    assert code == 0
    assert "[launch.user]: closing" in output


def test_exit_handler_sees_only_its_own_process(run):
    _, output = run(
        """
        def entities():
            first, second = script("print(1)"), script("print(2)")
            return [first, second,
                    RegisterEventHandler(OnProcessExit(target_action=second, on_exit=[LogInfo(msg="second ended")]))]
        """
    ).finish()
    assert output.count("second ended") == 1


def test_program_that_does_not_exist_is_named(run):
    _, output = run("def entities():\n    return [ExecuteProcess(cmd=['no-such-program'])]\n").finish()
    assert "no-such-program" in output


def test_interrupting_the_launch_stops_every_process(run):
    launched = run(
        """
        def entities():
            return [script("import os, time; print('up with pid', os.getpid()); time.sleep(60)")]
        """
    )
    pid = int(launched.wait_for("up with pid"))
    launched.process.send_signal(signal.SIGINT)
    launched.finish()
    assert wait_until_gone(pid)


def test_process_that_ignores_sigint_gets_sigterm_then_sigkill(run):
    launched = run(
        """
        def entities():
            deaf = "import signal, time; [signal.signal(s, signal.SIG_IGN) for s in (2, 15)]; print('up')"
            deaf += "; time.sleep(60)"
            return [script(deaf, sigterm_timeout="0.3", sigkill_timeout="0.3")]
        """
    )
    launched.wait_for("up")
    launched.process.send_signal(signal.SIGINT)
    _, output = launched.finish()
    assert "failed to terminate '0.3' seconds after receiving 'SIGINT', escalating to 'SIGTERM'" in output
    assert "failed to terminate '0.6' seconds after receiving 'SIGTERM', escalating to 'SIGKILL'" in output


# Nodes


ECHO_ARGUMENTS = """
import os, sys
print("argv", sys.argv[1:])
for file in [sys.argv[i + 1] for i, word in enumerate(sys.argv) if word == "--params-file"]:
    print("file", " ".join(open(file).read().split()))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An installed package `echoing` whose executable `node` prints its command line and parameter files."""
    install_package(tmp_path / "prefix", "echoing", {"node": ECHO_ARGUMENTS})
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"), prepend=":")


def node_output(run, body: str, *arguments: str) -> str:
    code, output = run(body, *arguments).finish()
    assert code == 0, output
    return output


def test_node_gets_name_namespace_remappings_and_arguments(run, package):
    output = node_output(
        run,
        """
        def entities():
            return [Node(package="echoing", executable="node", name="eye", namespace="arm", output="screen",
                         arguments=["--flag"], remappings=[("image", "/camera/image")])]
        """,
    )
    argv = yaml.safe_load(output.partition("argv ")[2].splitlines()[0])
    assert argv[:2] == ["--flag", "--ros-args"]
    pairs = list(zip(argv[2::2], argv[3::2], strict=True))
    assert pairs == [("-r", "__node:=eye"), ("-r", "__ns:=/arm"), ("-r", "image:=/camera/image")]
    assert "[node-1] argv" in output


def test_parameters_keep_their_order_and_types(run, package, tmp_path):
    (tmp_path / "given.yaml").write_text("/**: {ros__parameters: {a: 1}}")
    output = node_output(
        run,
        f"""
        def entities():
            return [Node(package="echoing", executable="node", output="screen", parameters=[
                {str(tmp_path / "given.yaml")!r},
                {{"count": LaunchConfiguration("count"),
                  "text": ParameterValue(LaunchConfiguration("count"), value_type=str),
                  "flag": True, "box": [0.1, 2], "nested": {{"gain": 1.5}}, "none": LaunchConfiguration("empty")}},
            ])]
        """,
        "count:=3",
        "empty:=",
    )
    assert output.index("{a: 1}") < output.index("count: 3")
    assert "text: '3'" in output
    assert "flag: true" in output
    assert re.search(r"box: (!!python/tuple )?- 0.1 - 2.0", output)
    assert "gain: 1.5" in output
    assert "none: ''" in output


def test_parameter_file_that_is_not_there_is_told_of_and_left_out(run, package):
    output = node_output(
        run,
        """
        def entities():
            return [Node(package="echoing", executable="node", output="screen", parameters=["nosuch.yaml", {"a": 1}])]
        """,
    )
    assert "Parameter file path is not a file: nosuch.yaml" in output
    argv = yaml.safe_load(output.partition("argv ")[2].splitlines()[0])
    assert "nosuch.yaml" not in argv
    assert "a: 1" in output


@pytest.mark.parametrize(
    ("text", "items", "value"),
    [("[0.1, 2.0]", float, [0.1, 2.0]), ("[1, 2]", int, [1, 2]), ("[a, b]", str, ["a", "b"]), ("[true]", bool, [True])],
)
def test_parameter_may_be_an_array_of_a_type(text, items, value):
    context = LaunchContext()
    context.launch_configurations["box"] = text
    assert ParameterValue(LaunchConfiguration("box"), value_type=ARRAY_OF[items]).evaluate(context) == value
    assert ParameterValue(value).evaluate(context) == value


@pytest.mark.parametrize("text", ["1.0", "[a]", "[true]"])
def test_array_of_another_type_is_refused(text):
    context = LaunchContext()
    context.launch_configurations["box"] = text
    with pytest.raises(ValueError, match="float"):
        ParameterValue(LaunchConfiguration("box"), value_type=ARRAY_OF[float]).evaluate(context)


def test_namespaces_of_groups_add_up(run, package):
    output = node_output(
        run,
        """
        def entities():
            node = dict(package="echoing", executable="node", output="screen")
            return [
                GroupAction([PushRosNamespace("cell"), GroupAction([PushRosNamespace("left"), Node(**node)]),
                             Node(**node, namespace="camera"), Node(**node, namespace="/absolute")]),
                Node(**node, name="outside"),
            ]
        """,
    )
    namespaces = {line.partition("__ns:=")[2].split("'")[0] for line in output.splitlines() if "__ns:=" in line}
    assert namespaces == {"/cell/left", "/cell/camera", "/absolute"}
    assert "'-r', '__node:=outside']" in output


def test_lifecycle_node_needs_name_and_namespace(run, package):
    from launch_ros.actions import LifecycleNode

    with pytest.raises(TypeError):
        LifecycleNode(package="echoing", executable="node")  # pyright: ignore[reportCallIssue]


def test_node_of_an_unknown_executable_is_refused_by_name(run, package):
    code, output = run("def entities():\n    return [Node(package='echoing', executable='nod')]\n").finish()
    assert code == 1
    assert "'nod'" in output
    assert "echoing" in output


def test_package_that_is_not_installed_is_refused_by_name(run):
    code, output = run("def entities():\n    return [Node(package='nowhere', executable='node')]\n").finish()
    assert code == 1
    assert "'nowhere' not found" in output
