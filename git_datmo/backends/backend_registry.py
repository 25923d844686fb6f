"""Open the files of a storage backend by the scheme of its URL.

Another package adds a backend by an entry point of the group `git_datmo.backends`, whose name is
the scheme and whose object is a `BackendKind`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from git_datmo.backends.file_backend import Files, Unreachable

GROUP = "git_datmo.backends"
# Schemes that other packages cannot replace.
BUILT_IN = frozenset({"file", "s3", "s3a", "sftp"})


@dataclass(frozen=True, slots=True)
class BackendKind:
    """Backend for URLs of a scheme.

    `open` gets the URL and the name of the object format, `sha1` or `sha256`. Files of different
    object formats are kept apart. It raises `Unreachable` if the backend does not respond.
    """

    scheme: str
    open: Callable[[str, str], Files]


def open_files(url: str, form: str) -> Files:
    """Open the files at a URL with a scheme.

    A scheme without an entry point is left to fsspec. `form` is the name of the object format.
    """
    scheme = url.partition("://")[0]
    kind = None if scheme in BUILT_IN else _from_package(scheme)
    if kind is not None:
        return kind.open(url, form)
    from git_datmo.backends.fsspec_backend import FileSystemFiles

    return FileSystemFiles(url, form)


def _from_package(scheme: str) -> BackendKind | None:
    """Return the backend that another package adds for a scheme, or None.

    Raises `Unreachable` if that package cannot be imported.
    """
    # Imported late, since it takes long and most commands need no backend.
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=scheme):
        try:
            kind = point.load()
        except (ImportError, AttributeError) as error:
            raise Unreachable(
                f"the package with the backend for '{scheme}://' cannot be imported: {error}",
                f"install '{point.module.partition('.')[0]}' again, with what it needs",
            ) from error
        if isinstance(kind, BackendKind):
            return kind
    return None
