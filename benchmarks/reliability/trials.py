"""Trials of one fault on a running system, and the result line that they make."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sdm_core.provenance import origin
from std_srvs.srv import Trigger

from .catalogue import GOES_ON, NEVER_STARTS, STOPS, CorruptCheckpoint, Fault
from .command_log import Reaction, reaction, times_given
from .motion_check import violations
from .system import RATE_HZ, System

WINDOW_S = 0.4
# The arm is led for so long (s) between two faults, so that they meet it anywhere.
BETWEEN_S = (0.05, 0.3)
# A policy that has done its task stands: it is given another episode after so many trials.
TRIALS_AN_EPISODE = 8
# Who has not begun to stream again by then (s) is asked whether a fault is latched.
_RESUMES_S = 2.0


@dataclass(frozen=True)
class Trial:
    """What one fault did; `recovery` is how the motion began again."""

    reaction: Reaction
    violations: Counter[str]
    refusals: tuple[str, ...]
    remark: str
    recovery: str


class FaultTrials:
    """Repeats one fault; `line` sums up."""

    def __init__(self, system: System, fault: Fault) -> None:
        self._system, self._fault = system, fault
        self._trials: list[Trial] = []

    def run(self, trials: int) -> dict[str, Any]:
        """So many trials; the result line."""
        system, fault = self._system, self._fault
        fault.prepare(system)
        try:
            for number in range(trials):
                if fault.expected != NEVER_STARTS:
                    self._lead(number)
                self._trials.append(self._trial())
        finally:
            fault.restore(system)
            fault.finish(system)
        return self._line()

    def _lead(self, number: int) -> None:
        """The policy leads the arm; in another episode where this one has lasted."""
        system = self._system
        if not system.wait(system.streams):
            raise TimeoutError(f"{self._fault.name}: the policy does not stream; {system.outputs()}")
        if number % TRIALS_AN_EPISODE == 0:
            system.begin_episode(number)
            if not system.wait(system.streams):
                raise TimeoutError(f"{self._fault.name}: no episode begins; {system.outputs()}")
        time.sleep(random.uniform(*BETWEEN_S))

    def _trial(self) -> Trial:
        system, fault, log = self._system, self._fault, self._system.log
        log.forget()
        outside = log.gripper_outside
        broken = fault.inject(system)
        time.sleep(max(0.0, broken + WINDOW_S - time.monotonic()))
        end = time.monotonic() if isinstance(fault, CorruptCheckpoint) else broken + WINDOW_S
        seen = reaction(log.commands(), broken, end)
        refusals = tuple(line for heard, line in log.refusals if broken < heard <= end)
        remark = fault.remark(system)
        if fault.expected == NEVER_STARTS:
            recovery = ""
        else:
            fault.restore(system)
            recovery = self._recovery(seen)
        commands = log.commands()
        counts = Counter(
            violations(
                [one.pose for one in commands],
                times_given(commands, 1 / RATE_HZ).tolist(),
                [one.measured for one in commands],
                1 / RATE_HZ,
                system.limits,
            )
        )
        counts["gripper"] = log.gripper_outside - outside
        return Trial(seen, +counts, refusals, remark, recovery)

    def _recovery(self, seen: Reaction) -> str:
        system = self._system
        if seen.goes_on and not seen.reasons:
            return ""
        if system.wait(system.streams, _RESUMES_S):
            return "resumes by itself"
        if not system.call(Trigger, "command_node/reset_fault").message.startswith("cleared"):
            return "resumes by itself" if system.wait(system.streams) else "does not resume"
        return "fault latched until `~/reset_fault`" if system.wait(system.streams) else "does not resume"

    def _line(self) -> dict[str, Any]:
        fault, seen = self._fault, [trial.reaction for trial in self._trials]
        ends = 1e3 * np.array([one.motion_s for one in seen])
        broken = sum((trial.violations for trial in self._trials), Counter[str]())
        return {
            "kind": "fault",
            "fault": fault.name,
            "what": fault.what,
            "world": fault.world.name,
            "expected": fault.expected,
            "trials": len(self._trials),
            "p50_ms": round(float(np.median(ends)), 1),
            "max_ms": round(float(ends.max()), 1),
            "rest_max_ms": round(1e3 * max(one.rest_s for one in seen), 1),
            "bar_ms": None if fault.bar_ms is None else round(fault.bar_ms, 1),
            "went_on": sum(one.goes_on for one in seen),
            "motion_share": round(float(np.mean([one.motion_share for one in seen])), 3),
            "window_ms": round(1e3 * WINDOW_S),
            "limit_violations": sum(broken.values()),
            "violations": dict(broken),
            "outcome": self._outcome(),
            "refusal": _commonest(line for trial in self._trials for line in trial.refusals).replace(
                f"{Path.cwd()}/", ""
            ),
            "reasons": dict(sum((one.reasons for one in seen), Counter[str]()).most_common()),
            "load": round(os.getloadavg()[0], 1),
            **origin(),
        }

    def _outcome(self) -> str:
        """In a few words, of what most trials did."""
        fault, seen = self._fault, [trial.reaction for trial in self._trials]
        words = []
        if fault.expected == STOPS:
            reasons = sum((Counter(set(one.reasons)) for one in seen), Counter[str]())
            if reasons:
                words.append(f"held ({', '.join(name for name, _ in reasons.most_common(2))})")
            if silent := sum(one.silent for one in seen):
                words.append("silent" if silent == len(seen) else f"silent in {silent} of {len(seen)}")
            if on := sum(one.goes_on for one in seen):
                words.append(f"went on in {on} of {len(seen)}")
        elif fault.expected == GOES_ON:
            share = float(np.mean([one.motion_share for one in seen]))
            words.append("went on" if share > 0.999 else f"went on for {share:.0%} of the time, held in between")
        else:
            words.append("nothing commanded" if not any(one.motion_share for one in seen) else "commanded")
        words += [commonest for of in ("remark", "recovery") if (commonest := _commonest(self._values(of)))]
        return "; ".join(words)

    def _values(self, field: str) -> list[str]:
        return [value for trial in self._trials if (value := getattr(trial, field))]


def _commonest(values: Any) -> str:
    found = Counter(values).most_common(1)
    return found[0][0] if found else ""
