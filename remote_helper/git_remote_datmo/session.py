"""State of a run of the helper: remote, settings, and the calls into git-datmo."""

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
from git_datmo.timeouts import SilenceWatch
from git_remote_datmo.client import find_client
from git_remote_datmo.protocol import Command
from git_remote_datmo.urls import PREFIX, kind_of

if TYPE_CHECKING:
    from git_datmo.progress import Progress

# Environment variable that tells the pre-push hook of a child process to share nothing.
GUARD = "GIT_DATMO_SHARING"

# Option of ssh, or of its replacement, for each value of git's `family` option.
SSH_FAMILIES = {"ipv4": "-4", "ipv6": "-6"}


@dataclass(frozen=True)
class Session:
    """Remote of this run with the settings of the user and of git.

    `remote` is the remote's name, or the URL as the user wrote it. `is_rewritten` says that git has
    applied `insteadOf` to the URL. Git does so if it found the helper by the remote's `vcs`
    setting.
    """

    remote: str
    url: str
    environ: Mapping[str, str]
    cwd: Path
    git: Git
    config: Config
    is_rewritten: bool
    options: dict[str, str] = field(default_factory=dict)

    def remember(self, option: Command) -> None:
        """Store the value of an `option` command."""
        name, value = option.option
        self.options[name] = value

    def asks(self, option: str) -> bool:
        """Return True if git set an option to `true`."""
        return self.options.get(option) == "true"

    @property
    def is_verbose(self) -> bool:
        """Return True if git's verbosity is above 1."""
        verbosity = self.options.get("verbosity", "")
        return verbosity.isdigit() and int(verbosity) > 1

    @cached_property
    def fetch_url(self) -> str:
        """Return the URL after the user's `insteadOf`."""
        return self._rewritten("insteadof") or self.url

    @cached_property
    def push_url(self) -> str:
        """Return the URL after the user's `pushInsteadOf`, else the URL for fetching."""
        return self._rewritten("pushinsteadof") or self.fetch_url

    def environ_for(self, url: str) -> dict[str, str]:
        """Return the environment of a child that must not rewrite `url` again.

        An identity rule for the whole URL matches longer than any rule of the user.
        """
        env = dict(self.environ)
        if self._rewrites:
            # These pairs take precedence over all files of configuration (git-config,
            # GIT_CONFIG_COUNT).
            count = int(env.get("GIT_CONFIG_COUNT") or 0)
            for place, how in enumerate(("insteadOf", "pushInsteadOf"), count):
                env[f"GIT_CONFIG_KEY_{place}"] = f"url.{url}.{how}"
                env[f"GIT_CONFIG_VALUE_{place}"] = url
            env["GIT_CONFIG_COUNT"] = str(count + 2)
        return env

    @cached_property
    def _rewrites(self) -> tuple[Setting, ...]:
        """Return the settings whose keys begin with `url.`."""
        return tuple(setting for setting in self.config.settings if setting.key.startswith("url."))

    def _rewritten(self, how: str) -> str | None:
        """Return the URL after the rules `how`; None if no rule applies.

        As in git, the longest matching prefix is replaced once. If git has rewritten the URL, no
        rule applies.
        """
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
        """Raise `DatmoError` if the user's settings forbid a transport.

        The settings are git's (git-config, protocol.allow). Git does not check the transports that
        the helper starts itself.
        """
        if not is_allowed(self.environ, self.config, scheme):
            raise DatmoError(f"transport '{scheme}' not allowed")

    def watch(self, victim: int | None = None) -> SilenceWatch:
        """Return the timeout for the remote; it ends the program `victim`.

        Activity of the calling git and its descendants resets the timeout, since git may work or
        ask the user.
        """
        who = self.remote if self.is_named else hide_passwords(self.url)
        return SilenceWatch(f"'{who}'", root=find_client() or victim, victim=victim)

    def share(self, there: Mapping[str, str], updates: Sequence[tuple[str, str, str]]) -> bool:
        """Send the data of commits before git pushes them; return True if records were sent.

        This also initialises the repository, and warns about changes that no snapshot has. `there`
        maps the remote's refs to ids. `updates` are git's updates: new id, ref, old id. Raises
        `DatmoError` if the data cannot be shared.
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
            # Git's own list of the remote's refs can show that nothing is new, without another
            # request.
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
        """Warn about payloads with changes that no snapshot has, since the push omits them."""
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
        """Return the path of the list of tracked payloads."""
        return os.path.join(self.environ.get("GIT_DIR", ""), "datmo", "tracked.json")

    @property
    def _sharing_environ(self) -> dict[str, str]:
        """Return the environment of a share, with the address family that git requested for ssh."""
        env = self.environ_for(self.push_url)
        family = self.options.get("family", "")
        if family in SSH_FAMILIES and kind_of(self.push_url) == "ssh":
            command = ssh_command(env, self.config)
            env["GIT_SSH_COMMAND"] = f"{command} {SSH_FAMILIES[family]}"
        return env

    def _progress(self) -> Progress:
        """Return a meter, or a silent progress if git is quiet."""
        from git_datmo.progress import QUIET

        if self.options.get("verbosity") == "0":
            return QUIET
        from git_datmo.cli.meter import Meter

        return Meter(sys.stderr, draws=self.options.get("progress") != "false")

    @property
    def is_named(self) -> bool:
        """Return True if the remote has a name."""
        return not self.remote.startswith(PREFIX) and self.remote != self.url

    def set_up(self) -> None:
        """Initialise a repository that has a `datmo::` URL as its remote, once.

        This does nothing for a remote without a name, or after a failed clone, which leaves no
        repository.
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
        """Return True if the remote has the helper as its `vcs`, and a plain URL."""
        url = self.config.get(f"remote.{self.remote}.url")
        return _names_helper(self.config, self.remote) and not url.startswith(PREFIX)


def _names_helper(config: Config, remote: str) -> bool:
    """Return True if the `vcs` setting of a remote names this helper."""
    return config.get(f"remote.{remote}.vcs") == "datmo"


def open_session(remote: str, url: str, environ: Mapping[str, str], cwd: Path) -> Session:
    """Return the session for a remote and a URL.

    Its paths are absolute, so that children can run in any folder.
    """
    absolute = {**environ, GUARD: "1"}
    git = Git(absolute)
    if git_dir := environ.get("GIT_DIR"):
        absolute["GIT_DIR"] = os.path.join(cwd, git_dir)
        git = Git(absolute, Path(absolute["GIT_DIR"]))
    config = read_config(git)
    set_waits(config, environ)
    is_rewritten = _names_helper(config, remote) and not url.startswith(PREFIX)
    if _names_helper(config, remote):
        # An interrupted set-up can leave a prefixed URL. Git strips the prefix only if it found the
        # helper by it.
        url = url.removeprefix(PREFIX)
    # A missing path stays as the user wrote it, so that git's own error names it.
    if kind_of(url) == "path" and os.path.exists(os.path.join(cwd, url)):
        url = os.path.normpath(os.path.join(cwd, url))
    return Session(remote, url, absolute, cwd, git, config, is_rewritten)
