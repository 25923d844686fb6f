"""Hold the parts of an experiment that a rerun uses: code, data, environment and parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Content, Payload
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.payloads.record_claims import ClaimedContent, claim_of
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.secrets.masking import is_masked
from git_datmo.terminal_text import quote_words

PARTS = ("code", "data", "env", "params")


@dataclass(frozen=True, slots=True)
class Parts:
    """The inputs of a rerun: code, data, environment and command.

    `data` are the payloads from before the run. `folder` is the command's working directory,
    relative to the repository. `outputs` are the paths that the command is expected to write.
    `recorded` are the payloads that the recorded run wrote. If `files` is set, only these files of
    the data are placed. `started` is the start time of the recorded run.
    """

    code: Content | None
    data: tuple[Payload, ...]
    environment: Content
    command: tuple[str, ...]
    folder: str
    outputs: tuple[str, ...]
    recorded: tuple[Payload, ...] = ()
    files: tuple[tuple[str, Node], ...] | None = None
    started: str = ""

    def placed(self) -> Iterator[tuple[str, Node]]:
        """Yield the path and node of each file and folder of the data that is placed."""
        if self.files is not None:
            yield from self.files
        else:
            yield from ((payload.path, root_node(payload.content)) for payload in self.data)

    def claims(self) -> Iterator[ClaimedContent]:
        """Yield what the records say of the code and of the data that is placed."""
        if self.code is not None:
            yield claim_of("code", self.code)
        if self.files is None:
            yield from (claim_of(payload.path, payload.content) for payload in self.data)
            return
        # The record has no extent of a single file, so that of all data is the bound.
        files = sum(payload.content.files for payload in self.data)
        size = sum(payload.content.size for payload in self.data)
        yield from (ClaimedContent(path, node, files, size) for path, node in self.files)

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes that must be available locally before the rerun starts."""
        for content in (self.code, self.environment):
            if content is not None:
                yield root_node(content)
        yield from (node for _, node in self.placed())


def require_run(found: Found) -> Run:
    """Return the run of a snapshot.

    Raises `DatmoError` if the snapshot has no command or no environment.
    """
    run = found.snapshot.run
    if run is None:
        raise DatmoError(
            f"snapshot '{found.id}' names no command to run",
            "snapshots made with 'git datmo run' can be reproduced",
        )
    if found.snapshot.environment is None:
        raise DatmoError(
            f"snapshot '{found.id}' has no environment", "its command ran without a Python to ask"
        )
    return run


def parts_of(found: Found) -> Parts:
    """Return the inputs of a snapshot's run. Raises `DatmoError` as `require_run` does."""
    run, snapshot = require_run(found), found.snapshot
    assert snapshot.environment is not None
    return Parts(
        code=snapshot.code,
        data=_data(snapshot, run),
        environment=snapshot.environment,
        command=run.command,
        folder=run.folder,
        outputs=(*run.outputs, *(payload.path for payload in run.tracked)),
        recorded=tuple(
            payload for payload in snapshot.payloads if payload.path in set(run.outputs)
        ),
        started=run.started,
    )


def require_whole(parts: Parts) -> Parts:
    """Return `parts` unchanged; raise `DatmoError` if a secret in the command was masked."""
    if is_masked(parts.command):
        raise DatmoError(
            "not run: a secret in the command was masked when it was recorded:"
            f" '{quote_words(parts.command)}'",
            "have the program read the secret from an environment variable, and 'git datmo run'"
            " it anew",
        )
    return parts


def _data(snapshot: Snapshot, run: Run) -> tuple[Payload, ...]:
    """Return the payloads from before the run.

    If the command was only recorded and did not run, its outputs are left out.
    """
    if run.has_run:
        return run.inputs
    return tuple(payload for payload in snapshot.payloads if payload.path not in run.outputs)


def swap(parts: Parts, name: str, other: Parts) -> Parts:
    """Return `parts` with the part `name` (an item of `PARTS`) taken from `other`."""
    match name:
        case "code":
            return replace(parts, code=other.code)
        case "data":
            return replace(parts, data=other.data)
        case "env":
            return replace(parts, environment=other.environment)
        case "params":
            return replace(parts, command=other.command, folder=other.folder)
    raise ValueError(name)
