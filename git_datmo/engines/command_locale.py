"""Determine the locale of a command, which affects sorting, formats and decoding."""

from __future__ import annotations

from collections.abc import Mapping

from git_datmo.engines.engine_capabilities import Capabilities

# The locale that isolating engines set, unless a variable of the run changes it
# (`engine_contract.job_variables`).
ISOLATED = {"LANG": "C.UTF-8"}
CATEGORIES = ("LC_COLLATE", "LC_CTYPE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME")
_PLAIN = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})


def environment_locale(
    capabilities: Capabilities, environ: Mapping[str, str], variables: Mapping[str, str]
) -> str:
    """Return the locale of a command that an engine runs.

    An engine that rebuilds the environment passes only the run's `variables` on. Others also
    pass `environ`.
    """
    base = ISOLATED if capabilities.rebuilds_environment else environ
    return describe_locale({**base, **variables})


def describe_locale(environ: Mapping[str, str]) -> str:
    """Return the locale's name, and the categories that have another locale.

    Example: `de_DE.UTF-8 LC_NUMERIC=C`.
    """
    # `LC_ALL` overrides all categories, and `LANG` stands for those that are not set (locale(7)).
    if environ.get("LC_ALL"):
        return environ["LC_ALL"]
    base = environ.get("LANG") or "C"
    others = (
        f"{name}={environ[name]}"
        for name in CATEGORIES
        if environ.get(name, base) not in ("", base)
    )
    return " ".join([base, *others])


def is_plain(locale: str) -> bool:
    """Return True if a locale sorts and formats as `C` does. Reruns in a container use that."""
    return locale in _PLAIN


def odd_encoding(locale: str) -> str:
    """Return the encoding in a locale's name; '' if it names none, or UTF-8."""
    encoding = locale.split(" ", maxsplit=1)[0].partition(".")[2].partition("@")[0]
    return "" if encoding.lower().replace("-", "") == "utf8" else encoding
