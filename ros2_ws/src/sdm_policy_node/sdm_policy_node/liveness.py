"""Whether policy and operator are still there, judged on a steady clock by the signs of life that they give."""

from __future__ import annotations

# Of whoever leads the robot; two or more are missed before command_node stops it (its parameter heartbeat_timeout_s).
HEARTBEAT_PERIOD_S = 0.02


class Liveness:
    """Chunks show that observations are answered, heartbeats that the process lives and may be followed, and a deadman,
    where one is asked for, that a person watches.

    Times are seconds of one steady clock.
    """

    def __init__(self, heartbeat_timeout_s: float, chunk_timeout_s: float, deadman_timeout_s: float = 0.0) -> None:
        """`deadman_timeout_s` 0: none is asked for."""
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._chunk_timeout_s = chunk_timeout_s
        self._heartbeat: float | None = None
        self._refusal = ""
        self._chunk: float | None = None
        self._deadman_timeout_s = deadman_timeout_s
        self._deadman: float | None = None

    def deadman(self, now: float) -> None:
        """Somebody holds the deadman."""
        self._deadman = now

    def deadman_released(self, now: float) -> bool:
        """Whether a deadman is asked for, and was not held within its timeout."""
        return self._deadman_timeout_s > 0 and self.deadman_age(now) > self._deadman_timeout_s

    def deadman_age(self, now: float) -> float:
        """Seconds since the deadman was last held; infinite before."""
        return float("inf") if self._deadman is None else now - self._deadman

    def heartbeat(self, now: float, refusal: str = "") -> None:
        """A heartbeat has come, with the policy's own reason why nothing must move, if it has one."""
        self._heartbeat = now
        self._refusal = refusal

    def chunk(self, now: float) -> None:
        """A usable chunk has come."""
        self._chunk = now

    def forget_chunks(self) -> None:
        """Nothing is being followed any more."""
        self._chunk = None

    def heartbeat_lost(self, now: float) -> bool:
        """Whether no heartbeat has come for longer than the timeout, or none ever."""
        return self.heartbeat_age(now) > self._heartbeat_timeout_s

    def heartbeat_age(self, now: float) -> float:
        """Seconds since the last heartbeat; infinite before the first."""
        return float("inf") if self._heartbeat is None else now - self._heartbeat

    def chunk_age(self, now: float) -> float:
        """Seconds since the last chunk that is being followed; infinite where there is none."""
        return float("inf") if self._chunk is None else now - self._chunk

    def lost(self, now: float) -> str | None:
        """Which sign of life is missing: `heartbeat_lost`, `policy_refuses`, `chunks_lost`, or None."""
        if self.heartbeat_lost(now):
            return "heartbeat_lost"
        if self._refusal:
            return "policy_refuses"
        if self.chunk_age(now) > self._chunk_timeout_s:
            return "chunks_lost"
        return None
