"""Implement section 7.2 of `docs/FORMAT.md` from the page alone: which snapshots and data a commit
has.

Ask git for history and records, and import nothing of git-datmo.
"""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any

from tests.support.independent_graph import heads
from tests.support.independent_records import data_id
from tests.support.shell import Shell

Claims = dict[str, str]
_TRAILER = re.compile(
    r"^[ \t]*Datmo-Data[ \t]*:[ \t]*([0-9a-f]{40})[ \t\r]*$", re.IGNORECASE | re.MULTILINE
)


class Claimant:
    """Answer for one repository in its current state."""

    def __init__(self, repo: Shell) -> None:
        self._repo = repo

    def _lines(self, *words: str) -> list[str]:
        return self._repo.run("git", *words, ok=False).stdout.splitlines()

    @cached_property
    def records(self) -> dict[str, dict[str, Any]]:
        """Return all records by id, in their order."""
        listed = self._lines(
            "ls-tree", "-r", "--format=%(objectname) %(path)", "refs/datmo/records"
        )
        oids = [line.split()[0] for line in listed if line.endswith(".json")]
        found = {oid: json.loads(self._repo.git("cat-file", "blob", oid)) for oid in oids}
        return dict(
            sorted(found.items(), key=lambda item: (item[1]["created"].rstrip("Z"), item[0]))
        )

    @cached_property
    def snapshots(self) -> dict[str, dict[str, Any]]:
        """Return the snapshots that no drop names."""
        dropped = {
            oid for r in self.records.values() if r["kind"] == "drop" for oid in r["records"]
        }
        return {
            oid: r
            for oid, r in self.records.items()
            if r["kind"] == "snapshot" and oid not in dropped
        }

    def _noted(self, commit: str) -> list[str]:
        lines = self._lines("notes", "--ref=datmo", "show", commit)
        return [
            line.split()[0]
            for line in lines
            if line.split()[:1] and line.split()[0] in self.snapshots
        ]

    def _has(self, commit: str) -> bool:
        return not self._repo.run(
            "git", "cat-file", "-e", f"{commit}^{{commit}}", ok=False
        ).returncode

    def _tree(self, commit: str) -> str:
        return self._repo.git("rev-parse", f"{commit}^{{tree}}") if self._has(commit) else ""

    def _parents(self, commit: str) -> list[str]:
        return self._repo.git("rev-list", "--parents", "-n1", commit).split()[1:]

    def _patch_of(self, *words: str) -> str:
        shown = self._repo.run("git", *words).stdout
        given = self._repo.run("git", "patch-id", "--stable", stdin=shown.encode()).stdout.split()
        return given[0] if given else ""

    def patch(self, commit: str) -> str:
        own = [oid for oid in self._noted(commit) if self.snapshots[oid]["commit"] == commit]
        if own:
            return str(self.snapshots[own[0]]["patch"])
        if len(self._parents(commit)) > 1:
            return ""
        return self._patch_of("diff-tree", "-p", "--root", commit)

    def belongs(self, commit: str) -> Claims:
        named = [oid for oid, s in self.snapshots.items() if s["commit"] == commit]
        return dict.fromkeys([*named, *self._noted(commit)], "note")

    def trailers(self, commit: str) -> set[str]:
        message = self._repo.run("git", "log", "-1", "--format=%B", commit).stdout
        return {found.lower() for found in _TRAILER.findall(message)}

    def claims(self, commit: str, history: set[str]) -> Claims:
        found: Claims = {}
        for oid, s in self.snapshots.items():
            if self._proves_code(commit, s):
                found[oid] = "code"
            elif not self._is_kept(commit, s, history) and (way := self._way(commit, s, history)):
                found[oid] = way
        return found

    def _is_kept(self, commit: str, s: dict[str, Any], history: set[str]) -> bool:
        """Return whether the snapshot's own commit has it, or was made from `commit`."""
        own = s["commit"]
        return self._has(own) and (
            own in history or (own != commit and self._descends(own, commit))
        )

    def _proves_code(self, commit: str, s: dict[str, Any]) -> bool:
        is_parent = s["commit"] in self._parents(commit)
        return (
            is_parent and s["tree"] == self._tree(commit) and self._tree(s["commit"]) != s["tree"]
        )

    def _descends(self, commit: str, ancestor: str) -> bool:
        return not self._repo.run(
            "git", "merge-base", "--is-ancestor", ancestor, commit, ok=False
        ).returncode

    def _way(self, commit: str, s: dict[str, Any], history: set[str]) -> str:
        if data_id(s["payloads"]) in self.trailers(commit):
            return "trailer"
        if s["tree"] == self._tree(commit) and self._proves_tree(commit, s):
            return "tree"
        patch = self.patch(commit)
        if patch and s["patch"] == patch:
            return "patch"
        return "range" if patch and patch in self._ranges(s, history) else ""

    def _proves_tree(self, commit: str, s: dict[str, Any]) -> bool:
        if not self.patch(commit) and len(self._parents(commit)) < 2:
            return False
        return bool(s["patch"]) or self._has(s["commit"])

    def _ranges(self, s: dict[str, Any], history: set[str]) -> set[str]:
        if not self._has(s["commit"]):
            return set()
        commits = {each["commit"] for each in self.snapshots.values() if self._has(each["commit"])}
        listed = self._lines("rev-list", "--branches", "--remotes", "--reflog", *commits)
        outside = set(listed) - history
        inner = {parent for each in outside for parent in self._parents(each)}
        found = set()
        for tip in outside & (commits | (outside - inner)):
            walk, at = list[str](), tip
            while at in outside and len(self._parents(at)) == 1:
                walk.append(at)
                (at,) = self._parents(at)
            if at in history and len(walk) >= 2 and s["commit"] in walk:
                found.add(self._patch_of("diff-tree", "-p", at, tip))
        return found

    def data(self, commit: str) -> list[str]:
        """Return the heads of a commit's data."""
        history = self._lines("rev-list", commit)
        able = {oid for oid, s in self.snapshots.items() if not s.get("side", False)}
        chosen: set[str] = set()
        found_at = set()
        for each in history:
            own = {oid for oid in able if self.snapshots[oid]["commit"] == each}
            if not own:
                own = able & self.belongs(each).keys()
                own |= {
                    oid
                    for oid in able
                    if data_id(self.snapshots[oid]["payloads"]) in self.trailers(each)
                }
            chosen |= own
            found_at |= {each} if own else set()
        for each in self._lines("rev-list", "--first-parent", commit):
            if each in found_at:
                break
            more = able & self.claims(each, set(history)).keys()
            chosen |= more
            if more:
                break
        parents = {
            entry["record"]: entry["parents"]
            for r in self.records.values()
            for entry in r.get("redacted", [])
        }
        parents |= {
            oid: r.get("parents", []) for oid, r in self.records.items() if r["kind"] == "snapshot"
        }
        return heads(parents, chosen)
