"""Tables and plots of docs/results.md, from result lines and published figures alone: no line, no number."""
