"""Start git. No other module does.

Arguments are lists, never a shell line. The child's environment is the caller's, in the C locale
and without variables that redirect git (`GIT_DIR` and the like). So neither settings nor language
change the output that is parsed.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.watched_child import Child

PIPE = subprocess.PIPE

# The variables that `git rev-parse --local-env-vars` lists, except for settings given by `git -c`.
LOCATING = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_QUARANTINE_PATH",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NOTES_REF",
    "GIT_NOTES_REWRITE_REF",
    "GIT_REPLACE_REF_BASE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
    "GIT_DEFAULT_HASH",
    "GIT_EXTERNAL_DIFF",
    "GIT_REFLOG_ACTION",
)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a git child whose repository is given by arguments alone."""
    kept = {name: value for name, value in environ.items() if name not in LOCATING}
    # Output is in English, paths are no patterns, and git fetches no missing object by itself.
    kept.update(
        LC_ALL="C", LANGUAGE="C", GIT_PAGER="cat", GIT_LITERAL_PATHSPECS="1", GIT_NO_LAZY_FETCH="1"
    )
    return kept


def run_git(
    argv: Sequence[str | bytes],
    env: Mapping[str, str],
    cwd: Path | None,
    *,
    stdin: bytes = b"",
    remote: str = "",
) -> subprocess.CompletedProcess[bytes]:
    """Run git to its end, whatever its exit status; raise `Silent` if it gives no sign of life."""
    try:
        child = _start(argv, env, cwd, remote, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except FileNotFoundError:
        raise DatmoError("git is not on PATH", "install git 2.39 or later") from None
    with child:
        out, err = child.finish(stdin)
    return subprocess.CompletedProcess(child.args, child.returncode, out, err)


def _start(
    argv: Sequence[str | bytes],
    env: Mapping[str, str],
    cwd: Path | None,
    remote: str,
    **pipes: int | IO[bytes] | None,
) -> Child:
    who = f"'{remote}'" if remote else f"'git {os.fsdecode(argv[0])}'"
    return Child(["git", *argv], who=who, is_remote=bool(remote), env=env, cwd=cwd, **pipes)


@dataclass(frozen=True, slots=True)
class Git:
    """A way to start git in one repository.

    `config` holds settings for the children alone. They are passed by the environment, so secrets
    among them (headers, credentials) stay out of the process list. `remote` names the remote for
    which the children wait.
    """

    environ: Mapping[str, str]
    git_dir: Path | None = None
    work_tree: Path | None = None
    index_file: Path | None = None
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    remote: str = ""
    # `git check-ignore` refuses literal pathspecs. Its paths are literal in any case.
    literal_paths: bool = True

    def with_config(self, settings: Iterable[tuple[str, str]]) -> Git:
        """Return the same with more settings."""
        return replace(self, config=(*self.config, *settings))

    def child_environment(self) -> dict[str, str]:
        """Return the environment of a child."""
        env = clean_environment(self.environ)
        if not self.literal_paths:
            del env["GIT_LITERAL_PATHSPECS"]
        for variable, path in (
            ("GIT_DIR", self.git_dir),
            ("GIT_WORK_TREE", self.work_tree),
            ("GIT_INDEX_FILE", self.index_file),
        ):
            if path is not None:
                env[variable] = str(path)
        # Settings that the caller passed in the same way keep their numbers.
        count = int(env.get("GIT_CONFIG_COUNT") or 0)
        for index, (key, value) in enumerate(self.config, count):
            env[f"GIT_CONFIG_KEY_{index}"] = key
            env[f"GIT_CONFIG_VALUE_{index}"] = value
        if self.config:
            env["GIT_CONFIG_COUNT"] = str(count + len(self.config))
        return env

    def finish(
        self, *argv: str | bytes, stdin: bytes = b"", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git to its end, whatever its exit status."""
        return run_git(
            argv, self.child_environment(), cwd or self.work_tree, stdin=stdin, remote=self.remote
        )

    def run(self, *argv: str | bytes, stdin: bytes = b"", cwd: Path | None = None) -> bytes:
        """Return git's output; raise `GitFailed` if its exit status is not 0."""
        done = self.finish(*argv, stdin=stdin, cwd=cwd)
        if done.returncode:
            raise failure(argv, done.returncode, done.stderr)
        return done.stdout

    def run_all(self, *commands: Sequence[str | bytes]) -> list[bytes]:
        """Run several commands side by side; return their outputs in order.

        Raises `GitFailed` if one fails.
        """
        with ExitStack() as stack:
            children = [
                stack.enter_context(self.start(*argv, stdin=subprocess.DEVNULL, stderr=PIPE))
                for argv in commands
            ]
            outputs = []
            for argv, child in zip(commands, children, strict=True):
                out, err = child.finish(b"")
                if child.returncode:
                    raise failure(argv, child.returncode, err)
                outputs.append(out)
        return outputs

    def text(self, *argv: str | bytes, stdin: bytes = b"") -> str:
        """Return git's output as text, without the final line end."""
        # Paths need not be UTF-8; `surrogateescape` keeps their bytes.
        return self.run(*argv, stdin=stdin).decode("utf-8", "surrogateescape").rstrip("\n")

    def start(
        self,
        *argv: str | bytes,
        stdin: int | IO[bytes] | None = PIPE,
        stdout: int | None = PIPE,
        stderr: int | None = None,
    ) -> Child:
        """Start git and return the child; the caller ends it."""
        return _start(
            argv,
            self.child_environment(),
            self.work_tree,
            self.remote,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )

    @contextmanager
    def fields(self, *argv: str | bytes) -> Iterator[Iterator[bytes]]:
        """Start git, and yield the zero-terminated fields of its output as they arrive.

        Raises `GitFailed` at the end of the block if git failed.
        """
        import tempfile

        # Many warnings would fill a pipe that is not read, and git would stop.
        with tempfile.TemporaryFile() as messages:
            with self.start(*argv, stdin=subprocess.DEVNULL, stderr=messages.fileno()) as child:
                assert child.stdout is not None
                yield _split(child.stdout)
            if child.returncode:
                messages.seek(0)
                raise failure(argv, child.returncode, messages.read())


def _split(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while block := stream.read(1 << 16):
        *whole, rest = (rest + block).split(b"\0")
        yield from whole


def failure(argv: Sequence[str | bytes], status: int, stderr: bytes) -> GitFailed:
    words = [word.decode("utf-8", "replace") if isinstance(word, bytes) else word for word in argv]
    return GitFailed(words, status, stderr.decode("utf-8", "replace"))


def run_for_person(argv: Sequence[str], environ: Mapping[str, str], cwd: Path) -> int:
    """Run git with the user's environment, terminal, editor and hooks; return its exit code."""
    import signal

    # The child does not inherit a handler, unlike SIG_IGN. So git decides what an interrupt ends.
    earlier = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        # No timeout: the user may leave the editor open for hours.
        status = subprocess.run(
            ["git", *argv], env=dict(environ), cwd=cwd, check=False, timeout=None
        ).returncode
    except FileNotFoundError:
        raise DatmoError("git is not on PATH", "install git 2.39 or later") from None
    finally:
        signal.signal(signal.SIGINT, earlier)
    # A shell reports signal N as 128 + N.
    return status if status >= 0 else 128 - status
