from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from launch.action import Action
from launch.child_process import ChildProcess
from launch.event import Event
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events.process import ProcessExited
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger, write_output
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitutions import LaunchConfiguration
from launch.utilities import as_entities, normalize_to_list_of_substitutions, perform_substitutions

_OUTPUTS = ("screen", "log", "both")
_process_numbers = itertools.count(1)


class ExecuteProcess(Action):
    """Runs a command, prefixes each line of its output with `[name-number]`, and stops it when the launch ends.

    output: "screen", "log" (the default: standard output to the log file alone), "both", or a dictionary of these for
        "stdout" and "stderr". The log file gets everything.
    env replaces the environment, additional_env adds to it.
    on_exit: actions, or a function `(event, context)` giving them, visited when the process has ended.
    Stop: SIGINT, after `sigterm_timeout` seconds SIGTERM, after `sigkill_timeout` more SIGKILL (5 s each).
    """

    def __init__(
        self,
        *,
        cmd: Sequence[SomeSubstitutionsType],
        name: SomeSubstitutionsType | None = None,
        cwd: SomeSubstitutionsType | None = None,
        env: Mapping[Any, SomeSubstitutionsType] | None = None,
        additional_env: Mapping[Any, SomeSubstitutionsType] | None = None,
        shell: bool = False,
        output: str | Mapping[str, str] = "log",
        sigterm_timeout: Any = None,
        sigkill_timeout: Any = None,
        on_exit: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not cmd:
            raise ValueError("ExecuteProcess: cmd is empty")
        self.__cmd = [normalize_to_list_of_substitutions(part) for part in cmd]
        self.__name = None if name is None else normalize_to_list_of_substitutions(name)
        self.__cwd = None if cwd is None else normalize_to_list_of_substitutions(cwd)
        self.__env = env
        self.__additional_env = additional_env or {}
        self.__shell = shell
        self.__output = _output_of_streams(os.environ.get("OVERRIDE_LAUNCH_PROCESS_OUTPUT") or output)
        self.__sigterm_timeout = _seconds("sigterm_timeout", sigterm_timeout)
        self.__sigkill_timeout = _seconds("sigkill_timeout", sigkill_timeout)
        self.__on_exit = on_exit
        self.__process: ChildProcess | None = None
        self.__ended: asyncio.Future | None = None
        self.__label = ""

    @property
    def process_details(self) -> dict[str, Any] | None:
        """Name, process id and such once it runs, else None."""
        return None if self.__process is None else {"name": self.__label, "pid": self.__process.pid}

    def get_asyncio_future(self) -> asyncio.Future | None:
        return self.__ended

    def describe_conditional_sub_entities(self) -> list[tuple[str, list[LaunchDescriptionEntity]]]:
        return [] if callable(self.__on_exit) else [("the process has ended", as_entities(self.__on_exit))]

    def command(self, context: LaunchContext) -> list[str]:
        """The command line to run; `ros2` is this environment's own stand-in where no ROS 2 is installed."""
        program, *arguments = [perform_substitutions(context, part) for part in self.__cmd]
        if program == "ros2" and shutil.which(program) is None:
            program = str(Path(sys.executable).parent / "ros2-embedded")
        return [program, *arguments]

    def execute(self, context: LaunchContext) -> None:
        if context.is_shutdown:
            return
        loop = context.asyncio_loop
        assert loop is not None
        cmd = self.command(context)
        cwd = None if self.__cwd is None else perform_substitutions(context, self.__cwd)
        name = os.path.basename(cmd[0]) if self.__name is None else self.__perform(context, self.__name)
        label = self.__label = f"{name}-{next(_process_numbers)}"
        logger = get_logger(label)
        ended = self.__ended = loop.create_future()

        def on_line(stream: str, line: str) -> None:
            write_output(label, line, screen="screen" in self.__output[stream])

        def finish(returncode: int) -> None:
            if returncode == 0:
                logger.info("process has finished cleanly [pid %d]", process.pid)
            else:
                logger.error(
                    "process has died [pid %d, exit code %d, cmd '%s'].", process.pid, returncode, " ".join(cmd)
                )
            context.emit_event_sync(
                ProcessExited(action=self, name=label, cmd=cmd, cwd=cwd, pid=process.pid, returncode=returncode)
            )
            ended.set_result(returncode)

        try:
            process = self.__process = ChildProcess(
                cmd,
                shell=self.__shell,
                cwd=cwd,
                env=self.__environment(context),
                on_line=on_line,
                on_exit=lambda returncode: loop.call_soon_threadsafe(finish, returncode),
            )
        except OSError as error:
            ended.set_result(None)
            raise RuntimeError(f"cannot start process[{label}] '{' '.join(cmd)}': {error}") from error
        logger.info("process started with pid [%d]", process.pid)
        if self.__on_exit is not None:
            context.register_event_handler(OnProcessExit(target_action=self, on_exit=self.__on_exit, handle_once=True))
        context.register_event_handler(OnShutdown(on_shutdown=self.__begin_stop, handle_once=True))
        process.watch()

    def __perform(self, context: LaunchContext, value: Any) -> str:
        return perform_substitutions(context, normalize_to_list_of_substitutions(value))

    def __environment(self, context: LaunchContext) -> dict[str, str]:
        env = dict(context.environment) if self.__env is None else {}
        for name, value in {**(self.__env or {}), **self.__additional_env}.items():
            env[self.__perform(context, name)] = self.__perform(context, value)
        return env

    def __begin_stop(self, event: Event, context: LaunchContext) -> None:
        loop, process, ended = context.asyncio_loop, self.__process, self.__ended
        assert loop is not None
        assert process is not None
        assert ended is not None
        logger = get_logger(self.__label)
        waits = [float(self.__perform(context, wait)) for wait in (self.__sigterm_timeout, self.__sigkill_timeout)]

        def send(number: signal.Signals) -> None:
            logger.info("sending signal '%s' to process[%s]", number.name, self.__label)
            process.send_signal(number)

        def escalate(seconds: float, last: signal.Signals, following: list[signal.Signals]) -> None:
            if ended.done():
                return
            logger.error(
                "process[%s] failed to terminate '%g' seconds after receiving '%s', escalating to '%s'",
                self.__label,
                seconds,
                last.name,
                following[0].name,
            )
            send(following[0])
            if len(following) > 1:
                loop.call_later(waits[1], escalate, sum(waits), following[0], following[1:])

        if not ended.done():
            send(signal.SIGINT)
            loop.call_later(waits[0], escalate, waits[0], signal.SIGINT, [signal.SIGTERM, signal.SIGKILL])


def _seconds(configuration: str, value: Any) -> Any:
    """A time-out as given, or the launch configuration of its name, 5 s by default."""
    if value is None:
        return LaunchConfiguration(configuration, default=5)
    return str(value) if isinstance(value, (int, float)) else value


def _output_of_streams(output: str | Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """For "stdout" and "stderr" the places that show them beside the log file: ("screen",) or ()."""
    streams = {"stdout": output, "stderr": output} if isinstance(output, str) else dict(output)
    for stream, place in streams.items():
        if stream not in ("stdout", "stderr") or place not in _OUTPUTS:
            raise ValueError(f"output of a process: {stream}={place!r} is unknown; use one of {', '.join(_OUTPUTS)}")
    # With the plain text "log", errors are shown nevertheless.
    if output == "log":
        streams["stderr"] = "both"
    return {
        stream: ("screen",) if streams.get(stream, "log") in ("screen", "both") else ()
        for stream in ("stdout", "stderr")
    }
