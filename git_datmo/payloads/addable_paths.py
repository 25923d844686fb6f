"""Check which paths can be payloads, and warn about links in those that were added."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.safe_paths import as_pathspec, check_path, show
from git_datmo.model import Role
from git_datmo.payloads.exclude_file import is_behind, pattern
from git_datmo.repository.workspace import Workspace
from git_datmo.suggest import nearest
from git_datmo.terminal_text import quote_word, quote_words
from git_datmo.worktree.tracking import Tracking

if TYPE_CHECKING:
    from git_datmo.worktree.outside_links import Fault, Faulty, LinkCheck


# Files that keep an empty folder in git. The folder can be a payload beside them.
PLACEHOLDERS = frozenset({b".gitkeep", b".gitignore", b".keep", b".empty", b".placeholder"})


class AddableCheck:
    """Checks which of some paths can be payloads. Git is asked about all of them together."""

    def __init__(self, ws: Workspace, paths: Collection[str]) -> None:
        self._ws = ws
        # Git gets only names that can be passed to it; `check` refuses the others before it needs
        # git's answers.
        texts = [path for path in paths if path and _is_text(path)]
        self._listed = _listed_by_git(ws.repo.git, texts)
        self._asked_for = _asked_for_by_ignore_files(ws, texts)

    def check(self, tracking: Tracking, path: str, *, exists: bool = True) -> None:
        """Raise `DatmoError` with a way out unless `path` can be a payload.

        With `exists` false, a command is about to write it, so another path is a way out, and
        adding it from elsewhere is none.
        """
        if not path:
            raise DatmoError(
                "the repository itself cannot be a payload",
                "add the files and folders in it that are data",
            )
        if not _is_text(path):
            raise DatmoError(
                f"the name {os.fsencode(path)!r} is not valid UTF-8",
                "rename it, or add the folder that holds it" if exists else "give another name",
            )
        check_path(path)
        if exists and not os.path.lexists(self._ws.root / path):
            near = _similar_path(self._ws.root, path)
            raise DatmoError(
                f"'{path}' does not exist",
                f"did you mean '{near}'?"
                if near
                else "check the name, or 'git datmo checkout' fetches what was snapshotted",
            )
        _refuse_other_repository(self._ws.root, path, exists=exists)
        _refuse_other_payload(tracking, path, exists=exists)
        self._refuse_tracked(path)
        self._refuse_asked_for(path)

    def _refuse_tracked(self, path: str) -> None:
        listed = list(_at_or_below(self._listed, os.fsencode(path)))
        beside = os.path.isdir(self._ws.root / path) and all(
            each.rpartition(b"/")[2] in PLACEHOLDERS for each in listed
        )
        if listed and not beside:
            shown = os.fsdecode(listed[0])
            raise DatmoError(
                f"git tracks '{shown}'"
                + (f" and {len(listed) - 1} more below '{path}'" if len(listed) > 1 else ""),
                f"take it out of git's index first: git rm -r --cached -- {quote_word(path)}, then"
                " commit",
            )

    def _refuse_asked_for(self, path: str) -> None:
        found = self._asked_for.get(path)
        if found is None:
            return
        source, line, matched = found
        folder = os.path.dirname(source) if os.path.basename(source) == ".gitignore" else ""
        wanted = pattern(path[len(folder) + 1 :] if folder else path)
        raise DatmoError(
            f"git would add '{path}' to its own index: line {line} of '{source}'"
            f" ('{matched}') includes it",
            f"add the line '{wanted}' at the end of '{source}', then run this again",
        )


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed_by_git(git: Git, paths: Collection[str]) -> list[bytes]:
    """Return the files that git tracks, sorted, at least those at or below `paths`."""
    if not paths:
        return []
    # A path in conflict is listed once for each of its stages (git-ls-files, --deduplicate).
    return sorted(set(git.run("ls-files", "-z", *as_pathspec(paths)).split(b"\0")[:-1]))


def _at_or_below(listed: Sequence[bytes], path: bytes) -> Iterator[bytes]:
    """Yield those of sorted paths that are `path` or lie below it."""
    at = bisect_left(listed, path)
    if at < len(listed) and listed[at] == path:
        yield path
    # In the order of bytes, '0' follows '/'.
    yield from listed[bisect_left(listed, path + b"/") : bisect_left(listed, path + b"0")]


def _asked_for_by_ignore_files(
    ws: Workspace, paths: Collection[str]
) -> dict[str, tuple[str, int, str]]:
    """Return the paths that a `.gitignore` includes in spite of `.git/info/exclude`.

    Each has the file, the line and the pattern. A pattern of a `.gitignore` outranks those in
    `.git/info/exclude` (gitignore, DESCRIPTION).
    """
    names = {}
    for path in paths:
        names[f"./{path}"] = path
        # The output of a run may become a file or a folder.
        if not os.path.lexists(ws.root / path):
            names[f"./{path}/"] = path
    if not names:
        return {}
    # `check-ignore` refuses `--literal-pathspecs`. The `./` in front keeps a leading colon from
    # being magic.
    git = replace(ws.repo.git, literal_paths=False)
    stdin = b"".join(os.fsencode(each) + b"\0" for each in names)
    said = git.finish("check-ignore", "--no-index", "-v", "-z", "--stdin", stdin=stdin).stdout
    fields = iter(os.fsdecode(each) for each in said.split(b"\0")[:-1])
    found: dict[str, tuple[str, int, str]] = {}
    # Each answer has four fields: source, line, pattern and path (git-check-ignore, -z).
    for source, line, matched, name in zip(fields, fields, fields, fields, strict=False):
        if matched.startswith("!") and _outranks(ws, source, int(line)):
            found.setdefault(names[name], (source, int(line), matched))
    return found


def _similar_path(root: Path, path: str) -> str | None:
    """Return the existing path most similar to a missing one, or None."""
    folder, _, name = path.rpartition("/")
    try:
        near = nearest(name, os.listdir(root / folder))
    except OSError:
        return None
    return os.path.join(folder, near) if near else None


def _refuse_other_repository(root: Path, path: str, *, exists: bool) -> None:
    names = path.split("/")
    # The path itself is left out: only a repository around the payload is refused.
    for end in range(1, len(names)):
        folder = "/".join(names[:end])
        if os.path.lexists(root / folder / ".git"):
            hint = (
                f"add it from within that repository: cd {quote_word(folder)} && "
                f"git datmo init && git datmo add-data {quote_word('/'.join(names[end:]))}"
            )
            raise DatmoError(
                f"'{path}' lies in '{folder}', which is a git repository of its own",
                hint if exists else f"give a path outside of '{folder}'",
            )


def _refuse_other_payload(tracking: Tracking, path: str, *, exists: bool) -> None:
    holder = tracking.holding(path)
    if holder is not None and holder.payload.path != path:
        whole = holder.payload.path
        if not exists:
            hint = f"give a path outside of '{whole}'"
        elif holder.payload.role is Role.MODEL:
            hint = f"'git datmo add-model {quote_word(whole)}' adds it with the rest"
        else:
            hint = f"'git datmo add-data {quote_word(whole)}' adds it with the rest"
        raise DatmoError(f"'{path}' is part of the payload '{whole}'", hint)
    inside = [t.payload.path for t in tracking.within(path) if t.payload.path != path]
    if inside:
        raise DatmoError(
            f"'{path}' holds the payload '{inside[0]}'",
            f"stop tracking that first: git datmo rm {quote_words(inside)}"
            if exists
            else f"give a path that does not hold '{inside[0]}'",
        )


def _outranks(ws: Workspace, source: str, line: int) -> bool:
    """Return True if a pattern that git found outranks ours. Patterns outside the working tree
    do not."""
    exclude = ws.repo.common_dir / "info" / "exclude"
    if os.path.realpath(ws.root / source) == os.path.realpath(exclude):
        return is_behind(exclude, line)
    return os.path.basename(source) == ".gitignore" and not os.path.isabs(source)


def link_warnings(check: LinkCheck, path: str) -> Iterator[str]:
    """Yield a line for each kind of links in a payload that lead nowhere in another clone."""
    for (top, fault), faulty in check.found.items():
        if top == os.fsencode(path):
            links = "link" if faulty.count == 1 else "links"
            fault_text = _told(fault, path, one=faulty.count == 1)
            yield f"{faulty.count} {links} in '{path}' {fault_text}: {name_links(faulty)}"


def name_links(faulty: Faulty) -> str:
    """Return the first names of some links, and a mark where there are more."""
    return ", ".join(map(show, faulty.first)) + (", …" if faulty.count > len(faulty.first) else "")


def _told(fault: Fault, path: str, *, one: bool) -> str:
    if fault.name == "OUTSIDE":
        text = (
            "leads out of it and is stored as a link, not as what it points at"
            if one
            else "lead out of it and are stored as links, not as what they point at"
        )
        copy = f"cp -RL {quote_word(path)} {quote_word(path + '.copied')}"
        return f"{text} ('{copy}' makes a folder that holds the files themselves)"
    if fault.name == "ABSOLUTE":
        text = "is an absolute path, which" if one else "are absolute paths, which"
        return f"{text} no other clone has (make relative links: ln -sr)"
    return f"{'points' if one else 'point'} at nothing"
