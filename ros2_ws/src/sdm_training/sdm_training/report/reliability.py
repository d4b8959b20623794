"""docs/reliability.md, whole, from the lines of faults, seams, the streaming soak and the cockpit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sdm_training.report.cockpit import cost_table, page_table
from sdm_training.report.lines import Line, matching
from sdm_training.report.markdown import NONE, NOTHING_RUN, code, table
from sdm_training.report.plots.fault_times import fault_times
from sdm_training.report.plots.streaming_jitter import longest_run, streaming_jitter

_WANTED_TRIALS = 100

_PAGE = """# Reliability

Made by `sdm-report` from the lines in `benchmarks/results`, not edited by hand. Everything here was measured on the
simulated twin of the Franka cell, in software: it says what this stack commands when something breaks, and nothing
about a controller, a brake or an arm. It is no certified safety function.

## Faults

`benchmarks/faults.py` starts `policy_node` and `command_node` as `franka.launch.py` does, and gives them the twin's
sensors in real time: depth at 30 Hz with a stereo camera's noise, joint states, the tool's pose and tf at 100 Hz. While
the shipped student leads the arm it breaks one thing, watches the robot's topics for {window} ms, repairs it, and waits
until the motion goes on. The parameters are those that `config/robot/fr3.yaml` had at the lines' commits, but for
`arm_share: 1.0` and `gripper: topic`; what that file has got since then, no line has tried. The commits:
{commits}.

{faults}

{times}

**Last motion** is the time from the fault to the arrival of the last command that was no hold: median, and the
longest of all trials. A hold is what `command_node` sends in a policy's place: it brakes within the limits until the
robot stands, repeats that place for `hold_s`, and falls silent. Which commands are holds is told by `command_node`'s
trace, sent with the first command whenever the reason changes; a command that the gate merely changed counts as
motion. **At rest** does without its word: the longest time until the last command that led elsewhere than the one
before, braking included. A time as long as the window says that the arm was led on. **Beyond limits** counts commands
outside the workspace, not finite, or farther from those before them than velocity, acceleration and jerk allow,
computed by the runner from the messages alone; a motion must begin again at rest, and where the last one ended or the
arm is measured to stand. A fault begins when the sensor, the process or the network is broken, so that the wait for
the next message counts; that of an inference begins with the first call that fails. What is allowed to go on has no
bar for its time. A clock that stands makes `command_node` fall silent at once: where nothing is sent after the fault,
the time is 0. `command_sigstop` stops the process anywhere, also between its last look whether a command is late and
the wire: that command leaves when the process goes on, one period's step (at 0.5 m/s 5 mm) after a silence, and counts
as beyond limits. Its stamp tells its age to a controller that looks.

{verdict}

### What each fault is

{meanings}

## Seams between chunks

`benchmarks/seams.py` streams pairs of random chunks, of which the second disagrees with the first. Excess is what the
worst command is beyond a limit, in shares of it; the lag is how long the command follows its target.

{seams}

## Streaming at 100 Hz

`benchmarks/streaming.py` lets the policy lead the twin and counts the periods of `command_node`'s timer that lasted
half as long again as they should, beside a bare loop at the same rate in a process of its own at the same time.
Allowed: 0.1 % more than the bare loop. Memory and threads are those at the end, and what they have grown since the
first tenth of the time.

{streaming}

{jitter}

## The cockpit beside the loop

`benchmarks/cockpit.py` lets the policy lead the twin alone and beside `cockpit_node` with a visitor, in turns. The
answer is what `policy_node` takes from an observation to its chunk, the loop goes on to the first command, which waits
for the next control period: that wait differs from episode to episode, by up to 10 ms. The ratio is that of the turns'
medians, with its 95 % interval from drawing the pairs anew.

{cockpit_cost}

`benchmarks/cockpit_page.py` looks at the page in a headless browser without a graphics card, on the same machine.

{cockpit_page}
"""

_TIMES = """![Time from each fault to the last motion](pictures/fault_times.png)

Every fault that must stop the arm: median and longest time of all trials, and what is allowed."""

_JITTER = """![Periods of streaming](pictures/streaming_jitter.png)

The longest run: how many of the periods between two commands, and between two turns of the bare loop, lasted how long.
Bins are drawn equally wide. A command's period is measured between two stamps, which the process's own delays move;
the table counts late turns of the timer."""


def page(lines: Sequence[Line]) -> str:
    """The text of docs/reliability.md."""
    faults = longest(lines)
    return _PAGE.format(
        window=max((line["window_ms"] for line in faults), default=NONE),
        commits=", ".join(sorted({line["commit"] for line in faults})) or NONE,
        faults=fault_table(faults),
        times=_TIMES if any(line["expected"] == "stops" for line in faults) else NOTHING_RUN,
        verdict=verdict(faults),
        meanings=meanings(faults),
        seams=seam_table(lines),
        streaming=streaming_table(lines),
        jitter=_JITTER if longest_run(lines) else NOTHING_RUN,
        cockpit_cost=cost_table(lines),
        cockpit_page=page_table(lines),
    )


def pictures(lines: Sequence[Line], folder: Path) -> None:
    """Writes the pictures that the page shows."""
    fault_times(longest(lines), folder / "fault_times")
    streaming_jitter(lines, folder / "streaming_jitter")


def longest(lines: Sequence[Line]) -> list[Line]:
    """One line of each fault: of those with the most trials the newest."""
    found: dict[str, Line] = {}
    for line in matching(lines, kind="fault"):
        other = found.get(line["fault"])
        if other is None or line["trials"] >= other["trials"]:
            found[line["fault"]] = line
    return list(found.values())


def fault_table(faults: Sequence[Line]) -> str:
    """A row for each fault, its bar beside its longest time."""
    rows = [
        [
            code(line["fault"]),
            str(line["trials"]),
            *_times(line),
            _bar(line),
            _beyond(line),
            line["outcome"],
            f"{line['load']:.1f}",
        ]
        for line in faults
    ]
    header = ["fault", "trials", "last motion p50, ms", "max, ms", "at rest max, ms", "bar, ms", "beyond limits"]
    return table([*header, "what the arm did", "load"], rows) if rows else NOTHING_RUN


def verdict(faults: Sequence[Line]) -> str:
    """What does not do what is asked of it, and what was not measured as long as it should be."""
    if not faults:
        return NOTHING_RUN
    missed = [line for line in faults if not kept(line)]
    beyond = [line for line in faults if line["limit_violations"]]
    short = [line for line in faults if line["trials"] < _WANTED_TRIALS]
    trials = sum(line["trials"] for line in faults)
    parts = [
        f"{len(faults)} faults, {trials} trials.",
        f"Not as it should be: {_named(missed)}." if missed else "Every fault is as it should be.",
        f"Commands beyond limits: {_named(beyond)}." if beyond else "No command was beyond a limit.",
    ]
    if short:
        which = "every one" if len(short) == len(faults) else _named(short)
        parts.append(f"Fewer than {_WANTED_TRIALS} trials: {which}.")
    machines, dates, commits = (dict.fromkeys(line[key] for line in faults) for key in ("machine", "date", "commit"))
    parts.append(
        "“load” is the machine's load average at the end: on a machine with other work than this, times are too long.\n"
        f"Measured on {', '.join(machines)}; {', '.join(dates)}; commits {', '.join(commits)}."
    )
    return "\n".join(parts)


def kept(line: Line) -> bool:
    """Whether a fault did what is asked of it: nothing beyond limits, and stopped in time, went on, or never moved."""
    return not line["limit_violations"] and _in_time(line)


def _in_time(line: Line) -> bool:
    if line["expected"] == "stops":
        return line["max_ms"] <= line["bar_ms"]
    if line["expected"] == "goes on":
        return line["went_on"] > 0
    return line["motion_share"] == 0


def meanings(faults: Sequence[Line]) -> str:
    """What was broken in each, where, and how the stack names it."""
    rows = [[code(line["fault"]), line["what"], line["world"], _plain(line["refusal"]) or NONE] for line in faults]
    return (
        table(["fault", "what happens", "where", "what the nodes say of it, in most cases"], rows)
        if rows
        else NOTHING_RUN
    )


def seam_table(lines: Sequence[Line]) -> str:
    """The newest line of each sort of seams."""
    newest = {(line["sort"], line["contract"]): line for line in matching(lines, kind="seam")}
    rows = [
        [
            line["sort"],
            f"{line['pairs']:,}",
            f"{line['rate_hz']:g}",
            str(line["violations"]),
            f"{max(line['worst_excess'].values()):.0e}",
            f"{1000 * line['jump_p50']:.0f}, {1000 * line['jump_max']:.0f}",
            ", ".join(f"{line['lag_ms'][share]:.0f}" for share in ("p50", "p95", "p99")),
            line["machine"],
        ]
        for line in newest.values()
    ]
    header = ["seams", "pairs", "Hz", "beyond limits", "worst excess", "apart p50, max, mm", "lag p50, p95, p99, ms"]
    return table([*header, "machine"], rows) if rows else NOTHING_RUN


def streaming_table(lines: Sequence[Line]) -> str:
    """Every run, the newest last."""
    rows = [
        [
            f"{line['minutes']:.1f}",
            f"{line['missed_share']:.3%}",
            f"{line['bare_missed_share']:.3%}",
            "yes" if line["missed_share"] <= line["bare_missed_share"] + line["allowed_share"] else "no",
            f"{line['longest_ms']:.1f}, {line['bare_longest_ms']:.1f}",
            _grown(line["rss_mib"], line["growth_mib"], ".1f"),
            _grown(line["threads"], line["threads_grown"], "d"),
            f"{line['load']:.1f}",
            line["machine"],
        ]
        for line in matching(lines, kind="streaming")
    ]
    header = ["minutes", "missed", "bare loop's", "within", "longest period, bare loop's, ms", "memory, MiB", "threads"]
    return table([*header, "load", "machine"], rows) if rows else NOTHING_RUN


def _times(line: Line) -> list[str]:
    if line["expected"] == "goes on":
        return [NONE] * 3
    return [f"{line[key]:.0f}" for key in ("p50_ms", "max_ms", "rest_max_ms")]


def _bar(line: Line) -> str:
    if line["expected"] != "stops":
        return line["expected"]
    return f"≤ {line['bar_ms']:.0f}" if _in_time(line) else f"**≤ {line['bar_ms']:.0f}, missed**"


def _beyond(line: Line) -> str:
    return f"**{line['limit_violations']}**" if line["limit_violations"] else "0"


def _named(lines: Sequence[Line]) -> str:
    return ", ".join(code(line["fault"]) for line in lines)


def _plain(text: str) -> str:
    """As it can stand in a cell."""
    return " ".join(text.replace("|", "/").split())


def _grown(values: dict[str, float], grown: dict[str, float], form: str) -> str:
    return ", ".join(f"{name} {value:{form}} ({grown[name]:+{form}})" for name, value in values.items())
