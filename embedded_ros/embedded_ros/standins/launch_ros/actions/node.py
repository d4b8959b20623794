from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from launch.actions import ExecuteProcess
from launch.launch_context import LaunchContext
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from launch_ros.actions.push_ros_namespace import join_namespaces
from launch_ros.parameter_descriptions import evaluate_parameters, write_parameter_file
from launch_ros.substitutions import ExecutableInPackage

_logger = get_logger("launch_ros.actions.node")


class Node(ExecuteProcess):
    """Runs a node: `executable arguments --ros-args …` with its name, namespace, parameters and remappings.

    parameters: a list of parameter files and dictionaries; what comes later wins.
    remappings: pairs (from, to). ros_arguments: further arguments after `--ros-args`.
    exec_name: the name of the process in the launch's output. Other keywords are ExecuteProcess's.
    """

    def __init__(
        self,
        *,
        executable: SomeSubstitutionsType,
        package: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None,
        namespace: SomeSubstitutionsType | None = None,
        exec_name: SomeSubstitutionsType | None = None,
        parameters: list[Any] | None = None,
        remappings: Iterable[tuple[SomeSubstitutionsType, SomeSubstitutionsType]] | None = None,
        ros_arguments: Iterable[SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(parameters, (list, tuple, type(None))):
            raise TypeError(f"Node: 'parameters' must be a list of files and dictionaries, got {parameters!r}")
        command = executable if package is None else ExecutableInPackage(executable, package)
        super().__init__(cmd=[command, *(arguments or ())], name=exec_name, **kwargs)
        self.__name = name
        self.__namespace = namespace
        self.__parameters = list(parameters or ())
        self.__remappings = list(remappings or ())
        self.__ros_arguments = list(ros_arguments or ())

    def command(self, context: LaunchContext) -> list[str]:
        def text(value: SomeSubstitutionsType) -> str:
            return perform_substitutions(context, normalize_to_list_of_substitutions(value))

        name = None if self.__name is None else text(self.__name)
        group = context.launch_configurations.get("ros_namespace")
        namespace = None
        if self.__namespace is not None or group is not None:
            namespace = join_namespaces(group or "", "" if self.__namespace is None else text(self.__namespace))

        ros_arguments = [text(argument) for argument in self.__ros_arguments]
        if name is not None:
            ros_arguments += ["-r", f"__node:={name}"]
        if namespace is not None:
            ros_arguments += ["-r", f"__ns:={namespace}"]
        for parameters in self.__parameters:
            if isinstance(parameters, dict):
                whose = "/**" if name is None or namespace is None else f"{namespace.rstrip('/')}/{name}"
                file = write_parameter_file(whose, evaluate_parameters(context, parameters))
            else:
                file = text(parameters)
                if not os.path.isfile(file):
                    _logger.warning("Parameter file path is not a file: %s", file)
                    continue
            ros_arguments += ["--params-file", file]
        for source, target in self.__remappings:
            ros_arguments += ["-r", f"{text(source)}:={text(target)}"]
        return super().command(context) + (["--ros-args", *ros_arguments] if ros_arguments else [])
