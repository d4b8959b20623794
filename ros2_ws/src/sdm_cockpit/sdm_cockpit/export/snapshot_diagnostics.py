"""What a snapshot says of the policy's health, as `/diagnostics` says such things."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from sdm_cockpit.snapshot import Episode, Snapshot, Status, Timing


def snapshot_diagnostics(snapshot: Snapshot, stamp: Time) -> DiagnosticArray:
    """One status each for loop, gate, policy and episode, as far as the snapshot knows of them."""
    statuses = [_policy(snapshot.status), _gate(snapshot.clamps)]
    if snapshot.timing is not None:
        statuses.append(_loop(snapshot.timing))
    if snapshot.episode is not None:
        statuses.append(_episode(snapshot.episode))
    return DiagnosticArray(header=Header(stamp=stamp), status=statuses)


def _policy(status: Status) -> DiagnosticStatus:
    if status.fault:
        return _status("policy", DiagnosticStatus.ERROR, status.fault)
    wrong = "; ".join(reason for reason in (status.refusal, *status.problems) if reason)
    return _status(
        "policy", DiagnosticStatus.WARN if wrong else DiagnosticStatus.OK, wrong or status.activity or "well"
    )


def _gate(clamps: tuple[str, ...]) -> DiagnosticStatus:
    level = DiagnosticStatus.WARN if clamps else DiagnosticStatus.OK
    return _status("gate", level, ", ".join(clamps) or "nothing changed", clamps=len(clamps))


def _loop(timing: Timing) -> DiagnosticStatus:
    late = 0 < timing.deadline_ms < timing.loop_ms
    line = f"{timing.loop_ms:.1f} ms, {timing.deadline_ms:.1f} ms allowed" if late else "in time"
    values = {field.name: getattr(timing, field.name) for field in fields(timing)}
    return _status("loop", DiagnosticStatus.WARN if late else DiagnosticStatus.OK, line, **values)


def _episode(episode: Episode) -> DiagnosticStatus:
    of = f" of {episode.of}" if episode.of else ""
    line = f"{episode.task}, episode {episode.number}{of}"
    return _status("episode", DiagnosticStatus.OK, line, seed=episode.seed, step=episode.step)


def _status(name: str, level: Any, message: str, **values: float) -> DiagnosticStatus:
    pairs = [KeyValue(key=key, value=f"{value:g}") for key, value in values.items()]
    return DiagnosticStatus(name=f"cockpit: {name}", hardware_id="none", level=level, message=message, values=pairs)
