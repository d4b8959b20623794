"""Chunks as messages, checked against the contract on arrival."""

from __future__ import annotations

import math

import numpy as np
from sdm_core.action_chunk import ActionChunk
from sdm_core.contract import Contract
from sdm_core.errors import CommandError
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage

from sdm_policy_node.time_stamps import to_message, to_ns


def to_chunk_message(chunk: ActionChunk, contract: Contract) -> ActionChunkMessage:
    """The message of a chunk of absolute targets; header stamp and timings are left to the sender."""
    kind = contract.action.kind
    message = ActionChunkMessage(
        observation_stamp=to_message(chunk.stamp_ns),
        sequence=chunk.sequence,
        task=contract.task,
        kind="ee_pose" if kind == "ee_delta" else kind,
        names=[entry.name for entry in contract.action.entries],
        dt=chunk.dt_ns * 1e-9,
        horizon=len(chunk.targets),
        targets=chunk.targets.ravel().tolist(),
    )
    message.header.frame_id = contract.action.base_frame
    return message


def from_chunk_message(message: ActionChunkMessage, contract: Contract) -> ActionChunk:
    """The chunk of a message. Raises CommandError where it is not one of this contract."""
    action = contract.action
    names = tuple(entry.name for entry in action.entries)
    for what, found, expected in (
        ("task", message.task, contract.task),
        ("kind", message.kind, action.kind),
        ("frame", message.header.frame_id, action.base_frame),
        ("entries", tuple(message.names), names),
        ("dt in ns", round(message.dt * 1e9) if math.isfinite(message.dt) else message.dt, contract.dt_ns),
        ("targets", len(message.targets), message.horizon * len(names)),
        ("horizon", message.horizon, min(message.horizon, contract.horizon)),
    ):
        if found != expected:
            raise CommandError(
                f"chunk {message.sequence}: {what} {found!r}, {expected!r} expected; use one checkpoint for both nodes"
            )
    targets = np.array(message.targets, np.float64).reshape(-1, len(names))
    return ActionChunk(to_ns(message.observation_stamp), round(message.dt * 1e9), targets, message.sequence)
