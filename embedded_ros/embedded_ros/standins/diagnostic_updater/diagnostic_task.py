from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from diagnostic_updater.status_wrapper import DiagnosticStatusWrapper

Run = Callable[[DiagnosticStatusWrapper], DiagnosticStatusWrapper]


class DiagnosticTask:
    """Something with a name whose health `run` tells: it fills in the status given, and returns it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def getName(self) -> str:
        return self.name

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        return stat


class FunctionDiagnosticTask(DiagnosticTask):
    """A task whose `run` is a function."""

    def __init__(self, name: str, fn: Run) -> None:
        super().__init__(name)
        self.fn = fn

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        return self.fn(stat)


class CompositeDiagnosticTask(DiagnosticTask):
    """Several tasks as one: the values of all, their worst level, and the messages of those that are not OK."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tasks: list[DiagnosticTask] = []

    def addTask(self, t: DiagnosticTask) -> None:
        self.tasks.append(t)

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        combined, given = DiagnosticStatusWrapper(), DiagnosticStatusWrapper()
        given.summary(stat)
        for task in self.tasks:
            stat.summary(given)
            stat = task.run(stat)
            combined.mergeSummary(stat)
        stat.summary(combined)
        return stat


class DiagnosticTaskVector:
    """Tasks by name; base of the updater."""

    def __init__(self) -> None:
        self.tasks: list[FunctionDiagnosticTask] = []
        self.lock = threading.Lock()

    def add(self, *args: Any) -> None:
        """`add(task)`, or `add(name, function)`."""
        name, run = (args[0].getName(), args[0].run) if len(args) == 1 else args
        task = FunctionDiagnosticTask(name, run)
        with self.lock:
            self.tasks.append(task)
            self.addedTaskCallback(task)

    def removeByName(self, name: str) -> bool:
        """Remove the first task of that name; False where there is none."""
        with self.lock:
            for task in self.tasks:
                if task.name == name:
                    self.tasks.remove(task)
                    return True
        return False

    def addedTaskCallback(self, task: FunctionDiagnosticTask) -> None:
        """Told of every task that is added."""
