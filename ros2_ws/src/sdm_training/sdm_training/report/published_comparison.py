"""What several papers print of one list of tasks."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdm_core.errors import DatasetError


@dataclass(frozen=True)
class PublishedMethod:
    """A method with its printed mean over each domain and over all tasks, and its latency where one is known.

    hardware: what the latency was measured on; empty where our source does not say.
    """

    label: str
    nfe: int
    printed: tuple[str, ...]
    average: str
    latency: str
    hardware: str = ""


@dataclass(frozen=True)
class PublishedComparison:
    """Methods of several papers. domains: the tasks of each, which the printed means are over."""

    title: str
    source: str
    domains: dict[str, tuple[str, ...]]
    methods: tuple[PublishedMethod, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        """Every domain's, one after the other."""
        return tuple(task for tasks in self.domains.values() for task in tasks)

    def mean(self, method: PublishedMethod) -> float:
        """What a method's printed means over domains give over all tasks."""
        return statistics.fmean(map(float, method.printed), [len(tasks) for tasks in self.domains.values()])

    @classmethod
    def read(cls, file: Path, document: dict[str, Any]) -> PublishedComparison:
        """A file's content. Raises DatasetError where a method lacks a domain's figure."""
        domains = {name: tuple(tasks) for name, tasks in document["domains"].items()}
        methods = tuple(
            PublishedMethod(**{**entry, "printed": tuple(entry["printed"])}) for entry in document["methods"]
        )
        for method in methods:
            if len(method.printed) != len(domains):
                raise DatasetError(
                    f"{file}: {method.label} has {len(method.printed)} figures for {len(domains)} domains; "
                    "compare the paper"
                )
        return cls(document["comparison"], document["source"].strip(), domains, methods)
