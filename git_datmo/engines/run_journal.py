"""Read the observer's journals: the files, programs and libraries that a run used.

A line is a code, a blank and a path. In the path '%', tab and line end are percent-encoded.

- `p`, `f`: a Python process started, by itself or by a fork. Instead of a path, the line has
  its pid, the parent's pid, its executable and its prefix, separated by tabs;
- `r`, `w`: a file was opened for reading or for writing;
- `d`, `l`: a path was removed, or a folder was listed;
- `x`: a program was started;
- `e`: a package with extension modules was imported;
- `m`: a shared library was in use;
- `z`: the process ended normally.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from git_datmo.permissions import create_file, make_folder

VARIABLE = "GIT_DATMO_JOURNAL"
TRACKING = "GIT_DATMO_TRACKING"
RUN = "GIT_DATMO_RUN"
STOP = "stop"
"""Name of a file in a run's folder, which exists if a person asked for the end of the run."""
OBSERVER, JOURNALS, CALLS, PACKAGE = "observer", "journals", "calls", "package"

_ESCAPED = re.compile(rb"%([0-9A-F]{2})")
_BYTECODE = re.compile(rb"(.*/|)__pycache__/([^/]+?)\.[^/.]+(?:\.opt-[12])?\.pyc\Z", re.DOTALL)
_PYTHON = re.compile(rb"(?:.*/)?(?:python|pypy)[0-9.]*\Z", re.DOTALL)

# Packages whose extension modules open files only through Python, so that the observer sees it.
# Extension modules of all other packages may open files unobserved.
READ_BY_PYTHON = frozenset(
    {"_yaml", "numpy", "pandas", "scipy", "sklearn", "psutil"}
    | {
        "PIL",
        "charset_normalizer",
        "contourpy",
        "joblib",
        "kiwisolver",
        "markupsafe",
        "matplotlib",
        "regex",
        "yaml",
    }
)


@dataclass(slots=True)
class JournalledProcess:
    """A Python process that was observed. Paths are absolute, as the process saw them."""

    pid: int
    parent: int
    executable: str
    prefix: str
    forked: bool
    read: set[bytes] = field(default_factory=set)
    written: set[bytes] = field(default_factory=set)
    removed: set[bytes] = field(default_factory=set)
    listed: set[bytes] = field(default_factory=set)
    programs: list[bytes] = field(default_factory=list)
    extensions: set[str] = field(default_factory=set)
    libraries: set[bytes] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Observed:
    """The events of all observed processes of a run."""

    processes: tuple[JournalledProcess, ...] = ()

    @property
    def written(self) -> set[bytes]:
        """Return the files that were opened for writing, or created in another way."""
        return {path for process in self.processes for path in process.written}

    @property
    def read(self) -> set[bytes]:
        """Return the files that were opened for reading. Bytecode counts as its source."""
        return {source_of(path) for process in self.processes for path in process.read}

    @property
    def listed(self) -> set[bytes]:
        """Return the folders that were listed."""
        return {path for process in self.processes for path in process.listed}

    @property
    def programs(self) -> set[bytes]:
        """Return the programs that were started, as they were named."""
        return {path for process in self.processes for path in process.programs}

    @property
    def libraries(self) -> set[bytes]:
        """Return the shared libraries that were in use outside of environments."""
        return {path for process in self.processes for path in process.libraries}

    def is_complete(self, starter: int) -> bool:
        """Return True if no file can have been opened unobserved.

        `starter` is the parent of the run's first process. Every started program must be a Python
        with a journal. Every imported extension module must open files only through Python.
        """
        begun = [process for process in self.processes if not process.forked]
        if not any(process.parent == starter for process in begun):
            return False
        started = [program for process in self.processes for program in process.programs]
        # Beside the first process, every started Python must have left a journal of its own.
        if not all(_PYTHON.match(program) for program in started) or len(begun) != 1 + len(started):
            return False
        return all(process.extensions <= READ_BY_PYTHON for process in self.processes)

    def interpreter(self, root: bytes) -> str | None:
        """Return the Python executable that used most files below `root`; None if none used any.

        Sources count before other files.
        """
        used: dict[str, tuple[int, int]] = {}
        for process in self.processes:
            inside = [
                path for path in process.read | process.written if path.startswith(root + b"/")
            ]
            sources = sum(source_of(path).endswith(b".py") for path in inside)
            before = used.get(process.executable, (0, 0))
            used[process.executable] = (before[0] + sources, before[1] + len(inside))
        best = max(used, key=lambda each: used[each], default="")
        return best if best and used[best] > (0, 0) else None


def source_of(path: bytes) -> bytes:
    """Return the path of the source of a bytecode file; any other path unchanged."""
    found = _BYTECODE.match(path)
    return found[1] + found[2] + b".py" if found else path


def is_python(program: bytes) -> bool:
    """Return True if a name or path is that of a Python interpreter."""
    return _PYTHON.match(program) is not None


def prepare_journal(folder: Path) -> None:
    """Create the folder of a run's journals.

    It also contains the observer, so that a container needs only one mount. If git-datmo is not
    installed, training scripts import `git_datmo` from a copy in this folder.
    """
    for name in (JOURNALS, CALLS, f"{PACKAGE}/git_datmo/tracking"):
        make_folder(folder / name)
    source = Path(__file__).with_name("observer") / "sitecustomize.py"
    _copy(source, folder / OBSERVER / source.name)
    ours = Path(__file__).parents[1]
    for path in (ours / "__init__.py", *(ours / "tracking").glob("*.py")):
        _copy(path, folder / PACKAGE / "git_datmo" / path.relative_to(ours))


def _copy(source: Path, target: Path) -> None:
    """Copy a file of this package into a run's folder, which needs to survive no crash."""
    make_folder(target.parent)
    fd = create_file(target)
    try:
        os.write(fd, source.read_bytes())
    finally:
        os.close(fd)


def observing_variables(environ: Mapping[str, str], folder: PurePath, run: str) -> dict[str, str]:
    """Return the variables by which a Python and its children write journals into `folder`.

    `GIT_DATMO_TRACKING` names the folder for what training scripts log. `GIT_DATMO_RUN` is the id
    `run`. It is the same in a container, where the folder has another path.

    The observer becomes the first folder of PYTHONPATH.
    """
    before, observer = environ.get("PYTHONPATH"), str(folder / OBSERVER)
    return {
        "PYTHONPATH": f"{observer}{os.pathsep}{before}" if before else observer,
        VARIABLE: str(folder / JOURNALS),
        TRACKING: str(folder),
        RUN: run,
    }


def is_asked_to_stop(folder: Path | None) -> bool:
    """Return True if `git datmo stop` asked for the end of the run with this folder."""
    return folder is not None and (folder / STOP).exists()


def read_journals(folder: Path) -> Observed:
    """Read all journals in a run's folder. Damaged or incomplete lines are skipped."""
    processes, journals = [], folder / JOURNALS
    for name in sorted(os.listdir(journals)) if journals.is_dir() else []:
        try:
            lines = (journals / name).read_bytes().split(b"\n")
        except OSError:
            continue
        process = _read(lines)
        if process is not None:
            processes.append(process)
    return Observed(tuple(processes))


def _read(lines: Iterable[bytes]) -> JournalledProcess | None:
    """Return the process of a journal; None if the journal does not name it."""
    process: JournalledProcess | None = None
    for line in lines:
        code, text = line[:1], line[2:]
        if code in (b"p", b"f"):
            process = _begin(code, text) or process
        elif process is not None:
            _note(process, code, _unescaped(text))
    return process


def _begin(code: bytes, text: bytes) -> JournalledProcess | None:
    """Return the process that a `p` or `f` line describes; None if the line is damaged."""
    words = [os.fsdecode(_unescaped(word)) for word in text.split(b"\t")]
    if len(words) != 4 or not (words[0].isdigit() and words[1].isdigit()):
        return None
    return JournalledProcess(int(words[0]), int(words[1]), words[2], words[3], forked=code == b"f")


def _note(process: JournalledProcess, code: bytes, path: bytes) -> None:
    """Add an event to a process."""
    kinds = {b"r": process.read, b"w": process.written, b"d": process.removed, b"l": process.listed}
    if code in kinds:
        kinds[code].add(path)
    elif code == b"x":
        process.programs.append(path)
    elif code == b"e":
        process.extensions.add(os.fsdecode(path))
    elif code == b"m":
        process.libraries.add(path)


def _unescaped(text: bytes) -> bytes:
    """Decode percent-encoding."""
    return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), text)
