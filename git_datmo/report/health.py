"""Say what is not shared, missing, unsigned, or not reproduced. Nothing is asked of a remote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from git_datmo.git.remote_commands import Remote
from git_datmo.git.remote_urls import push_urls
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.receipt_record import Receipt
from git_datmo.redact import hide_passwords
from git_datmo.remotes.unshared_count import seen_records, time_of_asking
from git_datmo.report.lineage import Lineage
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.verdict import IDENTICAL, WITHIN


@dataclass(frozen=True, slots=True)
class RemoteHealth:
    """A remote, and the experiments that it did not have when it was last asked.

    `asked` is that time in seconds since 1970. It is None if git-datmo never asked, and the clone
    knows the remote's records from `git clone` or `git fetch` alone.
    """

    name: str
    url: str
    asked: int | None
    unshared: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MissingContent:
    """A payload of an experiment whose content is not here."""

    experiment: str
    path: str
    oid: str


@dataclass(frozen=True, slots=True)
class Health:
    """The state of experiments, which are named by their ids."""

    remotes: tuple[RemoteHealth, ...]
    missing: tuple[MissingContent, ...]
    unsigned: tuple[str, ...]
    reproduced: tuple[str, ...]
    differs: tuple[str, ...]
    never_reproduced: tuple[str, ...]


def examine_health(
    ws: Workspace, history: History, claims: Sequence[Claim], lineage: Lineage
) -> Health:
    """Return the state of experiments as far as this clone knows it."""
    ids = [claim.row.record for claim in claims]
    runs = [claim.row.record for claim in claims if not claim.row.follows]
    signed = {str(each.record) for each in history.every(Annotation) if each.signature}
    verdicts: dict[str, set[str]] = {}
    for receipt in history.every(Receipt):
        verdicts.setdefault(str(receipt.snapshot), set()).add(receipt.verdict)
    # Receipts can disagree, so a run can be in both lists.
    good = [oid for oid in runs if verdicts.get(oid, set()) & {IDENTICAL, WITHIN}]
    bad = [oid for oid in runs if verdicts.get(oid, set()) - {IDENTICAL, WITHIN}]
    remotes = tuple(_remotes(ws, history, ids))
    # A remote that has a record has its objects: a push shares both or neither.
    shared = {oid for oid in ids if any(oid not in remote.unshared for remote in remotes)}
    return Health(
        remotes,
        tuple(_missing(ws, [oid for oid in ids if oid not in shared], lineage)),
        tuple(oid for oid in ids if oid not in signed),
        tuple(good),
        tuple(bad),
        tuple(oid for oid in runs if oid not in verdicts),
    )


def _remotes(ws: Workspace, history: History, ids: Sequence[str]) -> Iterator[RemoteHealth]:
    """Yield the remotes with the experiments that they lack."""
    for name in ws.repo.remotes():
        # A remote can push to several URLs, and each has its own state.
        for url in push_urls(ws.repo.config, name):
            remote = Remote(name, url)
            seen = set(map(str, seen_records(ws, history.heads, remote)))
            unshared = tuple(oid for oid in ids if oid not in seen)
            yield RemoteHealth(name, hide_passwords(url), time_of_asking(ws, remote), unshared)


def _missing(ws: Workspace, ids: Sequence[str], lineage: Lineage) -> Iterator[MissingContent]:
    """Yield the payloads of experiments that are not shared, whose object is not in the store."""
    if not ws.has_store:
        return
    known: dict[str, bool] = {}
    for oid in ids:
        found = lineage.experiments.get(oid)
        for payload in found.payloads if found is not None else ():
            if payload.oid not in known:
                known[payload.oid] = Oid.parse(payload.oid) in ws.store
            if not known[payload.oid]:
                yield MissingContent(oid, payload.path, payload.oid)
