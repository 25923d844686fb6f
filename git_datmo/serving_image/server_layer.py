"""Collect the files of the server: git-datmo itself and the libraries of the extra `serve`.

They lie in a folder of their own, which the environment of the model does not see. Compiled
modules are left out, so the files run on each Python that the libraries support.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import git_datmo
from git_datmo.errors import UsageError
from git_datmo.oci.layer_archive import BytesSource, DiskSource, LayerFile
from git_datmo.serving_image.image_paths import OLDEST, SITE, START

# The libraries that the server imports, and the requirements of each, are put into the image.
_ROOTS = ("starlette", "uvicorn", "PyYAML", "exceptiongroup")
_KEPT = (".py", ".json", ".typed")

# Started with `-I -S`: the environment's own packages are not on the path.
_START = f"""\
import sys

if sys.version_info < {OLDEST}:
    sys.exit("the server needs Python {OLDEST[0]}.{OLDEST[1]} or newer in the image")
sys.path.append({SITE!r})

from git_datmo.serving_image.start_in_image import main

sys.exit(main())
"""


def server_files() -> Iterator[LayerFile]:
    """Yield the files of the server; raise `UsageError` if a library is not installed."""
    yield LayerFile(START, BytesSource(_START.encode()))
    package = Path(git_datmo.__file__).parent
    for path in sorted(package.rglob("*")):
        if path.is_file() and path.suffix in _KEPT:
            name = path.relative_to(package.parent).as_posix()
            yield LayerFile(posixpath.join(SITE, name), DiskSource(path))
    for found in _distributions():
        yield from _library_files(found)


def _distributions() -> list[Distribution]:
    """Return the libraries and all that they require, by name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, Distribution] = {}
    waiting = list(_ROOTS)
    while waiting:
        # One library is required as `typing_extensions` and as `typing-extensions`.
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            raise UsageError(
                f"the server of an image needs the package '{name}'",
                "pip install 'git-datmo[serve]'",
            ) from None
        wanted = map(Requirement, found[name].requires or ())
        # Extras are optional, and requirements of other Pythons do not apply.
        waiting += [each.name for each in wanted if not each.marker or each.marker.evaluate()]
    return [found[name] for name in sorted(found)]


def _library_files(found: Distribution) -> Iterator[LayerFile]:
    """Yield the Python files of a library, without its programs and compiled modules."""
    for path in found.files or ():
        name = path.as_posix()
        if path.suffix in _KEPT and not name.startswith("../"):
            located = Path(str(found.locate_file(path)))
            yield LayerFile(posixpath.join(SITE, name), DiskSource(located))
