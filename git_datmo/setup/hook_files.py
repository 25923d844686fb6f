"""Install git-datmo's hooks before existing ones, and remove them again."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from git_datmo import fsio, permissions
from git_datmo.repository.hook_state import (
    END,
    HOOKS,
    LEGACY,
    PRE_COMMIT,
    is_ours,
    place_of,
    read_hook,
)

# An earlier hook. Further ones of the same name end in -2, -3, and run in this order.
NEXT = ".datmo-next"
# lefthook renames an existing hook to this, and does not run it.
OLD = ".old"

_BODIES = {
    "pre-push": "pre-push",
    "pre-commit": "pre-commit",
    "prepare-commit-msg": "message",
    "commit-msg": "message",
    "post-commit": "post",
    "post-checkout": "post",
    "post-merge": "post",
}


def find_program(name: str) -> str:
    """Return the path of a console script of this installation; '' if there is none."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or ""


def install_beside(folder: Path, name: str) -> tuple[Path, ...]:
    """Install git-datmo's hook `name` before all hooks in `folder`, and return the hooks that it
    runs.

    Each step leaves earlier hooks in place or under a name by which they run. A killed installation
    is completed by the next.
    """
    place = place_of(folder, name)
    _drop_copies(folder, name, place)
    if is_ours(place):
        _move_added_lines(folder, name, place)
    elif os.path.lexists(place):
        _move_aside(folder, name, place)
    write_hook(place, hook_text(name))
    return find_next(folder, name)


def remove_from(folder: Path, name: str) -> tuple[Path, ...]:
    """Remove git-datmo's hook `name` and restore the earlier one; return hooks that have no
    place."""
    place = place_of(folder, name)
    if is_ours(place):
        _move_added_lines(folder, name, place)
    earlier = list(find_next(folder, name))
    if is_ours(place) or not os.path.lexists(place):
        if earlier:
            os.replace(earlier.pop(), place)
        else:
            place.unlink(missing_ok=True)
    for path in list(earlier):
        if _does_the_same(read_hook(place), read_hook(path)):
            path.unlink()
            earlier.remove(path)
    _drop_copies(folder, name, place)
    return tuple(earlier)


def find_next(folder: Path, name: str) -> tuple[Path, ...]:
    """Return the hooks that git-datmo's hook `name` runs, in their order."""
    first = folder / f"{name}{NEXT}"
    return (*([first] if os.path.lexists(first) else []), *sorted(folder.glob(f"{name}{NEXT}-*")))


def _drop_copies(folder: Path, name: str, place: Path) -> None:
    """Remove copies of git-datmo's hook that other tools or people made, which would run twice."""
    copies = [
        folder / name,
        folder / f"{name}{LEGACY}",
        folder / f"{name}{OLD}",
        *find_next(folder, name),
    ]
    for path in copies:
        if path != place and is_ours(path):
            path.unlink()


def _move_aside(folder: Path, name: str, path: Path) -> None:
    """Rename a hook so that git-datmo's runs it; an older hook of the same tool is replaced."""
    text = read_hook(path)
    earlier = find_next(folder, name)
    for other in earlier:
        if _does_the_same(text, read_hook(other)):
            os.replace(path, other)
            return
    os.rename(path, _free_name(folder, name, len(earlier)))


def _free_name(folder: Path, name: str, number: int) -> Path:
    while os.path.lexists(path := folder / f"{name}{NEXT}{f'-{number + 1}' if number else ''}"):
        number += 1
    return path


def _move_added_lines(folder: Path, name: str, place: Path) -> None:
    """Move lines that follow git-datmo's own in a hook to a hook of their own."""
    text, end, added = place.read_bytes().partition(END)
    if not added.strip():
        return
    shebang = text.partition(b"\n")[0] + b"\n"
    script = shebang + added
    if not any(read_hook(path) == script for path in find_next(folder, name)):
        write_hook(_free_name(folder, name, len(find_next(folder, name))), script)
    write_hook(place, text + end)


def _does_the_same(text: bytes, other: bytes) -> bool:
    """Return True for equal hooks, and for hooks of one tool, whose newer version replaces the
    older."""
    return text == other or _tool_of(text) == _tool_of(other) != ""


def _tool_of(text: bytes) -> str:
    """Return the tool that wrote a hook; '' for one that a person wrote or changed."""
    lines = [line for line in text.splitlines() if line.strip()][1:]
    if not lines:
        return ""
    if lines[0].startswith(PRE_COMMIT):
        return "pre-commit"
    if lines[-1].startswith(b"call_lefthook run"):
        return "lefthook"
    if lines[0].lower().startswith(b"# husky"):
        return "husky"
    return "git-lfs" if _is_of_lfs(lines) else ""


def _is_of_lfs(lines: Sequence[bytes]) -> bool:
    """Return True for the two lines of Git LFS: a check that it is installed, and its own call."""
    commands = [line for line in lines if not line.startswith(b"#")]
    return bool(commands) and all(b"git lfs" in line or b"git-lfs" in line for line in commands)


def hook_text(name: str) -> bytes:
    """Return the text of git-datmo's hook `name`.

    It names the path of this installation, for when PATH does not have it. A hook without work of
    git-datmo's only runs the earlier ones.
    """
    folder = resources.files("git_datmo").joinpath("_hooks")
    if not folder.is_dir():
        folder = Path(__file__).parents[2] / "hooks"
    program = find_program("git-datmo").replace("'", "'\\''")
    text = folder.joinpath("start").read_bytes()
    text += folder.joinpath(_BODIES[name]).read_bytes() if name in HOOKS else b'\nexit "$status"\n'
    # A function, since a path can contain backslashes.
    return re.sub(b"@GIT_DATMO@", lambda _: os.fsencode(program), text) + b"\n" + END


def write_hook(path: Path, text: bytes) -> None:
    """Write an executable hook, unless it exists with this text."""
    if path.is_symlink() or read_hook(path) != text or not os.access(path, os.X_OK):
        fsio.write_file(path, text, mode=permissions.PROGRAM)
