"""Probe remotes, and avoid what their hosts are known to refuse."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from git_datmo.errors import DatmoError, GitFailed, Silent
from git_datmo.git.config import Config
from git_datmo.git.local_remote import find_folder
from git_datmo.git.remote_commands import Offer, Rejected, Remote, beside, probe, push_refs
from git_datmo.git.remote_urls import is_bundle
from git_datmo.progress import QUIET, Progress
from git_datmo.records.namespaces import (
    BRANCHES,
    NAMESPACES,
    PATTERNS,
    Namespace,
    in_use,
    named_namespace,
)
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.remotes.keep_links import write_first
from git_datmo.remotes.refusals import is_rate_limit
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count
from git_datmo.terminal_text import quote_word

T = TypeVar("T")

ATTEMPTS = 30
# Hosts limit pushes and requests by the minute.
PAUSE, PAUSES = 15, 20


class PlanChanged(DatmoError):
    """A plan that no longer fits the remote and has to be made again."""


def probe_remote(ws: Workspace, remote: Remote, progress: Progress = QUIET) -> Offer:
    """Return a remote's refs of ours in all namespaces, and its capabilities; raise `GitFailed`."""
    before = hosts_of(ws).of(remote)
    offer = probe(beside(ws.store.git, ws.repo.config, remote), remote, *PATTERNS)
    host = hosts_of(ws).meet(remote, offer)
    # The version is remembered, so this is reported once.
    if host.version < before.version and not is_bundle(remote.url):
        progress.tell(
            f"'{remote.address}' speaks an old protocol: objects that are there may be sent again"
        )
    return replace(offer, filters=host.filters, by_id=host.by_id)


def retried(
    ws: Workspace,
    remote: Remote,
    step: Callable[[], T],
    progress: Progress = QUIET,
    *,
    resumes: bool = False,
    made: Callable[[], int] = lambda: 0,
) -> T:
    """Return the result of `step`; repeat it if another client was first, or the host asks for a
    pause.

    A step that `resumes` is repeated once if the remote was silent. `made` counts what was sent so
    far: only attempts that sent nothing count against the limit.
    """
    attempt = pauses = 0
    was_silent, before = False, made()
    while True:
        attempt = attempt if made() == before else 0
        before = made()
        try:
            return step()
        except (Rejected, GitFailed) as error:
            if is_rate_limit(error) and pauses < PAUSES:
                _pause(ws.repo.config, remote, progress)
                pauses += 1
            elif isinstance(error, Rejected) and error.moved and attempt < ATTEMPTS - 1:
                # Other clients push at the same time. The delays grow and differ, so that they do
                # not collide again.
                time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))  # noqa: S311
                attempt += 1
            else:
                raise
        except Silent as error:
            if not (error.again and resumes):
                raise
            if was_silent:
                raise error.final() from error
            was_silent = True
        except PlanChanged:
            attempt += 1
            if attempt == ATTEMPTS:
                raise


def _pause(config: Config, remote: Remote, progress: Progress) -> None:
    seconds = config.number(f"datmo.{remote.address}.pause", PAUSE)
    progress.tell(
        f"'{remote.address}' limits the rate of requests: continuing in"
        f" {show_count(seconds, 'second')}"
    )
    time.sleep(seconds)


def choose_namespace(
    ws: Workspace, remote: Remote, offer: Offer, progress: Progress = QUIET
) -> tuple[Namespace, Offer]:
    """Return the namespace to write to, and the offer.

    It is the user's choice, else the one that the remote uses, else the first that it accepts. On a
    remote without any, each is tried with an empty keep ref, which is then part of the offer. If it
    accepts none, the first refusal is raised.
    """
    set_by_hand = ws.repo.config.get(f"datmo.{remote.address}.namespace").rstrip("/")
    used = in_use(offer.refs)
    if used and not set_by_hand:
        return used[0], offer
    known = set_by_hand or hosts_of(ws).of(remote).namespace
    chosen = named_namespace(known)
    if set_by_hand and chosen is None:
        raise DatmoError(
            f"'{known}' is not a namespace for git-datmo's refs",
            "set 'refs/datmo', or any other that ends in '/git-datmo', as 'refs/heads/git-datmo'",
        )
    if chosen is not None and set_by_hand:
        return chosen, offer
    # A folder without hooks accepts any ref, so none has to be tried.
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    if folder is not None and folder.takes_files():
        return NAMESPACES[0], offer
    return _first_taken(
        ws, remote, offer, [*([chosen] if chosen is not None else []), *NAMESPACES], progress
    )


def _first_taken(
    ws: Workspace, remote: Remote, offer: Offer, namespaces: Iterable[Namespace], progress: Progress
) -> tuple[Namespace, Offer]:
    """Return the first namespace in which a keep ref can be made; report it if it is unusual and
    new."""
    git, nothing = beside(ws.scratch.git, ws.repo.config, remote), write_first(ws)
    refusals = []
    for ns in namespaces:
        ref = ns.keep_ref(1)
        try:
            # An empty lease: the ref must not exist (git-push, `--force-with-lease`).
            push_refs(git, remote, [f"{nothing}:{ref}"], QUIET, f"--force-with-lease={ref}:")
        except Rejected as refusal:
            if is_rate_limit(refusal) or (refusal.moved and ref in probe_remote(ws, remote).refs):
                raise
            refusals.append(refusal)
            continue
        if ref not in probe_remote(ws, remote).refs:
            # The host accepts the ref and hides it from fetches, so no clone would find the data.
            continue
        if hosts_of(ws).learn(remote, namespace=ns.name) and ns is not NAMESPACES[0]:
            progress.tell(_explain(remote, ns))
        return ns, replace(offer, refs={**offer.refs, ref: nothing})
    refused = next((refusal for refusal in refusals if not refusal.moved), None)
    raise refused or DatmoError(
        f"'{remote.address}' hides all refs that git-datmo can use from fetches",
        "choose a namespace that it shows: git config"
        f" {quote_word(f'datmo.{remote.address}.namespace')}"
        " refs/heads/NAME/git-datmo",
    )


def _explain(remote: Remote, ns: Namespace) -> str:
    why = (
        f"'{remote.address}' refuses or hides refs below {NAMESPACES[0].name}: what is shared"
        f" goes below {ns.name}"
    )
    return f"{why}, which plain clones bring along" if ns is BRANCHES else why
