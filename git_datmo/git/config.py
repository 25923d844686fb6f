"""Git's configuration, read once as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from git_datmo import timeouts
from git_datmo.errors import DatmoError
from git_datmo.git.command import Git

TRUE = frozenset({"true", "yes", "on"})
FALSE = frozenset({"false", "no", "off", ""})


# The syntax of strtoimax(3): white space, an octal number after 0, a hexadecimal one after 0x; then
# git's unit.
_NUMBER = re.compile(
    r"[ \t\n\v\f\r]*(?P<sign>[+-]?)"
    r"(?P<digits>0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)(?P<unit>[kKmMgG]?)\Z"
)
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def _read_digits(sign: str, digits: str) -> int:
    base = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" else 10
    # Longer numbers are out of git's range, and would only take time to parse.
    return int(sign + digits[:80], base)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; section and name of `key` are in lower case, as git prints them."""

    scope: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Config:
    """All settings in the order in which git reads them: the last value of a key wins.

    Relative paths are relative to `folder`.
    """

    settings: tuple[Setting, ...]
    folder: str = ""

    def all(self, key: str) -> list[str]:
        """Return all values of a key, in order."""
        return [setting.value for setting in self.settings if setting.key == key]

    def get(self, key: str, default: str = "") -> str:
        """Return the last value of a key, or `default`."""
        values = self.all(key)
        return values[-1] if values else default

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean as git reads it; raise `DatmoError` for any other value."""
        values = self.all(key)
        if not values:
            return default
        word = values[-1].lower()
        return word in TRUE if word in TRUE | FALSE else self.number(key, 0) != 0

    def number(self, key: str, default: int) -> int:
        """Return an integer with git's suffixes k, m and g; raise `DatmoError` for any other
        value."""
        text = self.get(key)
        if not text:
            return default
        match = _NUMBER.match(text)
        value = (
            _UNITS[match["unit"].lower()] * _read_digits(match["sign"], match["digits"])
            if match
            else None
        )
        if value is None or not -(1 << 63) <= value < 1 << 63:
            raise DatmoError(f"bad number '{text[:40]}' for '{key}' in git's config")
        return value

    def local(self) -> Iterator[Setting]:
        """Yield the settings of the repository itself, without the user's and the system's."""
        return (setting for setting in self.settings if setting.scope in ("local", "worktree"))


def read_config(git: Git) -> Config:
    """Return the configuration that applies in git's repository."""
    # Each setting is two fields: its scope, then key and value with a line end between them.
    fields = git.run("config", "--list", "-z", "--show-scope").split(b"\0")
    settings = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        key, newline, value = entry.decode("utf-8", "surrogateescape").partition("\n")
        # A key without `=` is true (git-config).
        settings.append(Setting(scope.decode(), key, value if newline else "true"))
    return Config(tuple(settings), str(git.work_tree or git.git_dir or ""))


def set_waits(config: Config, environ: Mapping[str, str]) -> None:
    """Apply `datmo.timeout`, and the programs that may ask for credentials."""
    seconds = config.number("datmo.timeout", timeouts.DEFAULT)
    timeouts.set_limit(seconds, environ, askpass=config.get("core.askpass"))


def is_allowed(environ: Mapping[str, str], config: Config, scheme: str) -> bool:
    """Return True if git allows a transport (git-config, `protocol.allow`)."""
    # The variable has precedence over all settings (git, `GIT_ALLOW_PROTOCOL`).
    if (listed := environ.get("GIT_ALLOW_PROTOCOL")) is not None:
        return scheme in listed.split(":")
    policy = config.get(f"protocol.{scheme}.allow") or config.get("protocol.allow", "always")
    return policy == "always" or (policy == "user" and environ.get("GIT_PROTOCOL_FROM_USER") != "0")
