"""Keep payloads out of git's own index by a marked section of `.git/info/exclude`."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path

from git_datmo import fsio

BEGIN = "# git-datmo: payloads, kept by 'git datmo add-data' and 'git datmo rm'"
END = "# git-datmo: end"


def pattern(path: str) -> str:
    """Return a gitignore pattern that matches only `path` at the top (gitignore, PATTERN
    FORMAT)."""
    # A pattern is one line. A line end in a name can only be written as `?`.
    quoted = "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path).replace(
        "\n", "?"
    )
    if quoted.endswith("\r"):
        # Git takes a final carriage return for a part of the line end.
        return "/" + quoted[:-1] + "[\r]"
    # Git ignores blanks at the end of a pattern unless they are quoted (gitignore).
    stripped = quoted.rstrip(" ")
    return "/" + stripped + "\\ " * (len(quoted) - len(stripped))


def is_behind(exclude: Path, line: int) -> bool:
    """Return True if a line, counted from 1, follows our section and so outranks it."""
    lines = exclude.read_bytes().split(b"\n") if exclude.exists() else []
    return END.encode() in lines[: line - 1]


def write_excludes(exclude: Path, paths: Iterable[str]) -> None:
    """Make our section name exactly `paths`; keep the rest of the file."""
    try:
        text = exclude.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        text = ""
    before, begin, after = _divide(text)
    wanted = [pattern(path) for path in sorted(set(paths))]
    if not begin and not wanted:
        return
    # Without a line end, the mark would continue the last line of the user.
    if before and not before.endswith("\n"):
        before += "\n"
    block = "\n".join([BEGIN, *wanted, END, ""])
    fresh = before + block + after
    if fresh != text:
        fsio.write_file(exclude, fresh.encode("utf-8", "surrogateescape"))


def read_excludes(exclude: Path) -> frozenset[str]:
    """Return the patterns of our section."""
    try:
        text = exclude.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return frozenset()
    return frozenset(text.partition(BEGIN + "\n")[2].partition(END + "\n")[0].split("\n"))


def remove_excludes(exclude: Path) -> None:
    """Remove our section with its marks."""
    try:
        text = exclude.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return
    before, begin, after = _divide(text)
    if begin:
        fsio.write_file(exclude, (before + after).encode("utf-8", "surrogateescape"))


def _divide(text: str) -> tuple[str, str, str]:
    """Return the lines before our section, its first mark or '', and the lines after it."""
    before, begin, rest = text.partition(BEGIN + "\n")
    _, end, after = rest.partition(END + "\n")
    if begin and not end:
        # Without the end mark, the section ends before the first line that is no pattern of ours.
        after = "\n".join(dropwhile(lambda line: line.startswith("/"), rest.split("\n")))
    return before, begin, after
