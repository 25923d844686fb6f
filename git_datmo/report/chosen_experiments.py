"""Choose the experiments that a person names, one by one or by a list with conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from git_datmo.history.commit_data import Claim
from git_datmo.history.experiment_rows import read_rows
from git_datmo.history.experiments import Found, History, Revisions
from git_datmo.query.names import Names
from git_datmo.report.experiment_list import ExperimentList, ListOptions, list_experiments
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ChosenExperiments:
    """Experiments, each once, and the list of their values in the same order."""

    founds: tuple[Found, ...]
    listed: ExperimentList


def choose_experiments(
    ws: Workspace, history: History, words: Sequence[str], options: ListOptions
) -> ChosenExperiments:
    """Return the experiments that `words` and options choose.

    If `options` has a condition, a limit or refs, the words are revisions as `git log` takes them.
    Otherwise each word is one experiment (a commit, or the beginning of an id) or a range. Without
    any word, the experiments in the history of HEAD are chosen.
    """
    is_list = options.needs_values or options.limit is not None or bool(options.revisions.refs)
    if is_list or not words:
        default = () if options.revisions.refs or ws.head() is None else ("HEAD",)
        claims = list(_list(ws, history, tuple(words) or default, options))
    else:
        claims = [claim for word in words for claim in _named(ws, history, word, options)]
    each_once = {claim.row.record: claim for claim in claims}
    known, rows = read_rows(history, each_once.values())
    names = Names({name for row in rows for name in row})
    founds = tuple(history.read_each(known))
    return ChosenExperiments(founds, ExperimentList(tuple(known), tuple(rows), names))


def _list(
    ws: Workspace, history: History, revisions: tuple[str, ...], options: ListOptions
) -> Iterator[Claim]:
    """Yield the experiments of revisions that meet the options."""
    if revisions or options.revisions.refs:
        asked = replace(options, revisions=Revisions(revisions, options.revisions.refs))
        yield from list_experiments(ws, history, asked).claims


def _named(ws: Workspace, history: History, word: str, options: ListOptions) -> Iterator[Claim]:
    """Yield the experiments that a word means: one, or those of a range."""
    if ".." in word:
        yield from _list(ws, history, (word,), options)
        return
    found = history.resolve(word)
    row = history.catalog.get(str(found.id))
    if row is not None:
        yield Claim(row, found.commit, found.way)
