"""Tracked payloads stay out of git's own index: their paths stand in `.git/info/exclude`, between two marks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from git_datmo import fsio

BEGIN = "# git-datmo: payloads, kept by 'git datmo add-data' and 'git datmo rm'"
END = "# git-datmo: end"


def pattern(path: str) -> str:
    """A gitignore pattern that matches `path` at the top and nothing else (gitignore, PATTERN FORMAT)."""
    # A pattern is one line: a line end within a name can only be said as any letter.
    quoted = "".join(f"\\{letter}" if letter in "\\*?[" else letter for letter in path).replace("\n", "?")
    if quoted.endswith("\r"):
        # Git takes a carriage return at a line's end for a part of the line end.
        return "/" + quoted[:-1] + "[\r]"
    stripped = quoted.rstrip(" ")
    return "/" + stripped + "\\ " * (len(quoted) - len(stripped))


def is_behind(exclude: Path, line: int) -> bool:
    """Tell whether a line of the file, counted from 1, stands behind our part, and so outranks it."""
    lines = exclude.read_bytes().split(b"\n") if exclude.exists() else []
    return END.encode() in lines[: line - 1]


def write_excludes(exclude: Path, paths: Iterable[str]) -> None:
    """Make our part of the file name exactly `paths`, leaving the rest as it is."""
    try:
        text = exclude.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        text = ""
    before, begin, rest = text.partition(BEGIN + "\n")
    _, _, after = rest.partition(END + "\n")
    wanted = [pattern(path) for path in sorted(set(paths))]
    if not begin and not wanted:
        return
    if before and not before.endswith("\n"):
        before += "\n"
    block = "\n".join([BEGIN, *wanted, END, ""])
    fresh = before + block + after
    if fresh != text:
        fsio.write_file(exclude, fresh.encode("utf-8", "surrogateescape"))


def remove_excludes(exclude: Path) -> None:
    """Take git-datmo's part out of the file, with its marks."""
    try:
        text = exclude.read_bytes()
    except FileNotFoundError:
        return
    before, begin, rest = text.partition(BEGIN.encode() + b"\n")
    _, end, after = rest.partition(END.encode() + b"\n")
    if begin and end:
        fsio.write_file(exclude, before + after)
