"""The locale that a command runs in, which decides how it sorts, formats and decodes."""

from __future__ import annotations

from collections.abc import Mapping

# What engines that isolate set, unless a variable of the run says otherwise (`base.job_variables`).
ISOLATED = {"LANG": "C.UTF-8"}
CATEGORIES = ("LC_COLLATE", "LC_CTYPE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME")
_PLAIN = frozenset({"C", "POSIX", "C.UTF-8", "C.utf8"})


def environment_locale(
    engine: str, environ: Mapping[str, str], variables: Mapping[str, str]
) -> str:
    """Return the locale of a command that `engine` runs: of the host's `environ`, or of the run's
    `variables` alone."""
    return describe_locale(
        {**environ, **variables} if engine == "host" else {**ISOLATED, **variables}
    )


def describe_locale(environ: Mapping[str, str]) -> str:
    """Return the locale's name, with those categories that have another: `de_DE.UTF-8
    LC_NUMERIC=C`."""
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
    """Return True for a locale that sorts and formats as `C` does, as that of a rerun in a
    container."""
    return locale in _PLAIN


def odd_encoding(locale: str) -> str:
    """Return the encoding that a locale names, or '' where it names none or UTF-8."""
    encoding = locale.split(" ", maxsplit=1)[0].partition(".")[2].partition("@")[0]
    return "" if encoding.lower().replace("-", "") == "utf8" else encoding
