"""Make and check signatures with git's own signing.

A signature is a signed commit that names the signed data. Program and key are those of git's
settings (`gpg.format`, `user.signingKey`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from git_datmo.errors import Damaged, DatmoError, GitFailed
from git_datmo.git.command import Git
from git_datmo.git.object_database import Odb

_HEADERS = (b"tree", b"author", b"committer", b"gpgsig", b"gpgsig-sha256")


class State(str, Enum):
    """The states of a signature, by git's letters (git-log, `%G?`)."""

    GOOD = "good"
    UNTRUSTED = "good, but of a key that is not trusted here"
    EXPIRED = "expired"
    REVOKED = "of a revoked key"
    UNKNOWN = "of an unknown key"
    BAD = "bad"

    def __str__(self) -> str:
        return self.value


_STATES = {
    "G": State.GOOD,
    "U": State.UNTRUSTED,
    "X": State.EXPIRED,
    "Y": State.EXPIRED,
    "R": State.REVOKED,
}
_STATES |= {"E": State.UNKNOWN, "N": State.UNKNOWN, "B": State.BAD}


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that was checked. `signer` and `key` are as git names them; '' if it cannot."""

    state: State
    signer: str = ""
    key: str = ""


def sign(git: Git, odb: Odb, tree: bytes, message: str) -> str:
    """Return the text of a signed commit of the tree `tree`; raise `DatmoError` if git cannot
    sign."""
    settings = [("i18n.commitEncoding", "UTF-8")]
    # No ref names the commit, and git's own gc removes it. The text is what is kept.
    oid = odb.write("tree", tree)
    try:
        made = git.with_config(settings).text("commit-tree", "-S", "-m", message, str(oid))
        return odb.read(made, "commit").decode()
    except GitFailed as error:
        said = [line for line in error.stderr.splitlines() if line.strip()]
        why = (said[0] if said else error.what).removeprefix("error: ").removeprefix("fatal: ")
        raise DatmoError(
            f"git cannot sign: {why}", "see user.signingKey and gpg.format in 'git help config'"
        ) from error
    except UnicodeDecodeError as error:
        raise DatmoError(
            "git cannot sign: your name is not UTF-8", "set user.name and user.email"
        ) from error


def check(git: Git, odb: Odb, text: str, tree: bytes, message: str) -> Signature:
    """Return git's judgement of a signed commit.

    Raises `Damaged` if the commit does not name exactly this tree and message.
    """
    raw = text.encode("utf-8", "replace")
    head, _, said = raw.partition(b"\n\n")
    # The further lines of a header begin with a blank.
    lines = [line for line in head.split(b"\n") if not line.startswith(b" ")]
    wanted = f"tree {odb.format.hash('tree', tree)}".encode()
    keys = [line.partition(b" ")[0] for line in lines]
    # A signature has exactly these headers, each once (FORMAT.md, section 7.4).
    if (
        lines[0] != wanted
        or said != f"{message}\n".encode()
        or len(set(keys)) != len(keys)
        or set(keys) - {*_HEADERS}
    ):
        raise Damaged("a signature is for another record")
    # Git checks only stored commits. No ref names this one, and git's gc removes it.
    odb.write("tree", tree)
    oid = odb.write("commit", raw)
    answer = git.run("log", "-1", "--no-show-signature", "--format=%G?%x00%GS%x00%GK", str(oid))
    state, signer, key = answer.decode("utf-8", "replace").rstrip("\n").split("\0")
    return Signature(_STATES.get(state, State.UNKNOWN), signer, key)


def can_sign(git: Git, odb: Odb) -> None:
    """Raise `DatmoError` if git cannot sign. Called before a run, so that its signature cannot
    fail afterwards."""
    sign(git, odb, b"", "datmo: nothing")
