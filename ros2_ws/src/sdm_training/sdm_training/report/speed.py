"""How fast a policy infers, from `timing` lines of `what: infer`."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence

from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NOT_RUN
from sdm_training.report.policies import NETWORK, Policy

_NFE, _NETWORK = re.compile(r"(\d+) NFE"), re.compile(r"(\w+) network")

# Where the policies are evaluated, and so where their speed is compared.
HARDWARE: Line = {"device": "cpu", "backend": "openvino", "threads": 1}


def evaluations(line: Line) -> int | None:
    """The network evaluations (NFE) that a timing line covers: its entry, else what its variant says."""
    if "nfe" in line:
        return line["nfe"]
    found = _NFE.search(line.get("variant", ""))
    return int(found[1]) if found else None


def network(line: Line) -> str:
    """The network that a timing line is of: its entry, else what its variant says, else the usual one."""
    found = _NETWORK.search(line.get("variant", ""))
    return line.get("network", found[1] if found else NETWORK)


def inference(lines: Sequence[Line], policy: Policy, **wanted: object) -> Line | None:
    """The newest timing of a policy's network at its number of evaluations.

    All methods of one network cost the same at the same number of evaluations, so the method does not matter.
    """
    timed = matching(lines, kind="timing", what="infer", **wanted)
    found = [line for line in timed if (evaluations(line), network(line)) == (policy.nfe, policy.network)]
    return found[-1] if found else None


def latency_ms(lines: Sequence[Line], policy: Policy) -> float | None:
    """Median latency of one inference on HARDWARE; None where it was not timed."""
    line = inference(lines, policy, **HARDWARE)
    return line["p50_ms"] if line else None


def hertz(line: Line) -> float:
    """Inferences per second at the median latency."""
    return 1000 / line["p50_ms"]


def untied_cell(lines: Sequence[Line], policy: Policy) -> str:
    """A table's cell that is tied to no task: a network and its input are the same for all."""
    line = inference(lines, policy, **HARDWARE)
    return f"{hertz(line):.0f} Hz" if line else NOT_RUN


def task_cell(lines: Sequence[Line], task: str, policy: Policy) -> str:
    """A table's cell for one task."""
    line = inference(lines, policy, task=task, **HARDWARE)
    return f"{hertz(line):.0f} Hz" if line else NOT_RUN


def mean_cell(lines: Sequence[Line], tasks: Sequence[str], policy: Policy) -> str:
    """A table's cell for the mean over tasks that were timed themselves."""
    timed = [line for task in tasks if (line := inference(lines, policy, task=task, **HARDWARE))]
    if not timed:
        return NOT_RUN
    partly = "" if len(timed) == len(tasks) else f" ({len(timed)} of {len(tasks)} tasks)"
    return f"{statistics.fmean(hertz(line) for line in timed):.0f} Hz{partly}"


def untied_rows(lines: Sequence[Line], evaluations_wanted: Sequence[int]) -> list[list[str]]:
    """Rows (NFE, network, device, backend, threads, Hz) of timings that are tied to no task."""
    rows = {}
    for line in matching(lines, kind="timing", what="infer", task=None):
        if evaluations(line) in evaluations_wanted:
            key = (evaluations(line), network(line), line["device"], line["backend"], line["threads"])
            rows[key] = [*map(str, key), f"{hertz(line):.0f}"]
    return [rows[key] for key in sorted(rows)]
