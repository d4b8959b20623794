"""Tables and plots of docs/results.md, from result lines and published figures alone: no line, no number."""

from sdm_training.report.lines import PROTOCOL, matching, newest

__all__ = ["PROTOCOL", "matching", "newest"]
