"""Find the Debian packages of programs and shared libraries that a run used.

Packages that an image of Python has are left out.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping

from git_datmo.environments.machine import ask

# What the official slim images of Python have beside the packages that Debian always has.
_OF_IMAGE = re.compile(
    r"(?:lib)?python3.*|ca-certificates|netbase|tzdata|openssl|libssl[0-9.]+(?:t64)?|zlib1g|libbz2-1\.0|liblzma5|libzstd1"
    r"|libffi[0-9]+|libsqlite3-0|libreadline[0-9]+(?:t64)?|libncursesw6|libtinfo6|libexpat1|libuuid1|libdb5\.3(?:t64)?"
    r"|libgdbm(?:-compat)?[0-9]+(?:t64)?|libnsl2|libtirpc3(?:t64)?|libcrypt1|libgcc-s1|libstdc\+\+6|libc6|libgssapi-krb5-2"
    r"|libkrb5-3|libk5crypto3|libkrb5support0|libcom-err2|libkeyutils1"
)
# What nearly every Python uses, and every image has: dpkg takes a tenth of a second to tell the
# same.
_USUAL_LIBRARY = re.compile(
    r"(?:ld-linux.*|lib(?:c|m|dl|rt|util|pthread|z|ssl|crypto|ffi|bz2|lzma|expat|uuid|sqlite3|readline|ncursesw|tinfo"
    r"|gcc_s|stdc\+\+|crypt|nsl|python3[0-9.]*))[.-].*"
)
_USUAL_PROGRAM = frozenset(
    {
        "sh",
        "bash",
        "dash",
        "env",
        "cat",
        "cp",
        "mv",
        "rm",
        "ln",
        "mkdir",
        "ls",
        "echo",
        "true",
        "false",
        "test",
        "uname",
    }
    | {
        "sed",
        "grep",
        "find",
        "sort",
        "head",
        "tail",
        "tee",
        "tar",
        "gzip",
        "hostname",
        "ldconfig",
        "nvidia-smi",
        "lscpu",
    }
)
_ANSWER = re.compile(r"([a-z0-9][a-z0-9+.-]*)(?::[a-z0-9]+)?(?:, .*)?: (/.*)")
_ALWAYS = ("required", "important")


def find_packages(
    programs: Iterable[str], libraries: Iterable[str], environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the packages of these programs (names or paths) and libraries (paths), but for those
    of every image.

    Empty where the machine has no dpkg.
    """
    named = [program for program in programs if os.path.basename(program) not in _USUAL_PROGRAM]
    found = [shutil.which(program, path=environ.get("PATH", os.defpath)) for program in named]
    found += [path for path in libraries if not _USUAL_LIBRARY.fullmatch(os.path.basename(path))]
    paths = [os.path.realpath(path) for path in found if path]
    spellings = sorted({spelling for path in paths for spelling in _spellings(path)})
    if not spellings:
        return ()
    answer = ask(["dpkg-query", "-S", "--", *spellings], environ)
    names = {match[1] for match in map(_ANSWER.fullmatch, answer.splitlines()) if match}
    return tuple(sorted(_beyond_image(names, environ)))


def _spellings(path: str) -> Iterator[str]:
    """Yield a path as dpkg may know it: packages name files below `/lib` and `/bin`, which are
    links into `/usr`."""
    yield path
    if path.startswith("/usr/"):
        yield path[4:]


def _beyond_image(names: Iterable[str], environ: Mapping[str, str]) -> Iterator[str]:
    wanted = sorted(name for name in names if not _OF_IMAGE.fullmatch(name))
    if wanted:
        answer = ask(
            ["dpkg-query", "-W", "-f", "${Package} ${Priority} ${Essential}\n", "--", *wanted],
            environ,
        )
        for line in answer.splitlines():
            # Most packages have no value in the field Essential.
            name, priority, essential = (*line.split(), "", "")[:3]
            if priority not in _ALWAYS and essential != "yes":
                yield name
