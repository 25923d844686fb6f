"""Talk to remotes through the user's own git, with their credentials, ssh, proxies and `insteadOf`.

Every command names the remote by an address that does not start the remote helper again. No command
runs hooks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from git_datmo.errors import DatmoError, Silent
from git_datmo.git.command import Git, failure
from git_datmo.git.config import Config
from git_datmo.git.remote_urls import bare_url, fetch_url, pin_url, plain_url, push_urls, whole_url
from git_datmo.model import Oid
from git_datmo.progress import Progress
from git_datmo.timeouts import SilenceWatch

T = TypeVar("T")

# Set for every git child that talks to a remote. The hook and the helper then know that a push is
# already running.
GUARD = "GIT_DATMO_SHARING"

# The settings of a repository that decide how a remote is reached (git-config).
_SECTIONS = (
    *("http.", "https.", "credential.", "url.", "ssh.", "protocol."),
    *("core.sshcommand", "core.gitproxy", "core.askpass", "core.compression"),
)
_PROXY_KEYS = ("proxy", "proxyauthmethod")
_REMOTE_KEYS = ("uploadpack", "receivepack", *_PROXY_KEYS)

# Ids are passed on standard input. The server walks no history for them, but checks each.
IDS_AT_ONCE = 8000

# Git's messages for a ref that another client moved first (git-receive-pack, refs backends).
_LOCKED = ("cannot lock ref", "failed to lock", "reference already exists")
_MOVED = ("non-fast-forward", "fetch first", "stale", "failed to update ref", *_LOCKED)

_DONE = re.compile(rb"(?:Writing|Receiving) objects:\s+\d+% \((\d+)/(\d+)\)")


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote: its name ('' for a bare URL) and the plain URL at which it is reached."""

    name: str
    url: str

    @property
    def address(self) -> str:
        """Return the argument by which git commands name the remote."""
        return self.name or self.url


@dataclass(frozen=True, slots=True)
class Offer:
    """The answer of a remote to a probe: refs, protocol version, and two capabilities.

    `filters` says that it can omit objects from a fetch, `by_id` that it sends objects by their
    ids.
    """

    refs: dict[str, Oid]
    version: int
    filters: bool
    by_id: bool


class Rejected(DatmoError):
    """A ref that the remote refused.

    `moved` says that another client changed it first. `said` is the remote's whole message.
    """

    def __init__(self, ref: str, reason: str, *, moved: bool, said: str = "") -> None:
        hint = "ask the administrator of the remote to accept it"
        if moved:
            hint = "run the command again"
        super().__init__(f"the remote refused '{ref}': {reason}", hint)
        self.reason = reason
        self.moved = moved
        self.said = said


def find_remotes(config: Config, name: str) -> tuple[Remote, ...]:
    """Return the addresses to which git pushes for the remote `name`, which may be a bare URL."""
    urls = push_urls(config, name)
    return (
        tuple(Remote(name, url) for url in urls)
        if urls
        else (find_remote(config, name, push=True),)
    )


def find_remote(config: Config, name: str, url: str = "", *, push: bool = False) -> Remote:
    """Return the remote `name` with the URL that git uses for it.

    `url` is that URL if git passed it already.
    """
    configured = push_urls(config, name) if push else (fetch_url(config, name),)
    if any(configured):
        return Remote(name, whole_url(config, plain_url(url)) or configured[0])
    if url:
        return Remote("", whole_url(config, plain_url(url)))
    if not name:
        raise DatmoError(
            "there is no remote to share with", "add one with 'git remote add origin URL'"
        )
    if not re.search(r"[/:]", name):
        raise DatmoError(f"'{name}' does not appear to be a remote", "'git remote -v' lists them")
    return Remote("", bare_url(config, name, push=push))


def beside(git: Git, config: Config, remote: Remote) -> Git:
    """Return `git` with the code repository's settings for reaching `remote`.

    The store is a repository of its own, so settings of the code repository do not apply to it by
    themselves.
    """
    # Only local settings are carried: git reads the user's and the system's by itself.
    carried = [(s.key, s.value) for s in config.local() if s.key.startswith(_SECTIONS)]
    if remote.name:
        key = f"remote.{remote.name}."
        carried += [(key + "url", remote.url), (key + "pushurl", remote.url)]
        carried += [
            (key + part, config.get(key + part)) for part in _REMOTE_KEYS if config.get(key + part)
        ]
    return direct(git.with_config(carried), config, remote)


def direct(git: Git, config: Config, remote: Remote) -> Git:
    """Return `git` with settings that reach a remote by its URL, without rewriting it and
    without hooks."""
    key = f"remote.{remote.name}."
    proxies = [
        (f"http.{part}", config.get(key + part)) for part in _PROXY_KEYS if config.get(key + part)
    ]
    return guarded(git.with_config([*pin_url(config, remote.url), *proxies]))


def program_option(config: Config, remote: Remote, program: str) -> tuple[str, ...]:
    """Return the option for the `program` ("upload-pack" or "receive-pack") that is set for a
    remote, if one is.

    Git itself heeds the setting only where it is given the remote's name.
    """
    configured = config.get(f"remote.{remote.name}.{program.replace('-', '')}")
    return (f"--{program}={configured}",) if configured else ()


def guarded(git: Git) -> Git:
    """Return `git` with the variable that tells hooks and helper that a push is already running."""
    return replace(git, environ={**git.environ, GUARD: "1"})


def twice(step: Callable[[], T]) -> T:
    """Run a step that asks a remote, and run it once more if the remote is silent.

    Raises `Silent` if it is silent twice.
    """
    try:
        return step()
    except Silent as error:
        if not error.again:
            raise
    try:
        return step()
    except Silent as error:
        raise error.final() from error


def probe(git: Git, remote: Remote, *patterns: str) -> Offer:
    """Ask a remote for its refs that match `patterns`; raise `GitFailed` if it cannot be
    reached."""
    import tempfile

    # `ls-remote` prints no capabilities, so they are read from git's trace of the packets.
    with tempfile.NamedTemporaryFile(prefix="datmo-trace-") as trace:
        tracing = replace(
            git.with_config([("protocol.version", "2")]),
            environ={**git.environ, "GIT_TRACE_PACKET": trace.name, "GIT_TRACE_REDACT": "1"},
        )
        tracing = replace(tracing, remote=remote.address)
        listed = twice(
            lambda: tracing.run("ls-remote", "-q", "--", remote.address, *patterns)
        ).decode()
        said = Path(trace.name).read_bytes()
    refs = {
        name: Oid.parse(oid)
        for oid, _, name in (line.partition("\t") for line in listed.splitlines())
    }
    version = 2 if re.search(rb"< version 2", said) else 0
    filters = bool(
        re.search(rb"< fetch=[^\n]*\bfilter\b" if version == 2 else rb"\bfilter\b", said)
    )
    # In version 2, a client may want any object (gitprotocol-v2, `want`).
    by_id = version == 2 or b"allow-reachable-sha1-in-want" in said
    return Offer(refs, version, filters, by_id)


def fetch_refs(
    git: Git, remote: Remote, refspecs: Sequence[str], progress: Progress, *options: str
) -> None:
    """Fetch refs and everything that they lead to."""
    argv = [
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
    ]
    _watch(git, remote, [*argv, "--progress", *options, "--", remote.address, *refspecs], progress)


def fetch_ids(
    git: Git, remote: Remote, oids: Iterable[Oid], progress: Progress, *options: str
) -> None:
    """Fetch objects by id and everything that they lead to, except for what a `--filter` option
    omits."""
    wanted = list(oids)
    for start in range(0, len(wanted), IDS_AT_ONCE):
        # Ids as arguments could exceed the length of a command line.
        stdin = "".join(f"{oid}\n" for oid in wanted[start : start + IDS_AT_ONCE]).encode()
        argv = [
            "-c",
            "protocol.version=2",
            "-c",
            # The ids are known to be missing, so there is nothing to negotiate (git-config).
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--no-tags",
        ]
        argv += [
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "--progress",
            *options,
        ]
        _watch(git, remote, [*argv, "--stdin", "--", remote.address], progress, stdin=stdin)


def push_refs(
    git: Git, remote: Remote, refspecs: Sequence[str], progress: Progress, *options: str
) -> None:
    """Push refs; raise `Rejected` if the remote refuses any of them."""
    # The acknowledgements of a server must not decide what is sent (git-config, `push.negotiate`).
    git = git.with_config([("push.negotiate", "false")])
    argv = [
        "push",
        "--porcelain",
        "--no-verify",
        "--progress",
        *options,
        "--",
        remote.address,
        *refspecs,
    ]
    status, out, err = _run(git, remote, argv, progress)
    # The lines are `<flag> TAB <from>:<to> TAB <summary>` (git-push, `--porcelain`).
    for line in out.decode("utf-8", "replace").splitlines():
        flag, _, rest = line.partition("\t")
        if flag == "!":
            refs, _, reason = rest.partition("\t")
            why = reason.strip()
            said = err.decode("utf-8", "replace")
            moved = any(word in why for word in _MOVED)
            # In an atomic push, one refused ref has all others refused too. Only the first has a
            # reason.
            moved = moved or ("atomic" in why and any(word in said for word in _LOCKED))
            raise Rejected(
                refs.partition(":")[2] or refs, _reason(why, err), moved=moved, said=said
            )
    if status:
        raise failure(argv, status, err)


def _reason(why: str, err: bytes) -> str:
    """Return why the remote refused a ref, with the first line of its own message."""
    for line in err.decode("utf-8", "replace").splitlines():
        said = line.removeprefix("remote:").strip() if line.startswith("remote:") else ""
        # The remote's progress ("Counting objects: …") arrives among its messages.
        if said and "objects" not in said:
            return f"{why}: {said}"
    return why


def _watch(
    git: Git, remote: Remote, argv: Sequence[str], progress: Progress, *, stdin: bytes = b""
) -> None:
    status, _, err = twice(lambda: _run(git, remote, argv, progress, stdin=stdin))
    if status:
        # Settings and their values do not belong into the message.
        raise failure([word for word in argv if "=" not in word and word != "-c"], status, err)


def _run(
    git: Git, remote: Remote, argv: Sequence[str], progress: Progress, *, stdin: bytes = b""
) -> tuple[int, bytes, bytes]:
    """Run git to its end and pass the counts of git's own progress meter to `progress`."""
    import tempfile

    # Files for input and output leave one pipe to read, so neither side can block the other.
    with tempfile.TemporaryFile() as feed, tempfile.TemporaryFile() as printed:
        feed.write(stdin)
        feed.seek(0)
        asking = replace(git, remote=remote.address)
        with asking.start(*argv, stdin=feed.fileno(), stdout=printed.fileno(), stderr=-1) as child:
            assert child.stderr is not None
            err = _follow(child.stderr.fileno(), child.watch, progress)
            status = child.wait()
        printed.seek(0)
        return status, printed.read(), err


def _follow(fd: int, watch: SilenceWatch, progress: Progress) -> bytes:
    """Read git's messages from `fd`, and pass its progress meter to `progress`.

    Returns the messages without the meter.
    """
    kept, line, done = bytearray(), bytearray(), 0
    started = False
    while chunk := watch.read(fd, 65536):
        line += chunk
        # Git ends a line of its meter by CR, and the last one by LF.
        *complete, rest = re.split(rb"(?<=[\r\n])", line)
        line = bytearray(rest)
        for piece in complete:
            match = _DONE.search(piece)
            if match:
                if not started:
                    progress.begin("Transferring", int(match[2]), unit="obj")
                    started = True
                progress.advance(max(int(match[1]) - done, 0))
                done = int(match[1])
            elif not piece.endswith(b"\r"):
                kept += piece
    if started:
        progress.finish()
    return bytes(kept + line)
