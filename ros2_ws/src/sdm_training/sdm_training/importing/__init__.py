"""Reads what other projects trained, and writes it as runs of this one."""
