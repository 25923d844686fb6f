"""Make ledgers of test repositories, and annotations for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from git_datmo.git.command import Git
from git_datmo.git.object_database import open_odb
from git_datmo.model import FORMATS, Oid
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.ledger import Ledger
from git_datmo.records.record_values import Person
from tests.support.shell import Shell

AUTHOR = Person("A U Thor", "author@example.com")
IDENTITY = f"{AUTHOR.name} <{AUTHOR.email}>"


def git_of(repo: Shell) -> Git:
    return Git(repo.env, repo.cwd / ".git", repo.cwd)


@contextmanager
def open_ledger(repo: Shell) -> Iterator[Ledger]:
    form = FORMATS[repo.git("rev-parse", "--show-object-format")]
    git = git_of(repo)
    with open_odb(git, repo.cwd / ".git", form) as odb:
        yield Ledger(git, odb, lambda: IDENTITY, lambda: 1_714_564_800.0)


def annotation(commit: str, text: str, about: str = "") -> Annotation:
    """Return a record that its text identifies."""
    oid = Oid.parse(commit)
    return Annotation(
        Oid.parse(about) if about else oid, oid, "2024-05-01T12:00:00.000000Z", AUTHOR, text
    )
