"""Find the interpreter of a command, and ask it for the installed packages."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from git_datmo.environments.conda import Installed, read_installed
from git_datmo.environments.probe_cache import ProbeCache
from git_datmo.errors import DatmoError
from git_datmo.redact import hide_passwords

SECONDS = 120
_PYTHON = re.compile(r"(?:python|pypy)[0-9.]*\Z")
_MARK = b"git-datmo-probe:"


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a distribution that is not from an index (PEP 610).

    `reference` is a pip requirement (`git+URL@COMMIT`, an archive's URL) without credentials. It is
    '' for an origin on this machine; `folder` is then its absolute path, or '' for a file. An
    `editable` distribution is imported from that folder.
    """

    kind: Literal["vcs", "archive", "folder"]
    reference: str = ""
    folder: str = ""
    editable: bool = False


@dataclass(frozen=True, slots=True)
class Distribution:
    """An installed package. `requires` are the names that it needs in this environment, extras
    included.

    `requested` says that a person installed it, or that the installer does not record this.
    `vendor` says that it belongs to the operating system. `modules` are its import names.
    `metadata` is the folder of its metadata.
    """

    name: str
    version: str
    requested: bool = True
    vendor: bool = False
    requires: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    origin: Origin | None = None
    metadata: str = field(default="", compare=False)
    built: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Probe:
    """The answer of an interpreter: `implementation` is `cpython` or `pypy`, `version` is like
    `3.11.7`.

    `conda` lists the conda packages of its environment, those with distributions included.
    """

    implementation: str
    version: str
    distributions: tuple[Distribution, ...] = ()
    executable: str = ""
    conda: tuple[Installed, ...] = ()


def normalise(name: str) -> str:
    """Return a package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_interpreter(command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> str | None:
    """Return the Python that `command` would run in.

    Candidates in order: the command itself, its script's, one of its words, the active
    environment's, PATH's.
    """
    path = environ.get("PATH", os.defpath)
    program = _which(command[0], path, cwd) if command else None
    if program and _is_python(program):
        return program
    if program and (found := _script_interpreter(program, path, cwd)):
        return found
    for word in command[1:]:  # behind `env`, `nice`, `time`
        if _is_python(word) and (found := _which(word, path, cwd)):
            return found
    if (active := environ.get("VIRTUAL_ENV")) and (
        found := _which(os.path.join(active, "bin", "python"), path, cwd)
    ):
        return found
    return _which("python3", path, cwd) or _which("python", path, cwd)


def _is_python(program: str) -> bool:
    return _PYTHON.match(os.path.basename(program)) is not None


def _which(program: str, path: str, cwd: Path) -> str | None:
    if os.sep in program:
        full = os.path.join(cwd, program)
        return full if os.path.isfile(full) and os.access(full, os.X_OK) else None
    # Relative folders of PATH start at the command's working folder.
    folders = (os.path.join(cwd, folder) for folder in path.split(os.pathsep))
    return shutil.which(program, path=os.pathsep.join(folders))


def _script_interpreter(script: str, path: str, cwd: Path) -> str | None:
    """Return the Python of a script's `#!` line, through `env` or pip's `sh` wrapper for long
    paths."""
    try:
        with open(script, "rb") as file:
            lines = os.fsdecode(file.read(4096)).splitlines()
    except OSError:
        return None
    if not lines or not lines[0].startswith("#!"):
        return None
    words = _interpreter_words(lines)
    if words and os.path.basename(words[0]) == "env":
        # `env` can have options and assignments before the program.
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return _which(words[0], path, cwd) if words and _is_python(words[0]) else None


def _interpreter_words(lines: Sequence[str]) -> list[str]:
    """Return the words that start a script's interpreter; none if they cannot be read.

    The kernel limits the length of a `#!` line. Pip's wrapper is a shell script whose second line
    runs Python, and a string literal for Python itself.
    """
    words = lines[0][2:].split()
    if words[:1] != ["/bin/sh"] or len(lines) < 2 or not lines[1].startswith("'''exec'"):
        return words
    try:
        return shlex.split(lines[1].removeprefix("'''exec'"))
    except ValueError:
        return []


@dataclass(slots=True)
class Probing:
    """An interpreter that is being asked. As a context manager, it ends a child whose answer was
    not read.

    `keep` is called with the line of a complete answer.
    """

    interpreter: str
    _child: subprocess.Popen[bytes]
    _keep: Callable[[bytes], None] = field(default=lambda _: None)

    def answer(self) -> Probe:
        """Wait for the answer. Raises `DatmoError` where there is none."""
        try:
            said, complained = self._child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired as e:
            raise DatmoError(
                f"cannot ask '{self.interpreter}' for its packages: no answer in {SECONDS} s"
            ) from e
        found = read_answer(said)
        if self._child.returncode or found is None:
            lines = complained.decode("utf-8", "replace").strip().splitlines()
            reason = lines[-1] if lines else f"exit status {self._child.returncode}"
            raise DatmoError(
                f"cannot ask '{self.interpreter}' for its packages: {reason}",
                "git-datmo needs Python 3.8+",
            )
        self._keep(_answer_line(said))
        return found

    def __enter__(self) -> Probing:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            self._child.kill()
        with self._child:
            pass


@dataclass(frozen=True, slots=True)
class Answered:
    """An interpreter whose cached answer is valid. It is used as a `Probing` is."""

    interpreter: str
    _answer: Probe

    def answer(self) -> Probe:
        """Return the cached answer."""
        return self._answer

    def __enter__(self) -> Answered:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: there is no child."""


def begin_cached_probe(
    interpreter: str, environ: Mapping[str, str], cwd: Path, cache: ProbeCache
) -> Probing | Answered:
    """Start to ask an interpreter, unless its cached answer is valid."""
    said = cache.find(interpreter, environ, cwd)
    found = read_answer(said) if said is not None else None
    if found is not None:
        return Answered(interpreter, found)
    began = time.time()

    def keep(said: bytes) -> None:
        cache.keep(interpreter, environ, cwd, said, began)

    return begin_probe(interpreter, environ, cwd=cwd, keep=keep)


def begin_probe(
    interpreter: str,
    environ: Mapping[str, str],
    *,
    cwd: Path | None = None,
    keep: Callable[[bytes], None] = lambda _: None,
) -> Probing:
    """Start to ask `interpreter` what it is and what is installed in it, by one child in `cwd`.

    `keep` is called with the line of a complete answer.
    """
    # The answer is read as UTF-8, whatever the locale of the command.
    env = {**environ, "PYTHONIOENCODING": "utf-8"}
    # A start-up file of the user's could print something, or change what is found.
    env.pop("PYTHONSTARTUP", None)
    argv, pipe = [interpreter, "-c", inventory_program()], subprocess.PIPE
    try:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=env, cwd=cwd
        )
    except OSError as e:
        raise DatmoError(f"cannot ask '{interpreter}' for its packages: {e.strerror}") from e
    return Probing(interpreter, child, keep)


def probe(interpreter: str, environ: Mapping[str, str], *, cwd: Path | None = None) -> Probe:
    """Ask an interpreter for its version and packages, by a child started in `cwd`."""
    with begin_probe(interpreter, environ, cwd=cwd) as probing:
        return probing.answer()


def inventory_program() -> str:
    """Return the program that reports a Python's packages; it needs the standard library alone."""
    return Path(__file__).with_name("inventory.py").read_text(encoding="utf-8")


def read_answer(said: bytes) -> Probe | None:
    """Parse the output of that program; None if it did not finish."""
    line = _answer_line(said)
    try:
        return _probe_of(json.loads(line[len(_MARK) :])) if line else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _answer_line(said: bytes) -> bytes:
    """Return the last line that has the answer; b"" if there is none."""
    # A start-up file can print lines of its own.
    answers = [line for line in said.splitlines() if line.startswith(_MARK)]
    return answers[-1] if answers else b""


def _probe_of(answer: Mapping[str, Any]) -> Probe:
    distributions = tuple(
        Distribution(
            name=known["name"],
            version=known["version"],
            requested=known["requested"],
            vendor=known["vendor"],
            requires=tuple(known["requires"]),
            modules=tuple(known["modules"]),
            origin=origin_of(known["direct_url"]),
            metadata=known["metadata"],
            built=known["built"],
        )
        for known in answer["distributions"]
    )
    conda = read_installed(answer["conda"])
    return Probe(
        answer["implementation"], answer["version"], distributions, answer["executable"], conda
    )


def origin_of(direct_url: object) -> Origin | None:
    """Return the origin in a `direct_url.json`; None for any other document."""
    if not isinstance(direct_url, dict) or not isinstance(url := direct_url.get("url"), str):
        return None
    parts = urlsplit(url)
    local = parts.scheme in {"", "file"}
    subdirectory = direct_url.get("subdirectory")
    fragment = (
        f"#subdirectory={subdirectory}" if isinstance(subdirectory, str) and subdirectory else ""
    )
    match direct_url:
        case {"vcs_info": {"vcs": str(vcs), "commit_id": str(commit)}}:
            return Origin("vcs", "" if local else f"{vcs}+{hide_passwords(url)}@{commit}{fragment}")
        case {"dir_info": dict(info)} if local:
            return Origin(
                "folder",
                folder=os.path.realpath(unquote(parts.path)),
                editable=bool(info.get("editable")),
            )
        case {"archive_info": dict(info)}:
            # `hash` is the older key, with the algorithm before an equals sign (PEP 610).
            digest = (info.get("hashes") or {}).get("sha256") or str(
                info.get("hash", "")
            ).removeprefix("sha256=")
            # An equals sign is left if the algorithm is not SHA-256.
            pinned = f"#sha256={digest}" if digest and "=" not in digest else ""
            return Origin("archive", "" if local else f"{hide_passwords(url)}{pinned}")
    return None
