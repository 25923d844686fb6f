"""Make the documents of a whole history: data, story and health."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from git_datmo.query.names import METRICS
from git_datmo.report.experiment_columns import seconds_of
from git_datmo.report.health import examine_health
from git_datmo.report.payload_versions import PayloadVersion, list_versions
from git_datmo.report.story import StoryEntry, choose_story_metrics, tell_story
from git_datmo.web.page_state import PageState

STORY_METRICS = 12
"""Metrics whose values the story has, so that it stays small."""


def data_document(state: PageState) -> dict[str, Any]:
    """Return the versions of each payload."""
    found = list_versions(state.ws, state.columns.claims, state.lineage)
    return {
        "payloads": [
            {"path": path, "versions": [_version(state, each) for each in versions]}
            for path, versions in found.items()
        ],
        "stored": _stored(state),
    }


def _version(state: PageState, version: PayloadVersion) -> dict[str, Any]:
    """Return a version of a payload with the experiment that first had it."""
    claim, row = state.columns.claims[version.index], state.columns.rows[version.index]
    facts = state.facts(claim.row.record)
    use = version.payload
    writers = state.lineage.writers.get(use.oid, ())
    return {
        "oid": use.oid,
        "size": use.size,
        "new_bytes": version.change.new_bytes,
        "files": use.files,
        "added": version.change.added,
        "removed": version.change.removed,
        "changed": version.change.changed,
        "time": facts["time"],
        "author": row["author"],
        "subject": facts["subject"],
        "why": row["why"],
        "commit": str(claim.commit),
        "experiment": claim.row.record,
        "is_output": bool(writers),
        "used_by": list(version.used_by),
        "is_local": state.is_local(use.oid),
    }


def _stored(state: PageState) -> int:
    """Return the bytes of the store's files; what several versions share is counted once."""
    if not state.ws.has_store:
        return 0
    folder = state.ws.store.path / "objects"
    return sum(
        os.lstat(os.path.join(base, name)).st_size
        for base, _, names in os.walk(folder)
        for name in names
    )


def story_document(state: PageState) -> dict[str, Any]:
    """Return the history as people tell it, oldest first."""
    told = tell_story(state.history, state.graph, state.columns.claims)
    metrics = choose_story_metrics(state.columns.columns, STORY_METRICS)
    return {"entries": [_entry(state, entry, metrics) for entry in told]}


def _entry(state: PageState, entry: StoryEntry, metrics: Sequence[str]) -> dict[str, Any]:
    """Return an experiment of the story, or a merge without one."""
    commit = state.graph.commits[entry.commit]
    branch = state.graph.branches.get(entry.commit, "")
    if entry.index is None:
        return {
            "experiment": "", "commit": entry.commit, "time": commit.time, "author": commit.author,
            "subject": commit.subject, "why": "", "notes": [], "tags": [], "status": "merge",
            "branch": branch, "parents": list(entry.parents), "values": {},
        }  # fmt: skip
    claim, row = state.columns.claims[entry.index], state.columns.rows[entry.index]
    facts = state.facts(claim.row.record)
    return {
        "experiment": claim.row.record,
        "commit": entry.commit,
        "time": facts["time"],
        "author": row["author"],
        "subject": facts["subject"],
        "why": row["why"],
        "notes": [
            {
                "type": remark.annotation.type,
                "text": remark.annotation.message,
                "author": remark.annotation.author.name,
                "time": seconds_of(remark.annotation.created),
            }
            for remark in entry.remarks
        ],
        "tags": str(facts["tags"] or "").split(),
        "status": facts["status"] or "",
        "branch": branch,
        "parents": list(entry.parents),
        "values": {name.removeprefix(METRICS): row[name] for name in metrics if name in row},
    }


def health_document(state: PageState) -> dict[str, Any]:
    """Return what is not shared, missing, unsigned or not reproduced."""
    found = examine_health(state.ws, state.history, state.columns.claims, state.lineage)
    commands = [("share experiments and data", "git datmo push")] if found.remotes else []
    commands += [
        ("show the state of the working tree", "git datmo status"),
        ("check the signatures of an experiment", "git datmo verify HEAD"),
        ("run an experiment again and compare", "git datmo reproduce HEAD"),
        ("check the store", "git datmo fsck"),
    ]
    return {
        "remotes": [
            {
                "name": each.name,
                "url": each.url,
                "seen": each.asked,
                "unshared": list(each.unshared),
            }
            for each in found.remotes
        ],
        "missing": [
            {"experiment": each.experiment, "path": each.path, "oid": each.oid}
            for each in found.missing
        ],
        "unsigned": list(found.unsigned),
        "reproduced": list(found.reproduced),
        "differs": list(found.differs),
        "never_reproduced": list(found.never_reproduced),
        "commands": [{"does": does, "command": command} for does, command in commands],
    }
