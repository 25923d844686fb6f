"""Find which run wrote a payload, and which runs used it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.history.render_cache import TextFormat
from git_datmo.history.taken_feedback import has_path, used_payloads
from git_datmo.model import Payload
from git_datmo.records.snapshot_record import Snapshot


@dataclass(frozen=True, slots=True)
class PayloadRef:
    """A payload of an experiment. `form` is that of its content, and `role` its role."""

    path: str
    oid: str
    role: str
    form: str
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class ExperimentPayloads:
    """Payloads that a run used, those that it wrote, and all that the experiment has."""

    id: str
    inputs: tuple[PayloadRef, ...]
    outputs: tuple[PayloadRef, ...]
    payloads: tuple[PayloadRef, ...]

    def all(self) -> tuple[PayloadRef, ...]:
        """Return all payloads, each once, those before the run first."""
        return tuple(dict.fromkeys((*self.inputs, *self.payloads)))


@dataclass(frozen=True, slots=True)
class LineageLink:
    """Another experiment that wrote or used the payload at `path`."""

    id: str
    path: str
    role: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """Payloads of experiments by id, and the experiments that wrote and used each content."""

    experiments: Mapping[str, ExperimentPayloads]
    writers: Mapping[str, Sequence[str]]
    users: Mapping[str, Sequence[str]]

    def parents(self, oid: str) -> Iterator[LineageLink]:
        """Yield the experiments that wrote the inputs of an experiment."""
        yield from self._links(oid, self.experiments[oid].inputs, self.writers)

    def children(self, oid: str) -> Iterator[LineageLink]:
        """Yield the experiments that used the outputs of an experiment."""
        yield from self._links(oid, self.experiments[oid].outputs, self.users)

    def _links(
        self, own: str, payloads: Iterable[PayloadRef], by_content: Mapping[str, Sequence[str]]
    ) -> Iterator[LineageLink]:
        for payload in payloads:
            for other in by_content.get(payload.oid, ()):
                # A run can write a content that it used, too.
                if other != own:
                    yield LineageLink(other, payload.path, payload.role)


def read_lineage(history: History, claims: Iterable[Claim]) -> Lineage:
    """Return the lineage of experiments."""
    experiments: dict[str, ExperimentPayloads] = {}
    writers: dict[str, list[str]] = {}
    users: dict[str, list[str]] = {}
    for claim, text in history.render(iter(claims), _PAYLOADS):
        oid = claim.row.record
        found = _decode(oid, text)
        experiments[oid] = found
        for payloads, index in ((found.outputs, writers), (found.inputs, users)):
            # The same content can be at several paths.
            for content in dict.fromkeys(payload.oid for payload in payloads):
                index.setdefault(content, []).append(oid)
    return Lineage(experiments, writers, users)


def _encode(snapshot: Snapshot) -> str:
    """Return the payloads of a snapshot as JSON; outputs are marked."""
    run = snapshot.run
    before = {(payload.path, payload.object) for payload in run.inputs} if run is not None else ()
    outputs = set(run.outputs) if run is not None else set()
    marked = []
    for payload in snapshot.payloads:
        # A payload that stayed as it was is no output, even at a path that the run writes.
        is_new = (payload.path, payload.object) not in before
        marked.append((_list(payload), is_new and _is_written(payload, outputs)))
    used = [_list(payload) for payload in used_payloads(run)] if run is not None else []
    return json.dumps([used, marked])


def _is_written(payload: Payload, outputs: set[str]) -> bool:
    """Return True if a run wrote the payload, or a file below it."""
    return payload.path in outputs or has_path(payload, outputs)


def _list(payload: Payload) -> list[str | int]:
    content = payload.content
    return [
        payload.path, str(content.object), str(payload.role), str(content.form), content.size,
        content.files,
    ]  # fmt: skip


def _decode(oid: str, text: str) -> ExperimentPayloads:
    inputs, marked = json.loads(text)
    payloads = [(PayloadRef(*words), is_output) for words, is_output in marked]
    return ExperimentPayloads(
        oid,
        tuple(PayloadRef(*words) for words in inputs),
        tuple(payload for payload, is_output in payloads if is_output),
        tuple(payload for payload, _ in payloads),
    )


_PAYLOADS = TextFormat("payloads-2", _encode)
"""The format in which the payloads of a snapshot are cached. Change its name with the values."""
