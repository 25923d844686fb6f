"""Git's configuration, read once as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.run import Git

TRUE = frozenset({"true", "yes", "on", "1", ""})


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of configuration; `key` has its section and name in lower case, as git prints it."""

    scope: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Config:
    """All settings in the order in which git reads them: the last of a key wins."""

    settings: tuple[Setting, ...]

    def all(self, key: str) -> list[str]:
        return [setting.value for setting in self.settings if setting.key == key]

    def get(self, key: str, default: str = "") -> str:
        values = self.all(key)
        return values[-1] if values else default

    def flag(self, key: str, *, default: bool = False) -> bool:
        values = self.all(key)
        return values[-1].lower() in TRUE if values else default

    def number(self, key: str, default: int) -> int:
        """A whole number with git's suffixes k, m and g; raises `DatmoError` when it is none."""
        text = self.get(key).lower()
        if not text:
            return default
        factor = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(text[-1], 1)
        try:
            return int(text[:-1] if factor > 1 else text) * factor
        except ValueError:
            raise DatmoError(f"bad number '{text}' for '{key}' in git's config") from None

    def local(self) -> Iterator[Setting]:
        """The settings of the repository itself, not the user's or the machine's."""
        return (setting for setting in self.settings if setting.scope in ("local", "worktree"))


def read_config(git: Git) -> Config:
    """The configuration that holds in git's repository."""
    fields = git.run("config", "--list", "-z", "--show-scope").split(b"\0")
    settings = []
    for scope, entry in zip(fields[::2], fields[1::2], strict=False):
        key, newline, value = entry.decode("utf-8", "surrogateescape").partition("\n")
        settings.append(Setting(scope.decode(), key, value if newline else "true"))
    return Config(tuple(settings))
