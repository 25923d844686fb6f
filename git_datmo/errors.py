"""The one family of errors that a person may see: a line saying what, and a hint saying what to
do."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.redact import hide_passwords


class DatmoError(Exception):
    """Something that a person can act on.

    `what` is one line without a full stop, naming the path or id; `hint` is the next step.
    Passwords of URLs among them are left out.
    """

    exit_code = 128

    def __init__(self, what: str, hint: str = "") -> None:
        self.what = hide_passwords(what)
        self.hint = hide_passwords(hint)
        super().__init__(self.what)


class UsageError(DatmoError):
    """The words of the command are off."""

    exit_code = 129


class Incomplete(DatmoError):
    """Objects that can be had nowhere; `missing` names them in hex."""

    exit_code = 2

    def __init__(self, what: str, hint: str = "", *, missing: Sequence[str] = ()) -> None:
        super().__init__(what, hint)
        self.missing = tuple(missing)


class Unreadable(DatmoError):
    """A file of the working tree that cannot be stored as it is: `path` says which, relative to its
    top."""

    def __init__(self, what: str, hint: str = "", *, path: bytes = b"") -> None:
        super().__init__(what, hint)
        self.path = path


class Silent(DatmoError):
    """Another side that gave no sign of life for `seconds`; it may be asked `again` where it was
    asked but once."""

    def __init__(self, who: str, seconds: int, *, is_remote: bool, again: bool = False) -> None:
        unit = "second" if seconds == 1 else "seconds"
        times = "" if again or not is_remote else ", twice"
        look = (
            "check the connection, then run the command again"
            if is_remote
            else "it may wait for a hook or a disk"
        )
        longer = "'git config datmo.timeout SECONDS' lets others be silent for longer"
        super().__init__(f"{who} was silent for {seconds} {unit}{times}", f"{look}; {longer}")
        self.who = who
        self.seconds = seconds
        self.again = again

    def final(self) -> Silent:
        """Return the error to raise for a remote that was asked a second time."""
        return Silent(self.who, self.seconds, is_remote=True)


class Damaged(DatmoError):
    """Bytes that do not follow the format: a record, a note, a tree, a pack."""


class NewerRecords(DatmoError):
    """Records to which only a newer version of git-datmo may add."""

    def __init__(self, what: str) -> None:
        super().__init__(what, "upgrade git-datmo")


class DamagedFile(Damaged):
    """A damaged file of objects, a pack, an index or a loose object; `path` is where it is."""

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
            f"what git-datmo shares on '{remote}' cannot be used: {why}",
            f"nothing is shared with '{remote}' until its refs are put right; 'git push' and 'git"
            " pull' go on",
        )


class EngineMissing(DatmoError):
    """The engine that was asked for does not answer."""


class BuildFailed(DatmoError):
    """An engine cannot build what an environment names."""


class GitFailed(DatmoError):
    """A git command that failed; `stderr` holds git's own lines."""

    def __init__(self, argv: Sequence[str], status: int, stderr: str) -> None:
        lines = [line for line in stderr.splitlines() if line.strip()]
        said = next(
            (x for x in lines if x.startswith(("fatal:", "error:"))), lines[-1] if lines else ""
        )
        said = said.removeprefix("fatal: ").removeprefix("error: ")
        super().__init__(f"git {argv[0]} failed: {said or f'exit status {status}'}")
        self.argv = tuple(argv)
        self.status = status
        self.stderr = hide_passwords(stderr)
