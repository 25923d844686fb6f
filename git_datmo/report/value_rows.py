"""Set the parts of several experiments side by side: one row for each value."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.environments.environment_diff import environment_values
from git_datmo.history.experiments import Found
from git_datmo.model import Content, Payload
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.progress import Progress
from git_datmo.records.record_values import Value
from git_datmo.report.experiment_diff import command_values, is_same
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.environment_commands import load_environment
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.sizes import show_count, show_size

SECTIONS = ("command", "parameters", "environment", "data", "code")
ID_LENGTH = 10


@dataclass(frozen=True, slots=True)
class ValueRow:
    """A value of each experiment, in their order; None for an experiment without it.

    `section` is one of `SECTIONS`. Data and code have ids of content as values.
    """

    section: str
    name: str
    values: tuple[Value | None, ...]

    @property
    def differs(self) -> bool:
        """Return True unless all experiments have the same value."""
        return not all(is_same(value, self.values[0]) for value in self.values)


def value_rows(ws: Workspace, founds: Sequence[Found], progress: Progress) -> Iterator[ValueRow]:
    """Yield the rows of all sections. Environments and code that are missing are fetched."""
    commands = [command_values(found.snapshot.run) for found in founds]
    yield from _rows("command", commands)
    yield from _rows("parameters", [found.snapshot.parameters for found in founds])
    yield from _rows("environment", _environments(ws, founds, progress))
    yield from _rows("data", [_data(found.snapshot.payloads) for found in founds])
    yield from _code_rows(ws, founds, progress)


def _rows(section: str, columns: Sequence[Mapping[str, Value]]) -> Iterator[ValueRow]:
    """Yield a row for each name that an experiment has."""
    for name in sorted({name for column in columns for name in column}):
        yield ValueRow(section, name, tuple(column.get(name) for column in columns))


def _data(payloads: Sequence[Payload]) -> dict[str, Value]:
    """Return the content of each payload by its path."""
    return {
        payload.path: f"{str(payload.object)[:ID_LENGTH]} ({_extent(payload.content)})"
        for payload in payloads
    }


def _extent(content: Content) -> str:
    return f"{show_count(content.files, 'file')}, {show_size(content.size)}"


def _environments(
    ws: Workspace, founds: Sequence[Found], progress: Progress
) -> list[Mapping[str, str]]:
    """Return the values of each environment; each one is read once."""
    read: dict[Content, dict[str, str]] = {}
    for found in founds:
        content = found.snapshot.environment
        if content is not None and content not in read:
            stored = load_environment(ws, found, progress=progress)
            read[content] = environment_values(stored.environment, stored.manifest)
    contents = [found.snapshot.environment for found in founds]
    return [read[content] if content is not None else {} for content in contents]


def _code_rows(ws: Workspace, founds: Sequence[Found], progress: Progress) -> Iterator[ValueRow]:
    """Yield a row for each file of code that differs, and one row for code that is the same.

    Stored code has uncommitted changes. If an experiment has no stored code, commits are compared.
    """
    codes = [found.snapshot.code for found in founds]
    if any(code is None for code in codes):
        changed = _changed_in_commits(ws, [str(found.snapshot.commit) for found in founds])
    else:
        changed = _changed_in_store(ws, founds, progress)
    for path in sorted(changed):
        yield ValueRow("code", path, changed[path])
    if not changed and founds:
        code = codes[0]
        whole = str(code.object) if code is not None else str(founds[0].snapshot.commit)
        yield ValueRow("code", "all files", (whole[:ID_LENGTH],) * len(founds))


def _changed_in_store(
    ws: Workspace, founds: Sequence[Found], progress: Progress
) -> dict[str, tuple[Value | None, ...]]:
    """Return the ids of the files of stored code that differ from the first experiment's code."""
    for found in founds:
        if found.snapshot.code is not None:
            code = found.snapshot.code
            require_objects(ws, [root_node(code)], found.id, progress, size=code.size)
    contents = [found.snapshot.code for found in founds if found.snapshot.code is not None]
    pairs: dict[Content, dict[str, tuple[str | None, str | None]]] = {}
    for content in contents:
        # Experiments often share their code, so each content is compared once.
        if content not in pairs:
            pairs[content] = {
                os.fsdecode(b"/".join(each.path)): (_file_id(each.old), _file_id(each.new))
                for each in compare(root_node(contents[0]), root_node(content), ws.store.read_tree)
                if _file_id(each.old) or _file_id(each.new)
            }
    return _unite_pairs([pairs[content] for content in contents])


def _file_id(node: Node | None) -> str | None:
    """Return the short id of a file's content; None for a folder and an absent file."""
    if node is None or node.kind is NodeKind.FOLDER:
        return None
    return str(node.oid)[:ID_LENGTH]


def _changed_in_commits(
    ws: Workspace, commits: Sequence[str]
) -> dict[str, tuple[Value | None, ...]]:
    """Return the ids of the files of commits that differ from the first commit."""
    pairs: dict[str, dict[str, tuple[str | None, str | None]]] = {}
    for commit in commits:
        if commit not in pairs:
            said = ws.repo.git.run(
                "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-commit-id",
                "--end-of-options", commits[0], commit,
            )  # fmt: skip
            # With -z, the output ends in NUL, so one empty word is left.
            words = said.decode("utf-8", "surrogateescape").split("\0")
            pairs[commit] = {
                path: _raw_ids(raw) for raw, path in zip(words[::2], words[1::2], strict=False)
            }
    return _unite_pairs([pairs[commit] for commit in commits])


def _raw_ids(raw: str) -> tuple[str | None, str | None]:
    """Return the ids in a line of `git diff-tree --raw`; None for an absent file."""
    _, _, old, new, _ = raw.split(" ")
    # Git writes zeros for the id of an absent file.
    one, other = (None if set(oid) == {"0"} else oid[:ID_LENGTH] for oid in (old, new))
    return one, other


def _unite_pairs(
    changes: Sequence[Mapping[str, tuple[str | None, str | None]]],
) -> dict[str, tuple[Value | None, ...]]:
    """Return the ids of each path in all experiments from changes against the first one."""
    first: dict[str, str | None] = {}
    for change in changes:
        first |= {path: old for path, (old, _) in change.items()}
    # A path without a change in a pair has the id of the first experiment.
    return {
        path: tuple(change[path][1] if path in change else old for change in changes)
        for path, old in first.items()
    }
