"""Record the files that a run read, and warn about those that no record contains."""

from __future__ import annotations

import os
import pwd
import stat
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from git_datmo.engines.run_journal import Observed
from git_datmo.payloads.store_payloads import is_cache
from git_datmo.records.snapshot_record import Read
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.run_watch import RunWatch
from git_datmo.secrets.secret_files import is_secret_file
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.tracking import Tracking

# If a run read more files of a payload than this, the record names the payload as a whole.
MANY = 1000
OUTSIDE_LIMIT = 1000
SHOWN = 3
CODE = (b".py", b".so", b".pyd", b".pyi", b".sh", b".R", b".r", b".jl")

# Folders of the system and of settings. Their files are not inputs of an experiment.
_SYSTEM = (
    "/etc/",
    "/usr/",
    "/lib",
    "/bin/",
    "/sbin/",
    "/proc/",
    "/sys/",
    "/dev/",
    "/run/",
    "/var/",
    "/opt/",
    "/nix/",
)
_HOME = (
    ".config/",
    ".local/",
    ".ipython/",
    ".jupyter/",
    ".conda/",
    ".pyenv/",
    ".cache/matplotlib/",
    ".cache/pip/",
)
_HOME_MORE = (
    ".cache/uv/",
    ".netrc",
    ".gitconfig",
    ".bash",
    ".profile",
    ".keras/keras.json",
    ".triton/",
    ".nv/",
)


@dataclass(frozen=True, slots=True)
class Used:
    """The files that a run read.

    `read` are files of the repository, relative to it. `outside` are files elsewhere. `complete`
    says that no other file can have been read.
    """

    read: frozenset[bytes]
    outside: tuple[str, ...]
    complete: bool


def find_used(
    ws: Workspace, watch: RunWatch, observed: Observed, *, starter: int, in_container: bool
) -> Used:
    """Return the files that a run's processes read.

    A file outside of the repository that the run itself wrote is not an input. `starter` is the
    process id of the parent of the run's first process.
    """
    written = observed.written
    inside, outside = set[bytes](), set[bytes]()
    environments = _environments(observed)
    for path in observed.read:
        relative = watch.inside(path)
        # An environment may be in the repository, as `.venv` is. Its files are packages, not
        # inputs.
        if relative is not None and not path.startswith(environments):
            if os.path.isfile(os.path.join(os.fsencode(ws.root), relative)):
                inside.add(relative)
        elif relative is None and path not in written:
            outside.add(path)
    # In a container, paths outside of the repository are files of the image.
    elsewhere = () if in_container else tuple(_outside(ws, watch, outside, observed))
    return Used(frozenset(inside), elsewhere, observed.is_complete(starter))


def _environments(observed: Observed) -> tuple[bytes, ...]:
    """Return the folders of the environments that ran. The files in them belong to packages."""
    prefixes = {process.prefix for process in observed.processes}
    return tuple(os.fsencode(path) + b"/" for path in {*prefixes, *map(os.path.realpath, prefixes)})


def _outside(
    ws: Workspace, watch: RunWatch, paths: Iterable[bytes], observed: Observed
) -> Iterator[str]:
    """Yield the data files outside of the repository that existed before the run.

    The user's name and the path of the home folder are replaced by '~'. System files, settings and
    program files are left out.
    """
    home, user = ws.environ.get("HOME", "").rstrip("/"), ws.environ.get("USER") or _user_name()
    prefixes = tuple({process.prefix for process in observed.processes})
    git = os.path.realpath(ws.repo.common_dir)
    count = 0
    for path in sorted(paths):
        text = os.fsdecode(path)
        if text.startswith(
            (*_SYSTEM, f"{git}/", *(f"{prefix}/" for prefix in prefixes))
        ) or _is_code(path):
            continue
        if home and text.startswith(tuple(f"{home}/{name}" for name in (*_HOME, *_HOME_MORE))):
            continue
        try:
            info = os.stat(path)
        except OSError:
            continue
        if stat.S_ISREG(info.st_mode) and info.st_ctime_ns <= watch.began and count < OUTSIDE_LIMIT:
            count += 1
            yield _without_names(text, home, user)


def _is_code(path: bytes) -> bool:
    """Return True for program files and files of packages or caches, which are not data."""
    return (
        path.endswith((*CODE, b".pyc", b".pth", b"pyvenv.cfg"))
        or b"-packages/" in path
        or is_cache(path)
    )


def _user_name() -> str:
    """Return the name of the current user; '' if the system does not know it."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _without_names(path: str, home: str, user: str) -> str:
    """Return `path` with the home folder, and each component equal to `user`, replaced by '~'."""
    if home and path.startswith(f"{home}/"):
        return "~" + path[len(home) :]
    return "/".join("~" if name == user and user else name for name in path.split("/"))


def record_reads(used: Used, tracking: Tracking) -> Read:
    """Return the entry for the record: files, or whole payloads with many read files.

    A path that is not valid UTF-8 is left out.
    """
    by_payload, paths = defaultdict[str, list[str]](list), set[str]()
    holders = {tracked.payload.path for tracked in tracking.payloads}
    for raw in used.read:
        path = raw.decode("utf-8", "replace")
        if path.encode() != raw:
            continue
        holder = _holder(path, holders)
        if holder is not None and holder != path:
            by_payload[holder].append(path)
        else:
            paths.add(path)
    for holder, inside in by_payload.items():
        paths.update(inside if len(inside) <= MANY else [holder])
    return Read(used.complete, tuple(sorted(paths)), used.outside)


def _holder(path: str, holders: set[str]) -> str | None:
    """Return the path in `holders` that is `path` or a folder above it, or None."""
    while path:
        if path in holders:
            return path
        path = path.rpartition("/")[0]
    return None


def needed_code(used: Used, untracked: Collection[bytes], programs: Iterable[bytes]) -> set[bytes]:
    """Return the untracked files that the run imported or executed."""
    started = {os.path.normpath(program) for program in programs}
    return {
        path for path in untracked if (path in used.read and path.endswith(CODE)) or path in started
    }


def unrecorded_files(
    ws: Workspace, used: Used, tracking: Tracking, stored: Collection[bytes]
) -> dict[bytes, str]:
    """Return the files that the run read and no record contains, each with the reason.

    `stored` are the files that the stored code contains.
    """
    payloads = {t.payload.path for t in tracking.payloads}
    missing = [
        path
        for path in used.read.difference(stored)
        if _holder(os.fsdecode(path), payloads) is None and not _is_code(path)
    ]
    if not missing:
        return {}
    untracked = set(ws.repo.git.run("ls-files", "-z", "-o", "--exclude-standard").split(b"\0"))
    return {path: "is untracked" if path in untracked else "git ignores" for path in missing}


def remarks_on_reads(used: Used, missing: Mapping[bytes, str]) -> Iterator[str]:
    """Yield a warning for each group of files that the run read and no record contains."""
    groups = defaultdict[tuple[str, str], list[str]](list)
    for path, why in sorted(missing.items()):
        name = os.fsdecode(path)
        if is_secret_file(name):
            yield (
                f"the run read '{name}', which looks like a secret by its name: it is not recorded"
            )
        else:
            groups[why, os.path.dirname(name)].append(name)
    for (why, folder), names in groups.items():
        what = f"'{names[0]}'" if len(names) == 1 else f"'{names[0]}' and {len(names) - 1} more"
        add = folder if len(names) > 1 and folder else names[0]
        yield (
            f"the run read {what}, which {why}: a rerun will not have it; keep it with 'git datmo"
            f" add-data {quote_word(add)}'"
        )
    if used.outside:
        shown = ", ".join(f"'{path}'" for path in used.outside[:SHOWN])
        more = f" and {len(used.outside) - SHOWN} more" if len(used.outside) > SHOWN else ""
        yield (
            f"the run read {shown}{more}, outside of the repository: the record has the name,"
            " not the content"
        )
