"""Journal the files that this Python opens and the programs that it starts.

It runs in the user's interpreter (3.8 or later). PYTHONPATH begins with this folder, and children
inherit it. Each process writes an append-only file in the folder that `GIT_DATMO_JOURNAL` names,
with a line per event and an unbuffered write per line. `run_journal.py` describes the lines. It
must never fail, and must leave the interpreter as it would be without it.
"""

from __future__ import annotations

import os
import sys
import time


def _escaped(path: str | bytes) -> bytes:
    """Return a path with '%', line end and tab percent-encoded."""
    raw = os.fsencode(path)
    return raw.replace(b"%", b"%25").replace(b"\n", b"%0A").replace(b"\t", b"%09")


class _Journal:
    """The journal of a process. A forked child starts its own."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.seen: set[object] = set()
        self.popen: object = None
        self.cwd: str | None = None
        self.fd = -1
        roots = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
        roots.update([os.path.realpath(root) for root in roots])
        # Only `lib` below each prefix is skipped: '/' or '/usr' as a prefix also contains other
        # files. The recorded packages cover `lib`.
        self.own = (*[root.rstrip("/") + "/lib" for root in roots], "/proc/", "/sys/", "/dev/")
        self.start(b"p")

    def start(self, code: bytes) -> None:
        """Open a new journal, and write the line that describes the process."""
        name = f"{os.getpid()}.{time.monotonic_ns()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        # If the next line fails in a forked child, the child must not write to its parent's
        # journal.
        self.fd = -1
        self.fd = os.open(os.path.join(self.folder, name), flags, 0o644)
        self.seen.clear()
        words = (str(os.getpid()), str(os.getppid()), sys.executable or "", sys.prefix)
        self.write(code, b"\t".join([_escaped(word) for word in words]))

    def write(self, code: bytes, text: bytes) -> None:
        """Write a line at once. Lines are lost while no journal is open."""
        if self.fd >= 0:
            os.write(self.fd, code + b" " + text + b"\n")

    def note(self, code: bytes, path: str | bytes | int | None) -> None:
        """Write an event once, with an absolute path.

        Reads of packages and system files are left out.
        """
        if path is None:
            path = "."
        if isinstance(path, int):
            return
        key = (code, path)
        if key in self.seen:
            return
        self.seen.add(key)
        path = os.fsdecode(path)
        if path[:1] != "/":
            if self.cwd is None:
                self.cwd = os.getcwd()
            path = os.path.normpath(os.path.join(self.cwd, path))
        if code in (b"r", b"l") and (path.startswith(self.own) or "-packages/" in path):
            return
        self.write(code, _escaped(path))

    def on_open(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note a file that is opened for reading or writing.

        The access mode is in the two lowest bits of the flags.
        """
        self.note(b"w" if args[2] & 3 else b"r", args[0])

    def on_rename(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note a rename as a removed and a written path."""
        self.note(b"d", args[0])
        self.note(b"w", args[1])

    def on_import(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note the package of an imported extension module."""
        # The event names a file only for extension modules. An event per package is enough.
        name, path = args[0], args[1]
        if path and "lib-dynload" not in path:
            top = name.partition(".")[0]
            if top not in self.seen:
                self.seen.add(top)
                self.write(b"e", _escaped(top))

    def on_start(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note a started program; without an executable, the first word of its command."""
        self.program(args[0] if args[0] is not None else args[1])

    def on_popen(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note a program that `subprocess` starts."""
        self.popen = args[0]
        self.on_start(args)

    def on_spawn(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note a program that `posix_spawn` starts, unless `subprocess` has just reported it."""
        # `subprocess` starts some programs with `posix_spawn`, after it has reported them.
        if args[0] != self.popen:
            self.on_start(args)
        self.popen = None

    def on_system(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Note that a shell is started."""
        self.program("sh")

    def program(self, words: str | bytes | list[str] | tuple[str, ...]) -> None:
        """Write the event of a started program."""
        if isinstance(words, (list, tuple)):
            words = words[0]
        self.write(b"x", _escaped(words))

    def on_chdir(self, args: tuple) -> None:  # type: ignore[type-arg]
        """Forget the current folder and the seen paths.

        After a change of folder, a relative path names another file.
        """
        self.cwd = None
        self.seen.clear()

    def on_exit(self) -> None:
        """Write the shared libraries in use outside of the environment, and the final line."""
        try:
            with open("/proc/self/maps", "rb") as maps:
                paths = {
                    line[line.index(b"/") :].rstrip()
                    for line in maps
                    if b"/" in line and b".so" in line
                }
            paths = {path for path in paths if b"-packages/" not in path}
        except (OSError, ValueError):
            paths = set()
        for path in sorted(paths):
            if not os.fsdecode(path).startswith(self.own):
                self.write(b"m", _escaped(path))
        self.write(b"z", b"")


def _begin(folder: str) -> None:
    """Open the journal, and install the audit hook (PEP 578).

    An audit hook that raises would make the user's call fail, so errors are ignored.
    """
    import atexit

    journal = _Journal(folder)
    handlers = {
        "open": journal.on_open,
        "import": journal.on_import,
        "os.rename": journal.on_rename,
        "os.link": lambda args: journal.note(b"w", args[1]),
        "os.symlink": lambda args: journal.note(b"w", args[1]),
        "os.truncate": lambda args: journal.note(b"w", args[0]),
        "os.remove": lambda args: journal.note(b"d", args[0]),
        "os.listdir": lambda args: journal.note(b"l", args[0]),
        "os.scandir": lambda args: journal.note(b"l", args[0]),
        # SQLite opens its files in C, so Python reports no event `open` for them.
        "sqlite3.connect": lambda args: journal.note(b"w", args[0]),
        "os.chdir": journal.on_chdir,
        "subprocess.Popen": journal.on_popen,
        "os.exec": journal.on_start,
        "os.posix_spawn": journal.on_spawn,
        "os.system": journal.on_system,
    }
    find = handlers.get

    def hook(event: str, args: tuple) -> None:  # type: ignore[type-arg]
        handler = find(event)
        if handler is not None:
            try:
                handler(args)
            except Exception:
                pass

    os.register_at_fork(after_in_child=lambda: journal.start(b"f"))
    atexit.register(journal.on_exit)
    sys.addaudithook(hook)


def _give_way(own: str) -> None:
    """Remove this folder from the path, and load the `sitecustomize` that it hides."""
    # The frozen modules are already loaded. Importing `importlib.util` would take milliseconds.
    from _frozen_importlib import module_from_spec
    from _frozen_importlib_external import PathFinder

    sys.path[:] = [path for path in sys.path if path != own]
    spec = PathFinder.find_spec("sitecustomize")
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


class _LastResort:
    """Finds `git_datmo` for a training script where no git-datmo is installed."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def find_spec(self, name: str, path: object = None, target: object = None) -> object:
        """Return the module that lies in the run's folder; None for any other name."""
        if name != "git_datmo":
            return None
        from _frozen_importlib_external import PathFinder

        return PathFinder.find_spec(name, [self.folder])


def _begin_autolog() -> None:
    """Log trainings of this process, as `datmo.autolog()` does."""
    from importlib import import_module

    import_module("git_datmo").autolog()


if __name__ == "sitecustomize":
    try:
        if os.environ.get("GIT_DATMO_TRACKING"):
            package = os.path.join(os.environ["GIT_DATMO_TRACKING"], "package")
            sys.meta_path.append(_LastResort(package))  # type: ignore[arg-type]
            if os.environ.get("GIT_DATMO_AUTOLOG"):
                _begin_autolog()
        if os.environ.get("GIT_DATMO_JOURNAL"):
            _begin(os.environ["GIT_DATMO_JOURNAL"])
    except Exception:
        pass
    _give_way(os.path.dirname(__file__))
