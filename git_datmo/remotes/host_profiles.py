"""Remember by URL what hosts can do.

Advertised capabilities are read from each answer. Facts that only an attempt shows are remembered,
and forgotten when they prove wrong or the host changes. The user's settings outrank them. Whatever
a remote had last time only saves questions; what it has is always asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from git_datmo import fsio
from git_datmo.git.config import Config
from git_datmo.git.remote_commands import Offer, Remote
from git_datmo.redact import hide_passwords
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Host:
    """The capabilities and limits of a host, and the last known state of a remote.

    `version` is the protocol's. `filters`: it can omit objects. `by_id`: it sends objects by id,
    unless it `refuses_ids`. `atomic`: it moves several refs or none. `namespace`: the first that it
    accepts, '' if unknown. `limit`: bytes of a push, 0 if unknown. `drops`: pushes cut off in a
    row. `notes`: it accepts notes.

    `name` is the remote under whose name its records were last fetched. `seen` are the commits of
    its records, separated by blanks, and `asked` is the time of that answer in seconds since 1970.
    `whole` is a commit of records and a link: if the remote has
    the link, it keeps everything that these records name.
    """

    version: int = 2
    filters: bool = False
    by_id: bool = False
    refuses_ids: bool = False
    atomic: bool = True
    namespace: str = ""
    limit: int = 0
    drops: int = 0
    notes: bool = True
    name: str = ""
    seen: str = ""
    asked: int = 0
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The memory of hosts, in one file. Settings `datmo.<remote>.<key>` outrank it."""

    path: Path
    config: Config

    def of(self, remote: Remote) -> Host:
        """Return the profile of a remote's host, with the user's settings."""
        host = self._remembered(remote)
        key = f"datmo.{remote.address}."
        return replace(
            host,
            filters=self.config.flag(key + "filter", default=host.filters),
            by_id=self.config.flag(key + "wantsbyid", default=host.by_id and not host.refuses_ids),
            atomic=self.config.flag(key + "atomic", default=host.atomic),
            namespace=self.config.get(key + "namespace").rstrip("/") or host.namespace,
        )

    def meet(self, remote: Remote, offer: Offer) -> Host:
        """Record what a host advertised, and return its profile.

        A host that advertises something else than before is another host, so its learned facts are
        discarded.
        """
        # What was learned from attempts holds only for the host that it was learned from.
        if self.learn(remote, version=offer.version, filters=offer.filters, by_id=offer.by_id):
            self.learn(remote, refuses_ids=False, atomic=True, notes=True)
        return self.of(remote)

    def learn(self, remote: Remote, **facts: bool | str | int) -> bool:
        """Remember facts, named as fields of `Host`; return True if any of them is new."""
        before = self._remembered(remote)
        after = replace(before, **facts)  # type: ignore[arg-type]
        if after != before:
            self._write({**self._read(), hide_passwords(remote.url): asdict(after)})
        return after != before

    def learn_name(self, remote: Remote) -> None:
        """Remember that the records under a remote's name came from its URL."""
        if self._remembered(remote).name == remote.name:
            return
        others = dict(self._read())
        # A name belongs to one URL: that of the last fetch under it.
        for url, known in others.items():
            if isinstance(known, dict) and known.get("name") == remote.name:
                others[url] = {**known, "name": ""}
        mine = replace(self._remembered(remote), name=remote.name)
        self._write({**others, hide_passwords(remote.url): asdict(mine)})

    def url_of(self, name: str) -> str:
        """Return the URL from which the records under a remote's name came; '' if unknown."""
        urls = (
            url
            for url, known in self._read().items()
            if isinstance(known, dict) and known.get("name") == name
        )
        return next(urls, "")

    def _write(self, everything: Mapping[str, Any]) -> None:
        fsio.write_file(self.path, json.dumps(everything, indent=1, sort_keys=True).encode())

    def _remembered(self, remote: Remote) -> Host:
        return _decode(self._read().get(hide_passwords(remote.url)))

    def _read(self) -> Mapping[str, Any]:
        """Return the file's content; nothing if it is damaged, since all of it can be learned
        again."""
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _decode(found: object) -> Host:
    if not isinstance(found, dict):
        return Host()
    # A value of another type was written by another version, or by hand: its default counts.
    kinds = {field.name: type(field.default) for field in fields(Host)}
    return Host(
        # `isinstance` would accept True for a number.
        **{name: found[name] for name, kind in kinds.items() if type(found.get(name)) is kind}
    )


def hosts_of(ws: Workspace) -> Hosts:
    """Return the memory of the hosts of this repository's remotes."""
    return Hosts(ws.shared_state / "hosts", ws.repo.config)
