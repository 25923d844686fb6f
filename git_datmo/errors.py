"""Errors for the user. Each has a line with the problem and a hint with the next step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NoReturn

from git_datmo.redact import hide_passwords


class DatmoError(Exception):
    """Error that the user can act on.

    `what` is a line without a full stop that names the path or id. `hint` is the next step.
    Passwords in URLs are removed from both.
    """

    exit_code = 128

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = hide_passwords(what)
        self.hint = hide_passwords(hint)
        super().__init__(self.what)


class UsageError(DatmoError):
    """Invalid command line."""

    exit_code = 129


class Incomplete(DatmoError):
    """Error for objects that are not available locally or on any configured remote.

    `missing` contains their ids in hex.
    """

    exit_code = 2

    def __init__(self, what: str, hint: str = "", *, missing: Sequence[str] = ()) -> None:
        super().__init__(what, hint)
        self.missing = tuple(missing)


class Unreadable(DatmoError):
    """Error for a file of the working tree that cannot be stored as it is.

    `path` is relative to the top of the working tree.
    """

    def __init__(self, what: str, hint: str = "", *, path: bytes = b"") -> None:
        super().__init__(what, hint)
        self.path = path


class Silent(DatmoError):
    """Error for a remote or program without a sign of life for `seconds`.

    `again` says that the caller may ask the remote a second time.
    """

    def __init__(self, who: str, seconds: int, *, is_remote: bool, again: bool = False) -> None:
        unit = "second" if seconds == 1 else "seconds"
        times = "" if again or not is_remote else ", twice"
        look = (
            "check the connection, then run the command again"
            if is_remote
            else "it may wait for a hook or a disk"
        )
        longer = "'git config datmo.timeout SECONDS' sets a longer limit"
        super().__init__(f"{who} was silent for {seconds} {unit}{times}", f"{look}; {longer}")
        self.who = who
        self.seconds = seconds
        self.again = again

    def final(self) -> Silent:
        """Return the error for a remote that was silent twice."""
        return Silent(self.who, self.seconds, is_remote=True)


class Damaged(DatmoError):
    """Error for bytes that do not follow their format: a record, a note, a tree, a pack."""


class NewerRecords(DatmoError):
    """Error for records that only a newer version of git-datmo may extend."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "upgrade git-datmo")


class DamagedFile(Damaged):
    """Error for a damaged pack, index or loose object at `path`."""

    def __init__(
        self, what: str, hint: str = "run 'git datmo fsck --repair'", *, path: str = ""
    ) -> None:
        super().__init__(what, hint)
        self.path = path


class UnusableRefs(DatmoError):
    """Refs of git-datmo on a remote that hold something else than records, notes or what is kept
    for them."""

    def __init__(self, remote: str, why: str) -> None:
        super().__init__(
            f"the refs of git-datmo on '{remote}' cannot be used: {why}",
            f"git-datmo shares nothing with '{remote}' until they are repaired; 'git push' and"
            " 'git pull' still work",
        )


class EngineMissing(DatmoError):
    """Error for a requested engine that does not answer."""


class BuildFailed(DatmoError):
    """Error for an environment that an engine cannot build."""


def find_owner_hint(lines: Iterable[str]) -> str:
    """Return the line of git's message that allows reading another user's repository, or ''."""
    return next((line.strip() for line in lines if "safe.directory" in line), "")


class GitFailed(DatmoError):
    """Error for a failed git command; `stderr` contains git's own lines."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        lines = [line for line in stderr.splitlines() if line.strip()]
        said = next(
            (x for x in lines if x.startswith(("fatal:", "error:"))), lines[-1] if lines else ""
        )
        said = said.removeprefix("fatal: ").removeprefix("error: ")
        what, hint = f"git {argv[0]} failed: {said or f'exit status {status}'}", ""
        if said.startswith("bad revision '"):
            # The user named it, and need not know which command of git looked it up.
            what, hint = said, "'git log --all' lists the commits"
        super().__init__(what, find_owner_hint(lines) or hint)
        self.argv = tuple(argv)
        self.status = status
        self.stderr = hide_passwords(stderr)


def assert_never(value: NoReturn) -> NoReturn:
    """Raise `AssertionError` for a case that the type checker has excluded.

    In the last case of a `match`, mypy reports the classes that no earlier case handles.
    Python 3.10 has no `typing.assert_never`.
    """
    raise AssertionError(f"unhandled case: {value!r}")
