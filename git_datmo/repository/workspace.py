"""Open a repository: its store, its records, and the state of one working tree."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from git_datmo import locking
from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.object_database import Odb
from git_datmo.git.user_repository import UserRepository, discover
from git_datmo.objects.store_location import check_store, is_whole, store_path
from git_datmo.worktree.stat_cache import StatCache
from git_datmo.worktree.tracking import Tracking, read_tracking, write_tracking

if TYPE_CHECKING:
    from git_datmo.git.scratch_repository import Scratch
    from git_datmo.model import Oid
    from git_datmo.objects.store import Store
    from git_datmo.records.catalog import Catalog
    from git_datmo.records.ledger import Ledger, Tips
    from git_datmo.records.record_values import Person

T = TypeVar("T")


@dataclass
class Workspace:
    """One command's view of a repository. Slow parts are opened at their first use."""

    repo: UserRepository
    environ: Mapping[str, str]
    clock: Callable[[], float] = time.time
    _kept: dict[type, object] = field(default_factory=dict)
    _opened: ExitStack = field(default_factory=ExitStack)

    @property
    def root(self) -> Path:
        """Return the top of the working tree."""
        return self.repo.work_tree

    @property
    def state(self) -> Path:
        """Return the folder for the state of this working tree."""
        return self.repo.git_dir / "datmo"

    @property
    def shared_state(self) -> Path:
        """Return the folder for state that all working trees of the repository share."""
        return self.repo.common_dir / "datmo"

    @property
    def rendered_records(self) -> Path:
        """Return the folder of the text that `log` has rendered, a cache."""
        return self.shared_state / "told"

    @cached_property
    def store(self) -> Store:
        """Return the store. Nothing is removed from it while this workspace is open."""
        return self._open_store(shared=True)

    def hold_store(self) -> None:
        """Open the store alone: wait for commands that have it open, and make later ones wait.

        Required before removal, since other commands may be about to name any object.
        """
        self.store = self._open_store(shared=False)

    def _open_store(self, *, shared: bool) -> Store:
        from git_datmo.objects.store import Store

        store = Store(self.repo.git, store_path(self.repo.common_dir), self.repo.format)
        # Where no shared lock is possible, `strict` refuses to hold the store alone.
        self._opened.enter_context(
            locking.locked(self.shared_state / "store.lock", shared=shared, strict=not shared)
        )
        # Another command may have replaced packs before the lock was taken.
        store.objects.refresh()
        return self._opened.enter_context(store)

    @cached_property
    def scratch(self) -> Scratch:
        """Return the repository in which this command pushes; its commits never reach the store."""
        return self._opened.enter_context(self.new_scratch())

    def new_scratch(self) -> AbstractContextManager[Scratch]:
        """Make a repository that sees the store's objects, until the block ends."""
        from git_datmo.git.scratch_repository import open_scratch
        from git_datmo.objects.store_location import SETTINGS

        return open_scratch(self.repo.git, self.store.path, self.repo.format, SETTINGS)

    @property
    def has_store(self) -> bool:
        """Return True if the store was made completely."""
        return is_whole(store_path(self.repo.common_dir))

    @cached_property
    def store_git(self) -> Git:
        """Return git on the store, with the code's working tree."""
        return Git(self.environ, check_store(store_path(self.repo.common_dir)), self.repo.top)

    @cached_property
    def odb(self) -> Odb:
        """Return the object database of the code repository."""
        odb = Odb(self.repo.git, self.repo.common_dir / "objects", self.repo.format)
        self._opened.callback(odb.close)
        return odb

    def head(self) -> Oid | None:
        """Return the commit that is checked out; None before the first one."""
        return self.odb.resolve("HEAD^{commit}")

    @cached_property
    def person(self) -> Person:
        """Return the user as git knows them. A user without a name may still read and share."""
        from git_datmo.records.record_values import Person

        done = self.repo.git.finish("var", "GIT_COMMITTER_IDENT")
        name, _, rest = done.stdout.decode("utf-8", "replace").partition(" <")
        mail = rest.partition(">")[0]
        return (
            Person(name, mail)
            if done.returncode == 0 and mail
            else Person("git-datmo", "git-datmo@localhost")
        )

    @cached_property
    def ledger(self) -> Ledger:
        """Return the ledger of records and notes."""
        from git_datmo.records.ledger import Ledger

        def identity() -> str:
            return f"{self.person.name} <{self.person.email}>"

        def forget() -> None:
            import shutil

            shutil.rmtree(self.rendered_records, ignore_errors=True)

        written = self.shared_state / "written"
        return Ledger(self.repo.git, self.odb, identity, self.clock, forget, written)

    def catalog(self, *tips: Tips) -> Catalog:
        """Return the table of the records and notes of some tips."""
        from git_datmo.records.catalog_file import read_catalog

        return read_catalog(self.ledger, tips, self.shared_state / "catalog")

    @cached_property
    def cache(self) -> StatCache:
        """Return the stat cache of this working tree."""
        return StatCache(self.state / "index", self.repo.format, self.root)

    @property
    def tracking_path(self) -> Path:
        return self.state / "tracked.json"

    def tracking(self) -> Tracking:
        return read_tracking(self.tracking_path) or Tracking()

    def save_tracking(self, tracking: Tracking) -> None:
        """Write the working tree's state, and at which commit it is."""
        # `how_moved_back` examines the moves of HEAD since this commit.
        write_tracking(self.tracking_path, replace(tracking, head=str(self.head() or "")))

    @contextmanager
    def locked(self, seconds: float = 60.0) -> Iterator[None]:
        """Hold this working tree's state alone, waiting for other commands at most `seconds`."""
        with locking.locked(self.state / "lock", seconds=seconds):
            yield

    def now(self) -> str:
        """Return the time in UTC with microseconds, so that successive records keep their order."""
        from datetime import datetime, timezone

        return datetime.fromtimestamp(self.clock(), timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def relative(self, argument: str) -> str:
        """Return a user's path relative to the working tree; raise `DatmoError` for a path
        outside."""
        top = os.path.realpath(self.root)
        here = os.path.join(top, self.repo.prefix)
        # The last name is not resolved, so that a link is named and not followed. Folders above are
        # resolved.
        given = os.path.normpath(os.path.join(here, argument))
        full = os.path.join(os.path.realpath(os.path.dirname(given)), os.path.basename(given))
        if full == top:
            return ""
        if not full.startswith(top + "/"):
            raise DatmoError(
                f"'{argument}' is outside the repository at '{top}'",
                "copy or move it into the repository",
            )
        lexical = os.path.relpath(given, top)
        if lexical != os.path.relpath(full, top):
            raise DatmoError(f"'{argument}' is behind a symbolic link", "name it by its real path")
        return lexical

    def keep(self, kind: type[T], make: Callable[[], T]) -> T:
        """Return the workspace's object of a type, made at its first use."""
        if kind not in self._kept:
            self._kept[kind] = make()
        return cast("T", self._kept[kind])

    def at_end(self, close: Callable[[], None]) -> None:
        """Call `close` when this workspace is closed."""
        self._opened.callback(close)

    def close(self) -> None:
        self._opened.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_workspace(environ: Mapping[str, str], cwd: Path) -> Workspace:
    """Open the repository around `cwd`; raise `DatmoError` if there is none."""
    return Workspace(discover(environ, cwd), environ)
