"""What one run of the helper knows: the remote, the user's settings, and the two calls into
git-datmo itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError, NewerRecords, UnusableRefs
from git_datmo.git.command import Git
from git_datmo.git.config import Config, Setting, is_allowed, read_config, set_waits
from git_datmo.git.service_pipes import ssh_command
from git_datmo.redact import hide_passwords
from git_datmo.waits import SilenceWatch
from git_remote_datmo.client import find_client
from git_remote_datmo.protocol import Command
from git_remote_datmo.urls import PREFIX, kind_of

if TYPE_CHECKING:
    from git_datmo.progress import Progress

# Tells the pre-push hook of a child that the sharing is being done.
GUARD = "GIT_DATMO_SHARING"

# The option of ssh, and of what is called in its place, for each value of git's option `family`.
SSH_FAMILIES = {"ipv4": "-4", "ipv6": "-6"}


@dataclass(frozen=True)
class Session:
    """`remote` is a remote's name, or the URL as the user wrote it where none was named;
    `is_rewritten` where git has applied `insteadOf` to the URL itself, since it knows the helper by
    the remote's name."""

    remote: str
    url: str
    environ: Mapping[str, str]
    cwd: Path
    git: Git
    config: Config
    is_rewritten: bool
    options: dict[str, str] = field(default_factory=dict)

    def remember(self, option: Command) -> None:
        name, value = option.option
        self.options[name] = value

    def asks(self, option: str) -> bool:
        return self.options.get(option) == "true"

    @property
    def is_verbose(self) -> bool:
        verbosity = self.options.get("verbosity", "")
        return verbosity.isdigit() and int(verbosity) > 1

    @cached_property
    def fetch_url(self) -> str:
        """The URL after the user's `insteadOf`."""
        return self._rewritten("insteadof") or self.url

    @cached_property
    def push_url(self) -> str:
        """The URL after the user's `pushInsteadOf`, or else as for reading."""
        return self._rewritten("pushinsteadof") or self.fetch_url

    def environ_for(self, url: str) -> dict[str, str]:
        """The environment of a child that is given a URL which is not to be rewritten again."""
        env = dict(self.environ)
        if self._rewrites:
            count = int(env.get("GIT_CONFIG_COUNT") or 0)
            for place, how in enumerate(("insteadOf", "pushInsteadOf"), count):
                env[f"GIT_CONFIG_KEY_{place}"] = f"url.{url}.{how}"
                env[f"GIT_CONFIG_VALUE_{place}"] = url
            env["GIT_CONFIG_COUNT"] = str(count + 2)
        return env

    @cached_property
    def _rewrites(self) -> tuple[Setting, ...]:
        return tuple(setting for setting in self.config.settings if setting.key.startswith("url."))

    def _rewritten(self, how: str) -> str | None:
        """git's rule: the longest beginning that matches is replaced, once; for a named helper, git
        itself did it."""
        if self.is_rewritten:
            return None
        ending = f".{how}"
        matching = [
            (len(setting.value), setting.key)
            for setting in self._rewrites
            if setting.key.endswith(ending) and self.url.startswith(setting.value)
        ]
        if not matching:
            return None
        length, key = max(matching, key=lambda match: match[0])
        return key[len("url.") : -len(ending)] + self.url[length:]

    def check_allowed(self, scheme: str) -> None:
        """Ask what git asks before it uses a transport, for those that the helper starts itself."""
        if not is_allowed(self.environ, self.config, scheme):
            raise DatmoError(f"transport '{scheme}' not allowed")

    def watch(self, victim: int | None = None) -> SilenceWatch:
        """Return a watch over what is at the other end, which ends the program `victim` where that
        is silent.

        git itself, and all that it started, may be at work meanwhile, or ask the user something.
        """
        who = self.remote if self.is_named else hide_passwords(self.url)
        return SilenceWatch(f"'{who}'", root=find_client() or victim, victim=victim)

    def share(self, there: Mapping[str, str], updates: Sequence[tuple[str, str, str]]) -> bool:
        """Send what the commits need before any of them is pushed; return whether anything was
        sent.

        `there` are the refs that the remote has. `updates` are those that git moves: the new id,
        the ref, the old id.
        """
        from git_datmo.git.refs import read_refs
        from git_datmo.records.namespaces import NOTES_REF, RECORDS_REF

        self.set_up()
        self._warn_of_changes()
        mine = read_refs(self.git, RECORDS_REF, NOTES_REF)
        if RECORDS_REF not in mine:
            return False
        from git_datmo.repository.workspace import open_workspace

        with open_workspace(self._sharing_environ, self.cwd) as workspace:
            if not workspace.has_store:
                return False
            from git_datmo.sharing.incomplete_records import is_settled

            name = self.remote if self.is_named else ""
            if is_settled(workspace, name, self.push_url, mine, there):
                return False
            from git_datmo.sharing.push import share
            from git_datmo.sharing.pushed_refs import read_pushed

            pushed = read_pushed(workspace, name, updates)
            try:
                shared = share(
                    workspace, self.remote, self.push_url, pushed=pushed, progress=self._progress()
                )
            except NewerRecords as error:
                plain = f"'git push --no-verify {self.push_url} BRANCH'"
                raise DatmoError(
                    error.what, f"{error.hint}; until then {plain} pushes the code alone"
                ) from error
            except UnusableRefs as error:
                from git_remote_datmo.wire import write_message

                # Whatever a stranger put there, code can be pushed.
                write_message(
                    f"warning: {error.what}; the code is pushed without its experiments\n"
                )
                return False
            return shared.records > 0

    def _warn_of_changes(self) -> None:
        """Name the payloads whose changes no snapshot has: the push leaves them out."""
        if self.options.get("verbosity") == "0" or not os.path.exists(self._tracked):
            return
        from git_datmo.payloads.unsaved_changes import push_warning
        from git_datmo.repository.workspace import open_workspace
        from git_remote_datmo.wire import write_message

        with open_workspace(self.environ, self.cwd) as workspace:
            warning = push_warning(workspace)
        if warning:
            write_message(f"warning: {warning}\n")

    @property
    def _tracked(self) -> str:
        return os.path.join(self.environ.get("GIT_DIR", ""), "datmo", "tracked.json")

    @property
    def _sharing_environ(self) -> dict[str, str]:
        """Return the environment of a share, whose ssh takes the address family that git was
        given."""
        env = self.environ_for(self.push_url)
        family = self.options.get("family", "")
        if family in SSH_FAMILIES and kind_of(self.push_url) == "ssh":
            command = ssh_command(env, self.config)
            env["GIT_SSH_COMMAND"] = f"{command} {SSH_FAMILIES[family]}"
        return env

    def _progress(self) -> Progress:
        from git_datmo.progress import QUIET

        if self.options.get("verbosity") == "0":
            return QUIET
        from git_datmo.cli.meter import Meter

        return Meter(sys.stderr, draws=self.options.get("progress") != "false")

    @property
    def is_named(self) -> bool:
        return not self.remote.startswith(PREFIX) and self.remote != self.url

    def set_up(self) -> None:
        """Make a repository that was reached by a `datmo::` URL into one that is set up, once.

        A clone that failed has no repository any more.
        """
        if (
            not self.is_named
            or self._is_set_up()
            or not os.path.isdir(self.environ.get("GIT_DIR", ""))
        ):
            return
        from git_datmo.repository.workspace import open_workspace
        from git_datmo.setup.init_repository import set_up_clone

        with open_workspace(self.environ, self.cwd) as workspace:
            set_up_clone(workspace, self.remote, self.url, self.cwd)

    def _is_set_up(self) -> bool:
        url = self.config.get(f"remote.{self.remote}.url")
        return _names_helper(self.config, self.remote) and not url.startswith(PREFIX)


def _names_helper(config: Config, remote: str) -> bool:
    return config.get(f"remote.{remote}.vcs") == "datmo"


def open_session(remote: str, url: str, environ: Mapping[str, str], cwd: Path) -> Session:
    """A session whose paths hold wherever a child works."""
    absolute = {**environ, GUARD: "1"}
    git = Git(absolute)
    if git_dir := environ.get("GIT_DIR"):
        absolute["GIT_DIR"] = os.path.join(cwd, git_dir)
        git = Git(absolute, Path(absolute["GIT_DIR"]))
    config = read_config(git)
    set_waits(config, environ)
    is_rewritten = _names_helper(config, remote) and not url.startswith(PREFIX)
    if _names_helper(config, remote):
        # The set-up was cut off: git takes the prefix off a URL only where it names the helper by
        # it.
        url = url.removeprefix(PREFIX)
    # Kept as it is where nothing is there: git says best what is wrong with the path that the user
    # wrote.
    if kind_of(url) == "path" and os.path.exists(os.path.join(cwd, url)):
        url = os.path.normpath(os.path.join(cwd, url))
    return Session(remote, url, absolute, cwd, git, config, is_rewritten)
