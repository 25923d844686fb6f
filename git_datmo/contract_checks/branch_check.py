"""Check the contracts of this tree against those of other branches, as a merge would unite them.

Trees and blobs of contracts are read, no payload.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from git_datmo.contract_checks.contract_files import (
    CommittedContracts,
    ContractFile,
    worktree_contracts,
)
from git_datmo.contract_checks.contract_history import ContractHistory
from git_datmo.contract_checks.meeting_check import MeetingCheck, MeetingFinding
from git_datmo.errors import DatmoError
from git_datmo.git.refs import read_refs
from git_datmo.model import Oid
from git_datmo.repository.workspace import Workspace

Files = dict[str, ContractFile]


@dataclass(frozen=True, slots=True)
class Branch:
    """Another branch: its ref's name, as git shortens it, and its commit."""

    name: str
    commit: Oid


class ContractScene:
    """The contracts of the working tree or of a commit, and their history.

    With `files`, these are the contracts, in a tree that was made from the commit.
    """

    def __init__(
        self,
        ws: Workspace,
        commit: Oid | None = None,
        files: tuple[ContractFile, ...] | None = None,
    ) -> None:
        self._ws = ws
        self.committed = CommittedContracts(ws.odb)
        self.tip = commit or ws.head()
        if files is None:
            files = self.committed.of(commit) if commit else worktree_contracts(ws)
        self.files = files
        self.valid = {file.file: file for file in self.files if file.contract is not None}
        self.check = MeetingCheck()

    def refuse_invalid(self) -> None:
        """Raise `DatmoError` for a file that is no contract."""
        for file in self.files:
            if file.contract is None:
                raise DatmoError(file.problem, "mend the file")

    def history(self, others: Iterable[Oid] = ()) -> ContractHistory:
        """Return the history of these contracts, and of those of other commits."""
        tips = [self.tip] if self.tip is not None else []
        history = ContractHistory(self._ws.repo.git, [*tips, *others])
        at_tip = dict(self.committed.listing(self.tip)) if self.tip is not None else {}
        for file in self.files:
            # Only the working tree has this blob, so the log of git does not name it.
            if at_tip.get(file.file) != file.blob:
                history.add_uncommitted(file.file, file.blob, at_tip.get(file.file))
        return history

    def findings(self) -> tuple[MeetingFinding, ...]:
        """Return the findings between these contracts, with the commits that made them."""
        found = self.check.tree(self.valid.values())
        # Most trees fit, and then the history is not read.
        if not found:
            return ()
        blame = ContractBlame(self.committed, self.check, self.history())
        return tuple(
            blame.explain(one, self.valid[one.provider.file], self.valid[one.consumer.file])
            for one in found
        )

    def against(self, branches: Iterable[Branch]) -> tuple[MeetingFinding, ...]:
        """Return what a merge with each branch would break, without findings of either side.

        Branches with the same contracts have the same findings; the first stands for all.
        """
        own = {(file.file, file.blob) for file in self.files}
        distinct: dict[tuple[tuple[str, Oid], ...], Branch] = {}
        for branch in branches:
            listing = self.committed.listing(branch.commit)
            # A branch all of whose contracts are in this tree brings nothing new.
            if not own >= {*listing}:
                distinct.setdefault(listing, branch)
        crossing = [branch for branch in distinct.values() if self._crosses(branch)]
        if not crossing:
            return ()
        history = self.history(branch.commit for branch in crossing)
        blame = ContractBlame(self.committed, self.check, history)
        known = {one.key for one in self.check.tree(self.valid.values())}
        found: list[MeetingFinding] = []
        for branch in crossing:
            found.extend(self._of_branch(branch, known, history, blame))
        return tuple(found)

    def _theirs(self, branch: Branch) -> Files:
        files = self.committed.of(branch.commit)
        return {file.file: file for file in files if file.contract is not None}

    def _crosses(self, branch: Branch) -> bool:
        return bool(_cross(self.check, self.valid, self._theirs(branch)))

    def _of_branch(
        self,
        branch: Branch,
        known: AbstractSet[tuple[str, ...]],
        history: ContractHistory,
        blame: ContractBlame,
    ) -> Iterator[MeetingFinding]:
        theirs = self._theirs(branch)
        # Findings of the other branch alone are its own matter.
        elsewhere = {one.key for one in self.check.tree(theirs.values())}
        ours, others = unite_sides(self.valid, theirs, history)
        for one, provider, consumer in _cross(self.check, ours, others):
            if one.key not in known | elsewhere:
                yield replace(blame.explain(one, provider, consumer), ref=branch.name)


Crossing = tuple[MeetingFinding, ContractFile, ContractFile]


def _cross(check: MeetingCheck, ours: Files, theirs: Files) -> list[Crossing]:
    """Return the findings between a contract of each side, once each."""
    found: dict[tuple[str, ...], Crossing] = {}
    for own in ours.values():
        for other in theirs.values():
            # Two versions of one file never meet: a merge keeps one of them.
            if own.file == other.file:
                continue
            for provider, consumer in ((own, other), (other, own)):
                for one in check.pair(provider, consumer):
                    found.setdefault(one.key, (one, provider, consumer))
    return list(found.values())


def unite_sides(ours: Files, theirs: Files, history: ContractHistory) -> tuple[Files, Files]:
    """Return both sides as a merge unites them: the newer version of a file is that of both.

    Files that both changed stay as they are; a merge may stop at them.
    """
    merged_ours, merged_theirs = dict(ours), dict(theirs)
    for path in ours.keys() & theirs.keys():
        own, other = ours[path], theirs[path]
        if history.is_older(path, own.blob, other.blob):
            merged_ours[path] = other
        elif history.is_older(path, other.blob, own.blob):
            merged_theirs[path] = own
    return merged_ours, merged_theirs


class ContractBlame:
    """Finds the commits behind findings."""

    def __init__(
        self, committed: CommittedContracts, check: MeetingCheck, history: ContractHistory
    ) -> None:
        self._committed = committed
        self._check = check
        self._history = history

    def explain(
        self, finding: MeetingFinding, provider: ContractFile, consumer: ContractFile
    ) -> MeetingFinding:
        """Return a finding with the commits that made it, at most one of each side."""

        def with_provider(file: ContractFile) -> bool:
            return self._has(finding, file, consumer)

        def with_consumer(file: ContractFile) -> bool:
            return self._has(finding, provider, file)

        found = [*self._search(provider, with_provider), *self._search(consumer, with_consumer)]
        # A commit that added a file explains less than one that changed a field.
        changed = [commit for commit, is_new in found if not is_new]
        culprits = changed or [commit for commit, _ in found]
        return replace(finding, culprits=tuple(dict.fromkeys(culprits)))

    def _has(self, finding: MeetingFinding, one: ContractFile, other: ContractFile) -> bool:
        return any(found.key == finding.key for found in self._check.pair(one, other))

    def _search(
        self, file: ContractFile, is_broken: Callable[[ContractFile], bool]
    ) -> Iterator[tuple[str, bool]]:
        """Yield the newest change of a file before which the finding was not there.

        The flag says that the file was new.
        """
        for version in self._history.versions(file.file, file.blob):
            if version.before is None:
                yield version.commit, True
                return
            if not is_broken(self._committed.read(file.file, version.before)):
                yield version.commit, False
                return


def matching_branches(ws: Workspace, pattern: str) -> tuple[Branch, ...]:
    """Return the branches that a pattern of refs names, without symbolic refs to others.

    A pattern is that of `git for-each-ref`: `refs/remotes/origin/*`. A name without `refs/` is
    a branch or a remote's branch. Raises `DatmoError` if none matches.
    """
    is_full = pattern.startswith("refs/")
    patterns: Sequence[str] = (
        [pattern] if is_full else [f"refs/heads/{pattern}", f"refs/remotes/{pattern}"]
    )
    refs = read_refs(ws.repo.git, *patterns)
    found = []
    for name, commit in refs.items():
        short = name.removeprefix("refs/heads/").removeprefix("refs/remotes/")
        if not name.endswith("/HEAD"):
            found.append(Branch(short, commit))
    if not found:
        raise DatmoError(
            f"no branch matches '{pattern}'", "'git for-each-ref' lists the refs, with 'refs/'"
        )
    return tuple(found)
