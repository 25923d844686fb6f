"""Find the indexes of packages whose version names a build (`2.3.1+cpu`).

The usual index does not have these builds.
"""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from git_datmo.redact import hide_passwords

# The builds of torch and what belongs to it lie in an index for each kind of processor.
_OF_TORCH = re.compile(
    r"(?:torch|torchvision|torchaudio|torchtext|torchdata|pytorch-triton(?:-rocm|-xpu)?|xformers)\Z"
)
_TORCH_BUILD = re.compile(r"\+(cpu|cu[0-9]{2,3}|rocm[0-9]+(?:\.[0-9]+)*|xpu)\Z")
TORCH_INDEX = "https://download.pytorch.org/whl"
_OPTION = re.compile(r"^\s*(?:-i|--index-url|--extra-index-url)[= ]\s*(\S+)", re.MULTILINE)
_VARIABLES = (
    *("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"),
    *("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
)


def is_local_build(version: str) -> bool:
    """Return True for a version with a local part (PEP 440)."""
    return "+" in version


def usual_index(name: str, version: str) -> str:
    """Return the index that a build is known to be in, by its name and version; '' for none."""
    build = _TORCH_BUILD.search(version)
    return f"{TORCH_INDEX}/{build[1]}" if build and _OF_TORCH.match(name) else ""


def requested_indexes(requirements: Iterable[bytes]) -> Iterator[str]:
    """Yield the indexes that files of requirements name, without passwords."""
    for content in requirements:
        for url in _OPTION.findall(content.decode("utf-8", "replace")):
            yield hide_passwords(url)


def configured_indexes(environ: Mapping[str, str], prefix: Path | None = None) -> Iterator[str]:
    """Yield the indexes that pip and uv are told of by variables and pip's files, without
    passwords.

    `prefix` is the interpreter's environment, which may have a file of its own.
    """
    for name in _VARIABLES:
        yield from map(_address, environ.get(name, "").split())
    for path in _files(environ, prefix):
        # A URL can contain `%`, which interpolation would take for a reference.
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read(path, "utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        for section in ("global", "install"):
            for option in ("extra-index-url", "index-url"):
                yield from map(_address, parser.get(section, option, fallback="").split())


def _files(environ: Mapping[str, str], prefix: Path | None) -> Iterator[Path]:
    if environ.get("PIP_CONFIG_FILE"):
        yield Path(environ["PIP_CONFIG_FILE"])
    if prefix is not None:
        yield prefix / "pip.conf"
    if home := environ.get("HOME"):
        yield Path(environ.get("XDG_CONFIG_HOME") or f"{home}/.config") / "pip" / "pip.conf"
        yield Path(home) / ".pip" / "pip.conf"
    yield Path("/etc/pip.conf")


def _address(word: str) -> str:
    """Return the URL of an index; uv's variables may have a name before it."""
    return hide_passwords(re.sub(r"\A[\w.-]+=(?=https?://)", "", word))
