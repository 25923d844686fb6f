"""Capture the environment of a run: ask the command's interpreter, and store the answer as
files."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from git_datmo.environments.environment_files import Environment
from git_datmo.environments.environment_variables import allowed_variables
from git_datmo.environments.interpreter_probe import (
    Answered,
    Distribution,
    Probe,
    Probing,
    find_interpreter,
    normalise,
    probe,
)
from git_datmo.environments.local_build_indexes import (
    configured_indexes,
    is_local_build,
    requested_indexes,
    usual_index,
)
from git_datmo.environments.lock_contradictions import contradictions
from git_datmo.environments.lock_files import SIZE_LIMIT, is_lock, most_exact
from git_datmo.environments.locked_versions import Lock
from git_datmo.environments.manifest import INDEX, PROJECT_FILES
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.environments.probed_environment import make_environment
from git_datmo.environments.project_files import (
    APT_FILES,
    find_language,
    project_environment,
    read_apt,
)
from git_datmo.environments.user_packages import imported_modules, kept_distributions
from git_datmo.errors import Damaged
from git_datmo.model import Content
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_nodes import NodeKind
from git_datmo.payloads.local_packages import pack_local
from git_datmo.progress import QUIET
from git_datmo.redact import hide_passwords
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.masking import harmless_variables
from git_datmo.secrets.secret_rules import known_secrets
from git_datmo.worktree.path_capture import Capturer

# Room for local packages, of at most 64 MiB together, and for the text files of an environment.
FILE_LIMIT = 80 << 20
SOURCE_LIMIT = 1 << 20
SOURCES = (b".py", b".ipynb")


@dataclass(frozen=True, slots=True)
class FoundEnvironment:
    """An environment, its warnings, and the Debian packages that the repository requests."""

    environment: Environment
    warnings: tuple[str, ...]
    system: tuple[str, ...]
    built: tuple[Distribution, ...] = ()


@dataclass(frozen=True, slots=True)
class CapturedEnvironment:
    """A stored environment with its warnings."""

    content: Content
    warnings: tuple[str, ...] = ()
    system: tuple[str, ...] = ()
    built: tuple[Distribution, ...] = ()
    is_generated: bool = False


_Found: TypeAlias = "tuple[Environment, tuple[str, ...], tuple[Distribution, ...]]"
"""An environment, remarks, and the packages that were compiled on this machine."""


def variables_of(ws: Workspace) -> dict[str, str]:
    """Return the environment variables of a run: known ones, and those that `datmo.variable`
    names."""
    return allowed_variables(ws.environ, more=ws.repo.config.all("datmo.variable"))


def capture_environment(
    ws: Workspace,
    command: Sequence[str],
    *,
    pin: Callable[[Environment], Environment] | None = None,
    interpreter: str | None = None,
    probing: Probing | Answered | None = None,
) -> CapturedEnvironment | None:
    """Store the environment of a command; None without an interpreter or lock file.

    `pin` replaces base images by their digests for runs in an image. `interpreter` is the Python
    that was seen to run.
    """
    found = find_environment(ws, command, interpreter, probing)
    if found is None:
        return None
    environment = found.environment
    if pin is not None:
        environment = pin(environment)
    manifest = read_manifest(environment.files)
    generated = manifest.dockerfile == "generated" and not (
        manifest.is_foreign or manifest.is_of_conda
    )
    return CapturedEnvironment(
        _store(ws, environment), found.warnings, found.system, found.built, generated
    )


def find_environment(
    ws: Workspace,
    command: Sequence[str],
    interpreter: str | None = None,
    probing: Probing | Answered | None = None,
) -> FoundEnvironment | None:
    """Return the environment that `command` would run in now."""
    language = find_language(command)
    system = _system_packages(ws.root)
    # Environments are pushed, so no value that looks like a secret may enter them.
    variables, hidden = harmless_variables(variables_of(ws), known_secrets(ws.environ))
    found = _project(ws, language, variables, system) if language else None
    asked = found or _python(ws, command, variables, system, interpreter, probing)
    environment, warnings, built = asked or (None, (), ())
    return (
        FoundEnvironment(environment, (*hidden, *warnings), system, built)
        if environment is not None
        else None
    )


def _folders(ws: Workspace) -> Iterator[Path]:
    """Yield the folders that are searched for environment files: the current one, then the top."""
    yield from dict.fromkeys([ws.root / ws.repo.prefix, ws.root])


def _read(path: Path, limit: int = SIZE_LIMIT) -> bytes | None:
    return path.read_bytes() if path.is_file() and path.stat().st_size <= limit else None


def _dockerfile(root: Path) -> bytes | None:
    return _read(root / "Dockerfile")


def _system_packages(root: Path) -> tuple[str, ...]:
    for name in APT_FILES:
        content = _read(root / name)
        if content is not None:
            return read_apt(content)
    return ()


def _project(
    ws: Workspace, language: str, variables: Mapping[str, str], system: Sequence[str]
) -> _Found | None:
    for folder in _folders(ws):
        files = {
            name: content
            for name in PROJECT_FILES[language]
            if (content := _read(folder / name)) is not None
        }
        environment = project_environment(
            language,
            files,
            variables=variables,
            base_image=ws.repo.config.get("datmo.baseimage"),
            dockerfile=_dockerfile(ws.root),
            system=system,
        )
        if environment is not None:
            return environment, (), ()
    return None


def _python(
    ws: Workspace,
    command: Sequence[str],
    variables: Mapping[str, str],
    system: Sequence[str],
    interpreter: str | None,
    probing: Probing | Answered | None,
) -> _Found | None:
    folder = ws.root / ws.repo.prefix
    interpreter = interpreter or find_interpreter(command, ws.environ, folder)
    if interpreter is None:
        return None
    # The expected interpreter may have been asked earlier. Its answer does not count for another.
    begun = probing is not None and probing.interpreter == interpreter
    told = (
        probing.answer()
        if probing is not None and begun
        else probe(interpreter, ws.environ, cwd=folder)
    )
    imported = imported_modules(_sources(ws))
    kept = kept_distributions(told, imported=imported)
    archives, warnings = pack_local(ws, kept)
    lock = _lock(ws)
    of_index = [found for found in kept if found.origin is None]
    indexes, unknown = _indexes(ws, told, of_index, lock)
    environment = make_environment(
        told,
        repository=ws.root.resolve(),
        variables=variables,
        imported=imported,
        base_image=ws.repo.config.get("datmo.baseimage"),
        dockerfile=_dockerfile(ws.root),
        lock=lock,
        system=system,
        archives=archives,
        indexes=indexes,
    )
    built = tuple(found for found in of_index if found.built)
    return environment, (*warnings, *unknown, *_contradictions(lock, told)), built


def _indexes(
    ws: Workspace, told: Probe, kept: Sequence[Distribution], lock: Lock | None
) -> tuple[list[str], tuple[str, ...]]:
    """Return the indexes to ask beside the usual one, and a remark on builds without a known
    index."""
    # Environments are pushed, so the URLs in them have no passwords.
    given = [hide_passwords(url) for url in ws.repo.config.all("datmo.index")]
    by_conda = {name for each in told.conda for name in each.brings}
    # Conda's packages come from its channels, and no index has to be known for them.
    local = [
        each
        for each in kept
        if is_local_build(each.version) and normalise(each.name) not in by_conda
    ]
    usual = {each.name: usual_index(normalise(each.name), each.version) for each in local}
    named = [*given, *filter(None, usual.values())]
    # The usual index may not have these, so a rerun needs another index for them.
    rest = [each for each in local if not usual[each.name]]
    if not rest or given or _has_indexes(lock, rest):
        return named, ()
    found = _indexes_of_project(ws, told)
    if found:
        return [*named, *found], ()
    return named, (_remark_on_builds(rest),)


def _has_indexes(lock: Lock | None, builds: Sequence[Distribution]) -> bool:
    """Return True if the lock says from which indexes the builds come."""
    if lock is None:
        return False
    return bool(lock.indexes) or all(_has_index(lock, each) for each in builds)


def _indexes_of_project(ws: Workspace, probe: Probe) -> list[str]:
    """Return the indexes that requirements files and pip's configuration name."""
    paths = [path for folder in _folders(ws) for path in sorted(folder.glob("requirements*.txt"))]
    prefix = Path(probe.executable).parent.parent if probe.executable else None
    requested = requested_indexes(filter(None, map(_read, paths)))
    found = dict.fromkeys([*requested, *configured_indexes(ws.environ, prefix)])
    return [url for url in found if INDEX.match(url)]


def _remark_on_builds(builds: Sequence[Distribution]) -> str:
    first = f"'{builds[0].name} {builds[0].version}'"
    more = len(builds) - 1
    what = f"{first} and {more} more are builds" if more else f"{first} is a build"
    return (
        f"{what} that the usual index does not have: name its index with"
        " 'git config --add datmo.index URL', or a rerun cannot install it"
    )


def _has_index(lock: Lock, found: Distribution) -> bool:
    pin = lock.pin(normalise(found.name), found.version)
    return pin is not None and bool(pin.index)


def _lock(ws: Workspace) -> Lock | None:
    """Return the content of the most exact lock or project file nearest to the current folder."""
    for folder in _folders(ws):
        names = [name for name in os.listdir(folder) if is_lock(name)]
        lock = most_exact(
            {name: content for name in names if (content := _read(folder / name)) is not None}
        )
        if lock is not None:
            return lock
    return None


def _contradictions(lock: Lock | None, told: Probe) -> Iterator[str]:
    """Yield one line that names all packages whose version is not the locked one."""
    versions = {normalise(found.name): found.version for found in told.distributions}
    conda = {found.package.name: found.package.version for found in told.conda}
    found = contradictions(lock, versions, conda, told.version) if lock is not None else ()
    if lock is not None and found:
        first, rest = found[0], len(found) - 1
        here = f"is {first.installed} here" if first.installed else "is not installed here"
        more = f"; {rest} more differ{'s' if rest == 1 else ''}" if rest else ""
        yield (
            f"'{first.name}' {here}, but '{lock.path}' asks for {first.asked}{more}: recorded"
            " as installed"
        )


def _sources(ws: Workspace) -> Iterator[bytes]:
    """Yield the repository's own programs. The packages that they import are needed."""
    for path in ws.repo.git.run("ls-files", "-z", "-c", "-o", "--exclude-standard").split(b"\0"):
        full = os.path.join(os.fsencode(ws.root), path)
        text = read_source(full) if path.endswith(SOURCES) else None
        if text is not None:
            yield text


def read_source(path: bytes) -> bytes | None:
    """Return the text of a program of usual size; None for any other or missing file."""
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode) or info.st_size > SOURCE_LIMIT:
            return None
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _store(ws: Workspace, environment: Environment) -> Content:
    with tempfile.TemporaryDirectory(prefix="git-datmo-environment-") as scratch:
        folder = Path(scratch) / "environment"
        folder.mkdir()
        for name, content in environment.files.items():
            (folder / name).write_bytes(content)
        capturer = Capturer(ws.store, Path(scratch), ws.cache.edit(), QUIET)
        with ws.store.writer() as writer:
            return capturer.whole(folder.name, writer).content


def read_environment(ws: Workspace, content: Content) -> Environment:
    """Return a stored environment; raise `Incomplete` if it is missing, `Damaged` if it is
    invalid."""
    files = {}
    # The limit is for all files together, so that a hostile environment cannot fill the memory.
    room = FILE_LIMIT
    for name, node in read_folder(content.object, ws.store.read_tree):
        blobs = read_chunks(node.oid, ws.store.read_tree) if node.chunked else iter([node.oid])
        if node.kind is not NodeKind.FILE:
            raise Damaged(
                f"environment '{content.object}' holds something that is no part of an environment"
            )
        parts = []
        for blob in blobs:
            room -= ws.store.size(blob)
            if room < 0:
                raise Damaged(f"environment '{content.object}' is larger than {FILE_LIMIT} bytes")
            parts.append(ws.store.read(blob, "blob"))
        files[name.decode("utf-8", "replace")] = b"".join(parts)
    return Environment.of(files)
