"""What one run of the helper knows: the remote, the user's settings, and the two calls into git-datmo itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.config import Config, read_config
from git_datmo.git.run import Git
from git_remote_datmo.protocol import Option
from git_remote_datmo.urls import PREFIX, kind_of

# Tells the pre-push hook of a child that the sharing is being done.
GUARD = "GIT_DATMO_SHARING"


class ServiceGoneError(Exception):
    """The git command that did the work has ended early and said why; `status` is what it exited with."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Session:
    """`remote` is a remote's name, or the URL as the user wrote it where none was named."""

    remote: str
    url: str
    environ: Mapping[str, str]
    cwd: Path
    options: dict[str, str] = field(default_factory=dict)
    push_options: list[str] = field(default_factory=list)
    leases: list[str] = field(default_factory=list)

    def remember(self, option: Option) -> None:
        match option.name:
            case "push-option":
                self.push_options.append(option.value)
            case "cas":
                self.leases.append(option.value)
            case _:
                self.options[option.name] = option.value

    def asks(self, option: str) -> bool:
        return self.options.get(option) == "true"

    @cached_property
    def verbosity(self) -> int:
        text = self.options.get("verbosity", "1")
        return int(text) if text.isdigit() else 1

    @cached_property
    def git(self) -> Git:
        git_dir = self.environ.get("GIT_DIR")
        return Git(self.environ, Path(git_dir) if git_dir else None)

    @cached_property
    def config(self) -> Config:
        return read_config(self.git)

    @cached_property
    def fetch_url(self) -> str:
        """The URL after the user's `insteadOf`."""
        return self._rewritten("insteadof") or self.url

    @cached_property
    def push_url(self) -> str:
        """The URL after the user's `pushInsteadOf`, or else as for reading."""
        return self._rewritten("pushinsteadof") or self.fetch_url

    def _rewritten(self, how: str) -> str | None:
        """git's rule: the longest beginning that matches is replaced, once."""
        ending = f".{how}"
        matching = [
            (len(setting.value), setting.key)
            for setting in self.config.settings
            if setting.key.startswith("url.") and setting.key.endswith(ending) and self.url.startswith(setting.value)
        ]
        if not matching:
            return None
        length, key = max(matching, key=lambda match: match[0])
        return key[len("url.") : -len(ending)] + self.url[length:]

    def check_allowed(self, scheme: str) -> None:
        """Ask what git asks before it uses a transport, for those that the helper starts itself."""
        if (listed := self.environ.get("GIT_ALLOW_PROTOCOL")) is not None:
            allowed = scheme in listed.split(":")
        else:
            policy = self.config.get(f"protocol.{scheme}.allow") or self.config.get("protocol.allow", "always")
            allowed = policy == "always" or (policy == "user" and self.environ.get("GIT_PROTOCOL_FROM_USER") != "0")
        if not allowed:
            raise DatmoError(f"transport '{scheme}' not allowed")

    def share(self) -> None:
        """Send what the commits need before any of them is pushed, unless this is a dry run."""
        if self.asks("dry-run"):
            return
        from git_datmo.flows.sharing.share import share
        from git_datmo.flows.workspace import open_workspace
        from git_datmo.progress import QUIET

        self.set_up()
        workspace = open_workspace(self.environ, self.cwd)
        if not workspace.has_store:
            return
        if self.verbosity == 0 or self.options.get("progress") == "false":
            share(workspace, self.remote, self.url, progress=QUIET)
            return
        from git_datmo.cli.meter import Meter

        share(workspace, self.remote, self.url, progress=Meter(sys.stderr))

    def set_up(self) -> None:
        """Make a repository that was reached by a `datmo::` URL into one that is set up, once."""
        named = not self.remote.startswith(PREFIX) and self.remote != self.url
        if not named or "GIT_DIR" not in self.environ or self._is_set_up():
            return
        from git_datmo.flows.setup import set_up_clone
        from git_datmo.flows.workspace import open_workspace

        set_up_clone(open_workspace(self.environ, self.cwd), self.remote, self.url)

    def _is_set_up(self) -> bool:
        url = self.config.get(f"remote.{self.remote}.url")
        return _names_helper(self.config, self.remote) and not url.startswith(PREFIX)


def _names_helper(config: Config, remote: str) -> bool:
    return config.get(f"remote.{remote}.vcs") == "datmo"


def open_session(remote: str, url: str, environ: Mapping[str, str], cwd: Path) -> Session:
    """A session whose paths hold wherever a child works."""
    absolute = {**environ, GUARD: "1"}
    if git_dir := environ.get("GIT_DIR"):
        absolute["GIT_DIR"] = os.path.join(cwd, git_dir)
        if url.startswith(PREFIX) and _names_helper(read_config(Git(absolute, Path(absolute["GIT_DIR"]))), remote):
            # The set-up was cut off: git takes the prefix off a URL only where it names the helper by it.
            url = url.removeprefix(PREFIX)
    # Kept as it is where nothing is there: git says best what is wrong with the path that the user wrote.
    if kind_of(url) == "path" and os.path.exists(os.path.join(cwd, url)):
        url = os.path.normpath(os.path.join(cwd, url))
    return Session(remote, url, absolute, cwd)
