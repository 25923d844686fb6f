"""What is known of remotes and the hosts that they are on, by their URLs.

What a host advertises is read from its answer each time; what only trying tells is remembered, and forgotten when it
proves wrong or when the host changes. What a person set is taken as it is. What a remote has is asked: what it had the
last time only spares questions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from git_datmo import fsio
from git_datmo.git.config import Config
from git_datmo.git.remote import Offer, Remote
from git_datmo.redact import hide_passwords


@dataclass(frozen=True, slots=True)
class Host:
    """What a host can do and takes.

    `version` is its protocol's, `filters` that it can leave objects out, `by_id` that it gives objects by their ids,
    unless it `refuses_ids` after all; `atomic` that it moves several refs or none, `namespace` the first that it takes
    ('' for not known yet), `limit` how many bytes a push may have (0 where none is known), `drops` how many pushes in a
    row were cut off, `notes` that it takes notes.

    The rest is of the remote: `name` is the remote under whose name its records were fetched last, `seen` are the
    commits of records that it had, with blanks between. `whole` are a commit of records and a link, with a blank
    between: where the remote has the link, it keeps all that these records name.
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
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Hosts:
    """Remembers hosts in one file; `config` may say otherwise, as `datmo.<remote>.<key>`."""

    path: Path
    config: Config

    def of(self, remote: Remote) -> Host:
        """What is known of a remote's host, as a person's settings have it."""
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
        """Take in what a host advertised, and return all that is known of it.

        A host that advertises anything else than it did is another one: what was found out of it counts no longer.
        """
        if self.learn(remote, version=offer.version, filters=offer.filters, by_id=offer.by_id):
            self.learn(remote, refuses_ids=False, atomic=True, notes=True)
        return self.of(remote)

    def learn(self, remote: Remote, **facts: bool | str | int) -> bool:
        """Remember facts, fields of `Host`, and say whether any of them is news."""
        before = self._remembered(remote)
        after = replace(before, **facts)  # type: ignore[arg-type]
        if after != before:
            self._write({**self._read(), hide_passwords(remote.url): asdict(after)})
        return after != before

    def learn_name(self, remote: Remote) -> None:
        """Remember that what is kept here under a remote's name was fetched from its URL, and from no other."""
        if self._remembered(remote).name == remote.name:
            return
        others = {
            url: {**known, "name": ""} if isinstance(known, dict) and known.get("name") == remote.name else known
            for url, known in self._read().items()
        }
        mine = replace(self._remembered(remote), name=remote.name)
        self._write({**others, hide_passwords(remote.url): asdict(mine)})

    def url_of(self, name: str) -> str:
        """Return the URL from which the records under a remote's name came, '' where nothing tells."""
        urls = (url for url, known in self._read().items() if isinstance(known, dict) and known.get("name") == name)
        return next(urls, "")

    def _write(self, everything: Mapping[str, Any]) -> None:
        fsio.write_file(self.path, json.dumps(everything, indent=1, sort_keys=True).encode())

    def _remembered(self, remote: Remote) -> Host:
        return _decode(self._read().get(hide_passwords(remote.url)))

    def _read(self) -> Mapping[str, Any]:
        """What the file has; nothing where it is damaged, since all of it can be found out again."""
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _decode(found: object) -> Host:
    if not isinstance(found, dict):
        return Host()
    kinds = {field.name: type(field.default) for field in fields(Host)}
    return Host(**{name: found[name] for name, kind in kinds.items() if type(found.get(name)) is kind})
