"""What is known of the hosts that remotes are on.

What a host advertises is read from its answer each time; what only trying tells is remembered, by the remote's URL, and
forgotten when it proves wrong or when the host changes. What a person set is taken as it is.
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
    ('' for not known yet), `limit` how many bytes a push may have (0 where none is known).
    """

    version: int = 2
    filters: bool = False
    by_id: bool = False
    refuses_ids: bool = False
    atomic: bool = True
    namespace: str = ""
    limit: int = 0


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
            self.learn(remote, refuses_ids=False, atomic=True)
        return self.of(remote)

    def learn(self, remote: Remote, **facts: bool | str | int) -> bool:
        """Remember facts, fields of `Host`, and say whether any of them is news."""
        before = self._remembered(remote)
        after = replace(before, **facts)  # type: ignore[arg-type]
        if after != before:
            everything = {**self._read(), _key(remote): asdict(after)}
            text = json.dumps(everything, indent=1, sort_keys=True)
            fsio.write_file(self.path, text.encode())
        return after != before

    def _remembered(self, remote: Remote) -> Host:
        return _decode(self._read().get(_key(remote)))

    def _read(self) -> Mapping[str, Any]:
        """What the file has; nothing where it is damaged, since all of it can be found out again."""
        try:
            found = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _key(remote: Remote) -> str:
    return hide_passwords(remote.url)


def _decode(found: object) -> Host:
    if not isinstance(found, dict):
        return Host()
    kinds = {field.name: type(field.default) for field in fields(Host)}
    return Host(**{name: found[name] for name, kind in kinds.items() if type(found.get(name)) is kind})
