"""Check whether the contracts of one tree fit each other. No data are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.contract_checks.contract_files import ContractFile
from git_datmo.contracts.compatibility import Meeting, compatible, meetings
from git_datmo.contracts.contract_types import Contract, Finding
from git_datmo.model import Oid


@dataclass(frozen=True, slots=True)
class MeetingFinding:
    """A finding about two contracts that meet, and the commits that made it.

    `ref` names the branch that the other side is from; it is empty within one tree.
    """

    finding: Finding
    provider: Contract
    consumer: Contract
    ref: str = ""
    culprits: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str, str]:
        """Return the names by which two trees have the same finding."""
        found = self.finding
        return (self.provider.file, self.consumer.file, found.table, found.rule, found.field)

    @property
    def line(self) -> str:
        """Return one line that names data, model, field, branch and commit."""
        bound = f" ({', '.join(self.provider.paths)})" if self.provider.paths else ""
        parts = [
            f"'{self.provider.name}'{bound} does not fit '{self.consumer.name}'"
            if self.finding.level == "refuse"
            else f"'{self.provider.name}'{bound} and '{self.consumer.name}'",
            f" of {self.ref}" if self.ref else "",
            f": {self.finding.message}",
            f"; changed by {' and '.join(self.culprits)}" if self.culprits else "",
        ]
        return "".join(parts)


class MeetingCheck:
    """Findings of pairs of contracts. Each pair is compared once."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[str, Oid], ...], tuple[MeetingFinding, ...]] = {}

    def pair(self, provider: ContractFile, consumer: ContractFile) -> tuple[MeetingFinding, ...]:
        """Return the findings of the tables that a provider and a consumer have in common."""
        if provider.contract is None or consumer.contract is None:
            return ()
        key = ((provider.file, provider.blob), (consumer.file, consumer.blob))
        if key not in self._known:
            self._known[key] = find_mismatches(provider.contract, consumer.contract)
        return self._known[key]

    def tree(self, files: Iterable[ContractFile]) -> tuple[MeetingFinding, ...]:
        """Return the findings of all pairs in one tree."""
        all_files = tuple(files)
        found: list[MeetingFinding] = []
        for consumer in all_files:
            for provider in all_files:
                if provider is not consumer:
                    found.extend(self.pair(provider, consumer))
        return tuple(found)


def find_mismatches(provider: Contract, consumer: Contract) -> tuple[MeetingFinding, ...]:
    """Return the findings of two contracts."""
    found = []
    for meeting in meetings([provider], [consumer]):
        found.extend(_of_meeting(meeting))
    return tuple(found)


def _of_meeting(meeting: Meeting) -> list[MeetingFinding]:
    findings = compatible(meeting.provided, meeting.required, meeting.provider.name)
    return [MeetingFinding(finding, meeting.provider, meeting.consumer) for finding in findings]
