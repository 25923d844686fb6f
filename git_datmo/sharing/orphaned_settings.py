"""Refuse to share while settings name a remote that does not exist: they may say where data must
not go."""

from __future__ import annotations

from git_datmo.errors import DatmoError
from git_datmo.git.config import Config
from git_datmo.terminal_text import quote_word

KEYS = frozenset({"store", "namespace", "slice", "pause", "atomic", "filter", "wantsbyid"})


def refuse_orphaned_settings(config: Config) -> None:
    """Raise `DatmoError` for a setting `datmo.<remote>.<key>` whose remote does not exist.

    `git remote rename` moves its own settings and no others.
    """
    names = {
        setting.key[len("remote.") :].rpartition(".")[0]
        for setting in config.settings
        if _is_remote(setting.key)
    }
    for setting in config.local():
        name, _, key = setting.key.removeprefix("datmo.").rpartition(".")
        if (
            not setting.key.startswith("datmo.")
            or not name
            or key not in KEYS
            or name in names
            or _is_url(name)
        ):
            continue
        others = sorted(names)
        new = others[0] if len(others) == 1 else "REMOTE"
        old_section, new_section = quote_word(f"datmo.{name}"), quote_word(f"datmo.{new}")
        raise DatmoError(
            f"'{setting.key}' is set, and there is no remote '{name}'",
            f"if it was renamed, run 'git config --rename-section {old_section} {new_section}'; "
            f"if it is gone, 'git config --remove-section {old_section}'",
        )


def _is_remote(key: str) -> bool:
    return key.startswith("remote.") and key.count(".") > 1


def _is_url(name: str) -> bool:
    return "/" in name or ":" in name
