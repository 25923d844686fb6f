"""Hold what all documents of one state of a repository share, each part read at its first use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import Found, History, Revisions
from git_datmo.model import Oid
from git_datmo.report.commit_graph import CommitGraph, read_commit_graph
from git_datmo.report.experiment_checks import ExperimentChecks
from git_datmo.report.experiment_columns import ExperimentColumns, read_columns
from git_datmo.report.experiment_list import ListOptions
from git_datmo.report.feedback_status import has_feedback
from git_datmo.report.lineage import Lineage, PayloadRef, read_lineage
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.secret_rules import known_secrets
from git_datmo.serving.event_reader import logged_snapshots
from git_datmo.serving.production_figures import SHORT
from git_datmo.web.document_text import Masker

KEY = 16
# Refs of git-datmo lead to records and kept objects, and not to code.
EVERY_REF = ("--exclude=refs/datmo/*", "--exclude=refs/notes/*", "--all")
_KEY = re.compile(r"[0-9a-f]{16}\Z")


class NoDocument(DatmoError):
    """A document that does not exist, or that an export leaves out.

    `content` is the id of the content that has to be fetched for it, or ''.
    """

    def __init__(self, what: str, hint: str = "", *, content: str = "") -> None:
        super().__init__(what, hint)
        self.content = content


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Choice of the experiments and parts of the page.

    `choice` None stands for all experiments of all refs. `event_log` is the folder of
    a server's events; None leaves out those that are not collected.
    """

    choice: ListOptions | None = None
    has_logs: bool = True
    has_code: bool = True
    has_previews: bool = True
    event_log: Path | None = None


@dataclass
class PageState:
    """The experiments of a page, at the time when it was opened."""

    ws: Workspace
    options: PageOptions = field(default_factory=PageOptions)

    @cached_property
    def history(self) -> History:
        return History(self.ws)

    @cached_property
    def checks(self) -> ExperimentChecks:
        return ExperimentChecks(self.ws, self.history)

    @cached_property
    def choice(self) -> ListOptions:
        """Return the options that choose the experiments."""
        if self.options.choice is not None:
            return self.options.choice
        # Git refuses HEAD as a revision in a repository without a commit.
        head = ("HEAD",) if self.ws.head() is not None else ()
        return ListOptions(Revisions(head, EVERY_REF), follows=True)

    @cached_property
    def graph(self) -> CommitGraph:
        return read_commit_graph(self.ws, self.choice.revisions)

    @cached_property
    def columns(self) -> ExperimentColumns:
        return read_columns(self.ws, self.history, self.graph, self.choice)

    @cached_property
    def claims(self) -> Mapping[str, Claim]:
        """Return the experiments by their keys."""
        return {claim.row.record[:KEY]: claim for claim in self.columns.claims}

    @cached_property
    def indexes(self) -> Mapping[str, int]:
        """Return the position of each experiment in the list by its id."""
        return {claim.row.record: index for index, claim in enumerate(self.columns.claims)}

    @cached_property
    def lineage(self) -> Lineage:
        return read_lineage(self.history, self.columns.claims)

    @cached_property
    def masker(self) -> Masker:
        return Masker(known_secrets(self.ws.environ))

    @cached_property
    def logged_snapshots(self) -> frozenset[str]:
        """Return the beginnings of the ids of snapshots with events in the log."""
        log = self.options.event_log
        return logged_snapshots(log) if log is not None else frozenset()

    def has_feedback(self, oid: str) -> bool:
        """Return True if the snapshot with this id has feedback, collected or in the log."""
        return has_feedback(self.history, oid) or oid[:SHORT] in self.logged_snapshots

    @cached_property
    def content_names(self) -> Mapping[str, PayloadRef]:
        """Return a payload of each content by its id."""
        every = self.lineage.experiments.values()
        return {use.oid: use for found in every for use in found.all()}

    def is_local(self, oid: str) -> bool:
        """Return True if the store has the first object of a content."""
        return self.ws.has_store and Oid.parse(oid) in self.ws.store

    def kind_of_object(self, oid: Oid) -> str:
        """Return the type of an object of the store; '' if it is not there."""
        found = self.ws.store.objects.find(oid) if self.ws.has_store else None
        return found[0] if found is not None else ""

    def found(self, key: str) -> Found:
        """Return the experiment with a key; raise `NoDocument` if the page has none."""
        claim = self.claims.get(key) if _KEY.match(key) else None
        found = next(self.history.read_each([claim]), None) if claim is not None else None
        if found is None:
            raise NoDocument("this page has no such experiment", "'git datmo log' lists them")
        return found

    def facts(self, oid: str) -> dict[str, object]:
        """Return the facts about an experiment by their names."""
        index = self.indexes[oid]
        return {column.name: column.values[index] for column in self.columns.facts}
