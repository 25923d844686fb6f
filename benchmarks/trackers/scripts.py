"""Scripts that log with a tracker, as a training script does."""

from __future__ import annotations

from benchmarks.trackers.tracker import Tracker

# Seconds after which a tracker with slow calls stops, with fewer calls than the others.
CALLS_LIMIT = 20
# Seconds after which a script that should have been killed ends by itself.
ORPHAN_LIMIT = 120
STEPS_A_PROCESS = 1 << 21

# All values are numbers that a float of 32 bits holds, since some trackers store no others.
_VALUE = "(step * 7919 % 16777216) / 16777216"

_CALLS = """\
import json, sys, time
{begin}
step = 0
value = {value}
{call}
step, times = 1, []
began, busy = time.perf_counter(), time.process_time()
while step <= {calls} and time.perf_counter() - began < {limit}:
    value = {value}
    begun = time.perf_counter_ns()
    {call}
    times.append(time.perf_counter_ns() - begun)
    step += 1
busy = time.process_time() - busy
{finish}
times.sort()
report = {{
    "calls": len(times),
    "median": times[len(times) // 2] / 1000,
    "late": times[len(times) * 99 // 100] / 1000,
    "busy": busy * 1e6 / len(times),
}}
with open(sys.argv[1], "w") as file:
    json.dump(report, file)
"""

# The number of the process is in the step, so that each value names the call that logged it.
_ENDLESS = """\
import os, sys, time
number = 0
while number < {processes} - 1 and os.fork():
    number += 1
{begin}
fd = os.open(os.path.join(sys.argv[1], str(number)), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
step, began = 0, time.monotonic()
while time.monotonic() - began < {limit}:
    value = float(number * {most} + step)
    {call}
    os.write(fd, b"%d\\n" % value)
    step += 1
"""


def logged_value(step: int) -> float:
    """Return the value that the script of `calls_script` logs at a step."""
    return (step * 7919 % 16777216) / 16777216


def first_value(number: int) -> float:
    """Return the first value that a process of `endless_script` logs; each next one is 1 more."""
    return float(number * STEPS_A_PROCESS)


def calls_script(tracker: Tracker, calls: int) -> str:
    """Return a script that times calls, and writes the figures to the file that it is given.

    Times are in microseconds.
    """
    return _CALLS.format(
        begin=tracker.begin,
        call=tracker.call,
        finish=tracker.finish,
        value=_VALUE,
        calls=calls,
        limit=CALLS_LIMIT,
    )


def endless_script(tracker: Tracker, processes: int) -> str:
    """Return a script that logs until it is killed.

    Each process appends each value, after its call returned, to a file in the folder that the
    script is given.
    """
    return _ENDLESS.format(
        begin=tracker.begin,
        call=tracker.call,
        processes=processes,
        most=STEPS_A_PROCESS,
        limit=ORPHAN_LIMIT,
    )
