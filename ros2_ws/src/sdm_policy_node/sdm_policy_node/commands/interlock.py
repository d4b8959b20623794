"""What forbids motion until somebody lifts it, whatever transitions the node goes through meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from sdm_core.errors import CommandError


@dataclass
class Interlock:
    """A latched fault, and a human's pause.

    Latched, until `~/reset_fault`, is what would begin anew by itself or cannot be judged from here: another publisher
    on a command topic, a robot that does not follow its commands, or stands though it is led away. A robot that was
    silent for long is paused, as by a human: that one says when it is safe. All else only holds for as long as it
    lasts: lost heartbeats or chunks, two that lead at once, old observations, a silent or implausible robot, a clock
    that stands.
    """

    fault: str = ""
    paused: bool = False

    def require_no_fault(self) -> None:
        """Raises CommandError where a fault is latched."""
        if self.fault:
            raise CommandError(f"fault: {self.fault}; call ~/reset_fault when its cause is gone")

    def require_free(self) -> None:
        """Raises CommandError where a policy may not move the robot."""
        self.require_no_fault()
        if self.paused:
            raise CommandError("paused; call ~/resume")
