"""Paths and ssh://, git:// and file:// URLs: git's own pipes for reading, `git send-pack` for pushing."""

from __future__ import annotations

import subprocess

from git_remote_datmo.pipes import family, join_daemon, join_service
from git_remote_datmo.protocol import Connect, ref_list
from git_remote_datmo.session import ServiceGoneError, Session
from git_remote_datmo.urls import kind_of
from git_remote_datmo.wire import write_all

CAPABILITIES = b"connect\npush\noption\nobject-format\n\n"

UNDERSTOOD = frozenset(
    {
        "atomic", "cas", "dry-run", "family", "followtags", "force-if-includes", "object-format", "progress",
        "push-option", "pushcert", "servpath", "verbosity",
    }
)  # fmt: skip


class Native:
    """Answers each command of git's for one URL."""

    def __init__(self, session: Session, url: str) -> None:
        self._session = session
        self._url = url
        self._kind = kind_of(url)

    def capabilities(self) -> bytes:
        return CAPABILITIES

    def option(self, line: bytes) -> bytes:
        name = line.split(b" ")[1].decode("ascii", "replace")
        return b"ok\n" if name in UNDERSTOOD else b"unsupported\n"

    def connect(self, _: bytes, asked: Connect) -> int | None:
        """Serve the pipes to the end and give the exit status; None where git is to fall back to lines."""
        if asked.stateless or asked.service == "git-receive-pack":
            # Pipes would hide from the helper what is pushed, and whether it is at all.
            write_all(1, b"fallback\n")
            return None
        program = self._session.options.pop("servpath", asked.service)
        write_all(1, b"\n")
        if self._kind == "git":
            return join_daemon(self._session, self._url, program)
        return join_service(self._session, self._url, program, is_ssh=self._kind == "ssh")

    def list_refs(self, line: bytes) -> bytes:
        """The remote's refs, for a push as its receiving side shows them."""
        program = self._program("git-receive-pack" if line == b"list for-push" else "git-upload-pack")
        argv = ["git", "ls-remote", *family(self._session), f"--upload-pack={program}", self._url]
        done = subprocess.run(argv, stdout=subprocess.PIPE, env=self._session.environ, check=False)
        if done.returncode:
            raise ServiceGoneError(done.returncode)
        own_format = self._session.config.get("extensions.objectformat", "sha1")
        return ref_list(done.stdout, fallback_format=own_format, say_format=self._session.asks("object-format"))

    def batch(self, lines: list[bytes]) -> bytes:
        """Push by git's plumbing, whose status lines are the ones that git expects from a helper."""
        argv = ["git", "send-pack", "--helper-status", "--stdin", "--thin", *self._push_arguments(), self._url]
        wanted = b"".join(line.removeprefix(b"push ") + b"\n" for line in lines)
        done = subprocess.run(argv, input=wanted, stdout=subprocess.PIPE, env=self._session.environ, check=False)
        if done.returncode and not done.stdout:
            raise ServiceGoneError(done.returncode)
        return done.stdout + self._unsaid(lines, done.stdout) + b"\n"

    def end(self) -> int:
        return 0

    def _unsaid(self, lines: list[bytes], status: bytes) -> bytes:
        """Statuses that `git send-pack` has no line for: refs that failed because another of an atomic push did."""
        if not self._session.asks("atomic"):
            return b""
        said = {line.split(b" ", 2)[1] for line in status.splitlines()}
        targets = [line.rpartition(b":")[2] for line in lines]
        return b"".join(b"error %s atomic push failed\n" % target for target in targets if target not in said)

    def _program(self, service: str) -> str:
        return self._session.options.get("servpath", service)

    def _push_arguments(self) -> list[str]:
        session = self._session
        flags = {"--dry-run": "dry-run", "--atomic": "atomic", "--force-if-includes": "force-if-includes"}
        words = [flag for flag, option in flags.items() if session.asks(option)]
        words.append("--progress" if session.asks("progress") else "--no-progress")
        if session.verbosity != 1:
            words.append("--verbose" if session.verbosity else "--quiet")
        signed = {"true": "--signed=yes", "if-asked": "--signed=if-asked"}.get(session.options.get("pushcert", ""))
        words += [signed] if signed else []
        words += [f"--push-option={value}" for value in session.push_options]
        words += [f"--force-with-lease={value}" for value in session.leases]
        words.append(f"--receive-pack={self._program('git-receive-pack')}")
        return words
