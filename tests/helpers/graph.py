"""A ROS graph for tests: node processes on a domain of their own, and a node of the test's beside them."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rclpy
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python

from helpers.domain import own_domain
from helpers.waiting import spin_until


class NodeProcess:
    """An executable of the project in a process of its own; its output is kept."""

    def __init__(self, executable: str, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self._log = log
        self.executable = executable
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [str(Path(sys.executable).parent / executable), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
            )

    @property
    def output(self) -> str:
        """What it has printed."""
        return self._log.read_text()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def limit_file_size(self, size: int | None) -> None:
        """Lets its writes beyond `size` bytes a file fail; None lifts that."""
        limit = resource.RLIM_INFINITY if size is None else size
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Ends it and gives the exit status."""
        if self.process.poll() is None:
            self.send(number)
        return self.process.wait(15)


class Graph:
    """Node processes and a test node on one domain; `spin_until` in place of sleeps."""

    def __init__(self, folder: Path, use_sim_time: bool = False) -> None:
        self.domain = own_domain()
        self._folder = folder
        self.use_sim_time = use_sim_time
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context, domain_id=self.domain)
        overrides = [Parameter("use_sim_time", value=use_sim_time)]
        self.node = Node("test", context=self._context, parameter_overrides=overrides)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.processes: list[NodeProcess] = []

    def start(self, executable: str, *remappings: str, **parameters: Any) -> NodeProcess:
        """Starts a node with parameters; remappings are written `from:=to`."""
        arguments = ["--ros-args"]
        for name, value in {"use_sim_time": self.use_sim_time, **parameters}.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["-p", f"{name}:={text}"]
        for remapping in remappings:
            arguments += ["-r", remapping]
        environment = {**os.environ, "ROS_DOMAIN_ID": str(self.domain), "PYTHONUNBUFFERED": "1"}
        log = self._folder / f"{executable}_{len(self.processes)}.log"
        process = NodeProcess(executable, arguments, environment, log)
        self.processes.append(process)
        return process

    def spin_until(self, predicate: Callable[[], bool], timeout_s: float = 20.0) -> bool:
        """Serves the test's node until the predicate holds; False after the timeout."""
        return spin_until(self._executor, predicate, timeout_s)

    def spin_for(self, seconds: float) -> None:
        """Serves the test's node for a while: to see that something does not happen."""
        self.spin_until(lambda: False, seconds)

    def call(self, service: type, name: str, request: Any = None, timeout_s: float = 20.0) -> Any:
        """Calls a service once it is there and gives its response."""
        client = self.node.create_client(service, name)
        try:
            assert self.spin_until(client.service_is_ready, timeout_s), f"no service {name}: {self.outputs()}"
            future = client.call_async(request if request is not None else service.Request())
            assert self.spin_until(future.done, timeout_s), f"no answer from {name}: {self.outputs()}"
            return future.result()
        finally:
            self.node.destroy_client(client)

    def set_parameter(self, node: str, name: str, value: Any) -> SetParametersResult:
        """Asks a node to set one of its parameters."""
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        return self.call(SetParameters, f"{node}/set_parameters", request).results[0]

    def parameter(self, node: str, name: str) -> Any:
        """What a node's parameter is."""
        answer = self.call(GetParameters, f"{node}/get_parameters", GetParameters.Request(names=[name]))
        return parameter_value_to_python(answer.values[0])

    def change_state(self, node: str, transition: int) -> bool:
        """Whether a lifecycle node has gone through a transition."""
        request = ChangeState.Request(transition=Transition(id=transition))
        return self.call(ChangeState, f"{node}/change_state", request).success

    def outputs(self) -> str:
        """What all nodes have printed, for a failing test."""
        return "".join(f"\n--- {process.executable}\n{process.output}" for process in self.processes)

    def close(self) -> None:
        """Ends every process and leaves the domain."""
        for process in self.processes:
            if process.process.poll() is None:
                process.send(signal.SIGINT)
        for process in self.processes:
            try:
                process.process.wait(10)
            except subprocess.TimeoutExpired:
                process.process.kill()
                process.process.wait(10)
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)


@contextmanager
def graph(folder: Path, use_sim_time: bool = False) -> Iterator[Graph]:
    """A Graph that ends its processes whatever happens."""
    made = Graph(folder, use_sim_time)
    try:
        yield made
    finally:
        made.close()
