"""Read DVC's settings of a repository: the folder of its cache, and its default remote."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_REMOTE = re.compile(r"""['"]?\s*remote\s*"(.*)"\s*['"]?\Z""")
_REFERENCE = "remote://"


@dataclass(frozen=True, slots=True)
class DvcSettings:
    """Settings of DVC in `.dvc/config` and `.dvc/config.local`.

    `remote` is the name of the default remote, '' without one, and `options` has its settings.
    `problem` says why there is no remote.
    """

    cache: Path
    remote: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def read_settings(root: Path, environ: Mapping[str, str]) -> DvcSettings:
    """Return DVC's settings for the repository at `root`."""
    folder = root / ".dvc"
    # A percent sign in a path is no reference to another value.
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    problem = ""
    # The local file overrides the shared one.
    for name in ("config", "config.local"):
        try:
            # DVC indents settings, which configparser would join to the line above.
            lines = (folder / name).read_text("utf-8").splitlines()
            parser.read_string("\n".join(line.strip() for line in lines))
        except FileNotFoundError:
            continue
        except (configparser.Error, OSError, UnicodeDecodeError):
            problem = f"'.dvc/{name}' cannot be read"
    home = environ.get("HOME", "")
    cache = _path(folder, _value(parser.get("cache", "dir", fallback="")) or "cache", home)
    remotes = _remotes(parser)
    default = _value(parser.get("core", "remote", fallback="")).lower()
    name = default or (next(iter(remotes)) if len(remotes) == 1 else "")
    options = _resolved(remotes, name)
    if not options:
        return DvcSettings(cache, problem=problem or _problem(remotes, name))
    if "://" not in options["url"]:
        options["url"] = str(_path(folder, options["url"], home))
    return DvcSettings(cache, name, options)


def _value(text: str) -> str:
    """Return a value without its quotes or a comment."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return re.split(r"\s#", text, maxsplit=1)[0].strip()


def _path(folder: Path, text: str, home: str) -> Path:
    """Return a path of the settings, which is relative to `.dvc`."""
    if home and (text == "~" or text.startswith("~/")):
        text = home + text[1:]
    return Path(os.path.realpath(folder / text))


def _remotes(parser: configparser.ConfigParser) -> dict[str, dict[str, str]]:
    """Return the settings of each remote with a URL, by its name."""
    found = dict[str, dict[str, str]]()
    for section in parser.sections():
        if match := _REMOTE.match(section):
            options = {key: _value(value) for key, value in parser.items(section)}
            # DVC compares the names of remotes in lower case.
            if options.get("url"):
                found[match[1].lower()] = options
    return found


def _resolved(remotes: Mapping[str, Mapping[str, str]], name: str) -> dict[str, str]:
    """Return the settings of a remote, with those of a remote that its URL names; {} without."""
    options = dict(remotes.get(name, {}))
    if not options.get("url", "").startswith(_REFERENCE):
        return options
    other, _, rest = options["url"].removeprefix(_REFERENCE).partition("/")
    # Remotes that name each other have no address.
    others = {each: of_other for each, of_other in remotes.items() if each != name}
    base = _resolved(others, other.lower())
    if not base:
        return {}
    return {**base, **options, "url": f"{base['url'].rstrip('/')}/{rest}"}


def _problem(remotes: Mapping[str, object], name: str) -> str:
    """Return why there is no remote."""
    if name:
        return f"DVC's settings do not say where the remote '{name}' is"
    if remotes:
        return f"DVC has {len(remotes)} remotes and no default"
    return ""
