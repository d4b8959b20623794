"""The episodes of a bag as recordings: made of its sensors by the recorder's own code, with what the nodes did."""

from __future__ import annotations

import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from rclpy.serialization import deserialize_message
from sdm_core.action_chunk import ActionChunk
from sdm_core.commands.anchor import absolute
from sdm_core.contract import Contract
from sdm_core.errors import CommandError
from sdm_core.nearest import nearest
from sdm_interfaces.msg import ActionChunk as ActionChunkMessage
from sdm_interfaces.msg import PolicyTrace
from sdm_policy_node.chunk_message import from_chunk_message
from sdm_policy_node.convert.bag import Bag
from sdm_policy_node.convert.program import parser, run
from sdm_policy_node.time_stamps import to_ns

from sdm_cockpit.replay.dataset_recordings import DatasetRecordings
from sdm_cockpit.replay.recording import Deeds, Recording
from sdm_cockpit.trace_timing import timing_of

_CHUNK, _TRACE = "sdm_interfaces/msg/ActionChunk", "sdm_interfaces/msg/PolicyTrace"


class BagRecordings:
    """The bag's episodes, converted into a temporary dataset that ends with this object. Their seeds are not in it."""

    def __init__(self, path: Path, options: Sequence[str] = ()) -> None:
        """`options`: further ones of `sdm-convert`. Raises SdmError where no episode is whole."""
        self._room = tempfile.TemporaryDirectory(prefix="sdm-bag-")
        dataset = Path(self._room.name) / "episodes.zarr"
        report = run(parser().parse_args([str(path), "--output", str(dataset), *options]))
        self.problems = tuple(report.problems)
        self._stamps_ns = report.stamps_ns
        self._episodes = DatasetRecordings(dataset, source=str(path))
        self.source, self.contract = self._episodes.source, self._episodes.contract
        self._chunks, self._traces = _said(path, self.contract)
        self._commanded = {(to_ns(each.observation_stamp), each.sequence) for each in self._traces if each.commands}

    def __len__(self) -> int:
        return len(self._episodes)

    def __iter__(self) -> Iterator[Recording]:
        return (self[index] for index in range(len(self)))

    def success(self, index: int) -> bool | None:
        """As DatasetRecordings."""
        return self._episodes.success(index)

    def __getitem__(self, index: int) -> Recording:
        """Raises DatasetError where there is no such episode."""
        recording, stamps_ns = self._episodes[index], self._stamps_ns[index]
        times_s = 1e-9 * (np.array(stamps_ns, np.int64) - stamps_ns[0])
        return replace(recording, times_s=times_s, deeds=self._deeds(stamps_ns))

    def _deeds(self, stamps_ns: list[int]) -> Deeds:
        """What was done between the first and the last observation of an episode."""
        period_ns = self.contract.dt_ns
        chunks: dict[int, ActionChunk] = {}
        for chunk in self._chunks:
            step = _row_of(stamps_ns, chunk.stamp_ns, period_ns)
            if step is not None and (self._moved(chunk) or step not in chunks or not self._moved(chunks[step])):
                chunks[step] = chunk
        unfollowed = frozenset(step for step, chunk in chunks.items() if not self._moved(chunk))
        timings, clamps, refusals = {}, {}, {}
        first = bisect_left(self._traces, stamps_ns[0], key=_stamp)
        last = bisect_right(self._traces, stamps_ns[-1] + period_ns, key=_stamp)
        for trace in self._traces[first:last]:
            step = bisect_right(stamps_ns, _stamp(trace)) - 1
            if trace.interventions:
                clamps[step] = tuple(sorted({*clamps.get(step, ()), *trace.interventions}))
            if trace.refusal:
                refusals[step] = trace.refusal
            answered = _row_of(stamps_ns, to_ns(trace.observation_stamp), period_ns)
            if answered is not None and trace.commands:
                timings[answered] = timing_of(trace, self.contract.rates.control_hz, self.contract.dt * 1e3)
        return Deeds(chunks, timings, clamps, refusals, unfollowed)

    def _moved(self, chunk: ActionChunk) -> bool:
        """Whether a command came of it, as far as the bag tells: without any trace, all are taken to have."""
        return not self._traces or (chunk.stamp_ns, chunk.sequence) in self._commanded


def _said(path: Path, contract: Contract) -> tuple[list[ActionChunk], list[PolicyTrace]]:
    """All chunks of this contract, and all traces in order of their stamps."""
    chunks: list[ActionChunk] = []
    traces: list[PolicyTrace] = []
    anchored = absolute(contract)
    for message in Bag(path).messages(lambda topic, kind: kind in (_CHUNK, _TRACE)):
        if message.type == _TRACE:
            traces.append(deserialize_message(message.data, PolicyTrace))
            continue
        with suppress(CommandError):  # another policy's, which command_node did not follow either
            chunks.append(from_chunk_message(deserialize_message(message.data, ActionChunkMessage), anchored))
    return chunks, sorted(traces, key=_stamp)


def _row_of(stamps_ns: list[int], stamp_ns: int, period_ns: int) -> int | None:
    """The row of which a stamp is at most half a period away: a camera may be faster than the rows, and the policy
    answers other images of it than those that became rows. None where there is no such row."""
    step = nearest(stamps_ns, stamp_ns, int)
    return step if 2 * abs(stamps_ns[step] - stamp_ns) <= period_ns else None


def _stamp(trace: PolicyTrace) -> int:
    return to_ns(trace.header.stamp)
