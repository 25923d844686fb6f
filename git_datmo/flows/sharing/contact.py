"""Talks to remotes as they are: what is known of a host is taken into account, and what it does not take, avoided."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from git_datmo.errors import DatmoError, GitFailed, Silent
from git_datmo.flows.sharing.links import write_first
from git_datmo.flows.workspace import Workspace
from git_datmo.git.folder import find_folder
from git_datmo.git.namespaces import BRANCHES, NAMESPACES, PATTERNS, Namespace, in_use, named_namespace
from git_datmo.git.refusals import is_rate_limit
from git_datmo.git.remote import Offer, Rejected, Remote, beside, probe, push_refs
from git_datmo.git.urls import is_bundle
from git_datmo.progress import QUIET, Progress
from git_datmo.terminal_text import quote_word

T = TypeVar("T")

ATTEMPTS = 30
# Hosts count pushes and requests by the minute.
PAUSE, PAUSES = 15, 20


class PlanChanged(DatmoError):
    """What a plan stood on is not so any more: it has to be made anew."""


def ask(ws: Workspace, remote: Remote, progress: Progress = QUIET) -> Offer:
    """What a remote has of ours in all namespaces, and what it can do as far as is known; raises `GitFailed`."""
    before = ws.hosts.of(remote)
    offer = probe(beside(ws.store.git, ws.repo.config, remote), remote, *PATTERNS)
    host = ws.hosts.meet(remote, offer)
    if host.version < before.version and not is_bundle(remote.url):
        progress.tell(f"'{remote.address}' speaks an old protocol: it may be sent, and send, what was there already")
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
    """What `step` returns, which is made anew where somebody else was first at a remote, or its host wants a pause.

    A step that `resumes` is also made anew, once, where the remote was silent. `made` counts what steps have brought
    to the remote so far: only attempts that brought nothing count against the limit.
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
                _pause(ws, remote, progress)
                pauses += 1
            elif isinstance(error, Rejected) and error.moved and attempt < ATTEMPTS - 1:
                # Others push at the same moment: the delay grows and differs, so that they do not meet again.
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


def _pause(ws: Workspace, remote: Remote, progress: Progress) -> None:
    seconds = ws.repo.config.number(f"datmo.{remote.address}.pause", PAUSE)
    progress.tell(f"'{remote.address}' limits how often it is asked: going on in {seconds} seconds")
    time.sleep(seconds)


def settle(ws: Workspace, remote: Remote, offer: Offer, progress: Progress = QUIET) -> tuple[Namespace, Offer]:
    """The namespace to write to: what a person set, what the remote has in use, or the first that it takes.

    Where nobody shared with the remote before, each is tried with a keep ref that keeps nothing, which is then part of
    what the remote offers. Raises the refusal of the first where the remote takes none.
    """
    set_by_hand = ws.repo.config.get(f"datmo.{remote.address}.namespace").rstrip("/")
    used = in_use(offer.refs)
    if used and not set_by_hand:
        return used[0], offer
    known = set_by_hand or ws.hosts.of(remote).namespace
    chosen = named_namespace(known)
    if set_by_hand and chosen is None:
        raise DatmoError(
            f"'{known}' is no place for what git-datmo shares",
            "set 'refs/datmo', or any other that ends in '/git-datmo', as 'refs/heads/git-datmo'",
        )
    if chosen is not None and set_by_hand:
        return chosen, offer
    folder = find_folder(ws.repo.git, ws.repo.config, remote, ws.store.format)
    if folder is not None and folder.takes_files():
        return NAMESPACES[0], offer
    return _first_taken(ws, remote, offer, [*([chosen] if chosen is not None else []), *NAMESPACES], progress)


def _first_taken(
    ws: Workspace, remote: Remote, offer: Offer, namespaces: Iterable[Namespace], progress: Progress
) -> tuple[Namespace, Offer]:
    """The first namespace in which a keep ref can be made; told, where that is news and not the usual one."""
    git, nothing = beside(ws.scratch.git, ws.repo.config, remote), write_first(ws)
    refusals = []
    for ns in namespaces:
        ref = ns.keep_ref(1)
        try:
            push_refs(git, remote, [f"{nothing}:{ref}"], QUIET, f"--force-with-lease={ref}:")
        except Rejected as refusal:
            if is_rate_limit(refusal) or (refusal.moved and ref in ask(ws, remote).refs):
                raise
            refusals.append(refusal)
            continue
        if ref not in ask(ws, remote).refs:
            # The host takes it and hides it from those who fetch: nobody would find what is shared.
            continue
        if ws.hosts.learn(remote, namespace=ns.name) and ns is not NAMESPACES[0]:
            progress.tell(_explain(remote, ns))
        return ns, replace(offer, refs={**offer.refs, ref: nothing})
    refused = next((refusal for refusal in refusals if not refusal.moved), None)
    raise refused or DatmoError(
        f"'{remote.address}' hides from those who fetch all refs that git-datmo can use",
        f"set a place that it shows: git config {quote_word(f'datmo.{remote.address}.namespace')}"
        " refs/heads/NAME/git-datmo",
    )


def _explain(remote: Remote, ns: Namespace) -> str:
    why = f"'{remote.address}' refuses or hides refs below {NAMESPACES[0].name}: what is shared goes below {ns.name}"
    return f"{why}, which plain clones bring along" if ns is BRANCHES else why
