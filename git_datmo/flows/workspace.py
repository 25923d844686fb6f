"""Where everything meets: one repository, its store, its records, one working tree's state."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo import locking
from git_datmo.errors import DatmoError
from git_datmo.git.odb import Odb
from git_datmo.git.repo import Repository, discover
from git_datmo.git.run import Git
from git_datmo.store.place import check_store, is_whole, store_path
from git_datmo.store.statcache import StatCache
from git_datmo.store.tracking import Tracking, read_tracking, write_tracking

if TYPE_CHECKING:
    from git_datmo.flows.sharing.links import Links
    from git_datmo.flows.sharing.source import Source
    from git_datmo.git.hosts import Hosts
    from git_datmo.git.remote import Remote
    from git_datmo.git.scratch import Scratch
    from git_datmo.places.packs import PackPlace
    from git_datmo.records.catalog import Catalog
    from git_datmo.records.ledger import Ledger, Tips
    from git_datmo.records.types import Person
    from git_datmo.store.store import Store


@dataclass
class Workspace:
    """One command's view of a repository; what is slow to open is opened when it is asked for."""

    repo: Repository
    environ: Mapping[str, str]
    clock: Callable[[], float] = time.time
    # Places that were looked at, by their URL: what they had then, they still have.
    places: dict[str, PackPlace] = field(default_factory=dict)
    # Remotes that objects are fetched from, by their addresses; connections stay open for the next fetch.
    sources: dict[str, Source] = field(default_factory=dict)
    # The stores of remotes that are clones, by the remotes' URLs; None for a remote that is none.
    clones: dict[str, Remote | None] = field(default_factory=dict)
    _opened: ExitStack = field(default_factory=ExitStack)

    @property
    def root(self) -> Path:
        return self.repo.work_tree

    @property
    def state(self) -> Path:
        """The folder of this working tree's own state."""
        return self.repo.git_dir / "datmo"

    @property
    def shared_state(self) -> Path:
        """The folder of what all working trees of the repository share."""
        return self.repo.common_dir / "datmo"

    @cached_property
    def store(self) -> Store:
        """The store, which nothing is taken out of as long as this workspace is open."""
        return self._open_store(shared=True)

    def hold_store(self) -> None:
        """Open the store once no other command has it open, and keep them waiting: what is taken out of it could be
        what they are about to name."""
        self.store = self._open_store(shared=False)

    def _open_store(self, *, shared: bool) -> Store:
        from git_datmo.store.store import Store

        store = Store(self.repo.git, store_path(self.repo.common_dir), self.repo.format)
        self._opened.enter_context(locking.locked(self.shared_state / "store.lock", shared=shared, strict=not shared))
        store.objects.refresh()
        return self._opened.enter_context(store)

    @cached_property
    def scratch(self) -> Scratch:
        """A repository for what this command pushes; its commits never come into the store."""
        return self._opened.enter_context(self.new_scratch())

    def new_scratch(self) -> AbstractContextManager[Scratch]:
        """Make a repository that sees the objects of the store, for as long as the block lasts."""
        from git_datmo.git.scratch import open_scratch
        from git_datmo.store.place import SETTINGS

        return open_scratch(self.repo.git, self.store.path, self.repo.format, SETTINGS)

    @cached_property
    def links(self) -> Links:
        """The links of keep refs that were seen."""
        from git_datmo.flows.sharing.links import Links

        return Links(self.shared_state / "links", self.repo.format)

    @property
    def has_store(self) -> bool:
        return is_whole(store_path(self.repo.common_dir))

    @cached_property
    def store_git(self) -> Git:
        """Git on the store, with the code's working tree as its own."""
        return Git(self.environ, check_store(store_path(self.repo.common_dir)), self.repo.top)

    @cached_property
    def odb(self) -> Odb:
        odb = Odb(self.repo.git, self.repo.common_dir / "objects", self.repo.format)
        self._opened.callback(odb.close)
        return odb

    @cached_property
    def person(self) -> Person:
        """The user, as git knows them; somebody without a name may still read and share."""
        from git_datmo.records.types import Person

        done = self.repo.git.finish("var", "GIT_COMMITTER_IDENT")
        name, _, rest = done.stdout.decode("utf-8", "replace").partition(" <")
        mail = rest.partition(">")[0]
        return Person(name, mail) if done.returncode == 0 and mail else Person("git-datmo", "git-datmo@localhost")

    @cached_property
    def ledger(self) -> Ledger:
        from git_datmo.records.ledger import Ledger

        def identity() -> str:
            return f"{self.person.name} <{self.person.email}>"

        return Ledger(self.repo.git, self.odb, identity, self.clock)

    @property
    def hosts(self) -> Hosts:
        """What is known of the hosts that remotes are on."""
        from git_datmo.git.hosts import Hosts

        return Hosts(self.shared_state / "hosts", self.repo.config)

    def catalog(self, *tips: Tips) -> Catalog:
        """Return the table of the records and notes at any of `tips`."""
        from git_datmo.records.catalog import read_catalog

        return read_catalog(self.ledger, tips, self.shared_state / "catalog")

    @cached_property
    def cache(self) -> StatCache:
        return StatCache(self.state / "index", self.repo.format, self.root)

    def keep_place(self, url: str, place: PackPlace) -> PackPlace:
        """Keep a place for the rest of the command."""
        self._opened.callback(place.close)
        self.places[url] = place
        return place

    @property
    def tracking_path(self) -> Path:
        return self.state / "tracked.json"

    def tracking(self) -> Tracking:
        return read_tracking(self.tracking_path) or Tracking()

    def save_tracking(self, tracking: Tracking) -> None:
        """Write the working tree's state, and at which commit it is."""
        write_tracking(self.tracking_path, replace(tracking, head=str(self.repo.head() or "")))

    @contextmanager
    def locked(self, seconds: float = 60.0) -> Iterator[None]:
        """Keep other git-datmo commands out of this working tree's state; wait for one at most so long."""
        with locking.locked(self.state / "lock", seconds=seconds):
            yield

    def now(self) -> str:
        """The time in UTC, to the microsecond, so that records made in a row keep their order."""
        from datetime import datetime, timezone

        return datetime.fromtimestamp(self.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def relative(self, argument: str) -> str:
        """A path that the user gave, relative to the working tree; raises `DatmoError` for one outside."""
        top = os.path.realpath(self.root)
        here = os.path.join(top, self.repo.prefix)
        # The last name is not resolved: a link is named, not followed; the folders above it are where they really are.
        given = os.path.normpath(os.path.join(here, argument))
        full = os.path.join(os.path.realpath(os.path.dirname(given)), os.path.basename(given))
        if full == top:
            return ""
        if not full.startswith(top + "/"):
            raise DatmoError(
                f"'{argument}' is outside the repository at '{top}'", "copy or move it into the repository"
            )
        lexical = os.path.relpath(given, top)
        if lexical != os.path.relpath(full, top):
            raise DatmoError(f"'{argument}' is beyond a symbolic link", "name it by its real path")
        return lexical

    def at_end(self, close: Callable[[], None]) -> None:
        """Have `close` called when this workspace is closed."""
        self._opened.callback(close)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_workspace(environ: Mapping[str, str], cwd: Path) -> Workspace:
    """The workspace around `cwd`; raises `DatmoError` outside a repository."""
    return Workspace(discover(environ, cwd), environ)
