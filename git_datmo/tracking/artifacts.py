"""Keep tables, images, figures, texts, files and models of a training script as files of its run.

As `training.py`, it needs nothing but the standard library, and never makes the training fail.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import struct
import urllib.parse
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from git_datmo.tracking.run_logger import shown
from git_datmo.tracking.training import active

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NAME_BYTES = 150
# Errors of a disk that takes no more.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})


def log_text(name: str, text: str) -> None:
    """Keep a text as `texts/NAME.txt`."""
    _keep("texts", name, ".txt", lambda path: _write(path, str(text).encode("utf-8", "replace")))


def log_table(name: str, table: Any, columns: Sequence[str] | None = None) -> None:
    """Keep a table as `tables/NAME.json`, a JSON object with `columns` and `rows`.

    `table` is a data frame, a mapping of columns, a list of mappings, or a list of rows for
    `columns`.
    """

    def write(path: str) -> None:
        names, rows = _table(table, columns)
        text = json.dumps({"columns": names, "rows": rows}, default=str)
        _write(path, text.encode("utf-8", "replace"))

    _keep("tables", name, ".json", write)


def log_image(name: str, image: Any) -> None:
    """Keep an image as `images/NAME.png`, or with the suffix of its file.

    `image` is a path, an image of Pillow, or an array of height, width and channels (none, 1, 3 or
    4): whole numbers from 0 to 255, or fractions from 0 to 1.
    """
    if isinstance(image, (str, os.PathLike)):
        _keep(
            "images", name, os.path.splitext(os.fspath(image))[1], lambda path: _copy(image, path)
        )
    elif hasattr(image, "save"):
        _keep("images", name, ".png", lambda path: image.save(path, format="PNG"))
    else:
        _keep("images", name, ".png", lambda path: _write(path, _png(image)))


def log_figure(name: str, figure: Any) -> None:
    """Keep a figure: of matplotlib as `figures/NAME.png`, of plotly as `figures/NAME.html`."""
    if hasattr(figure, "write_html"):
        _keep("figures", name, ".html", figure.write_html)
    else:
        _keep("figures", name, ".png", lambda path: figure.savefig(path, format="png"))


def log_artifact(path: str | os.PathLike[str], name: str | None = None) -> None:
    """Keep a copy of a file or folder as `files/NAME`."""
    if name is None and isinstance(path, (str, os.PathLike)):
        name = os.path.basename(os.path.normpath(os.fspath(path)))
    _keep("files", name or "file", "", lambda target: _copy(path, target))


def keep_file(name: str, content: bytes) -> None:
    """Keep `files/NAME` with a content."""
    _keep("files", name, "", lambda path: _write(path, content))


def log_model(model: Any, name: str = "model") -> None:
    """Keep a model as `models/NAME`: a path, or an object.

    An object with `save_pretrained` writes itself into a folder. Of one with `state_dict`, torch
    saves the state. Any other one is pickled.
    """
    if isinstance(model, (str, os.PathLike)):
        suffix = os.path.splitext(os.fspath(model))[1]
        _keep("models", name, suffix, lambda path: _copy(model, path))
    elif hasattr(model, "save_pretrained"):
        _keep("models", name, "", model.save_pretrained)
    elif hasattr(model, "state_dict"):
        _keep("models", name, ".pt", lambda path: _save_state(model, path))
    else:
        _keep("models", name, ".pkl", lambda path: _pickle(model, path))


def file_name(name: str, suffix: str = "") -> str:
    """Return a file name for any text; it is the text itself if that is harmless."""
    # A slash is quoted, so that no name leads out of its folder.
    quoted = urllib.parse.quote(name.encode("utf-8", "replace"), safe=" -_.()+=,@")
    if (
        quoted.startswith(".")
        or len(quoted) > NAME_BYTES
        or quoted.endswith((" ", "."))
        or not quoted
    ):
        digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
        quoted = f"{quoted.strip('. ')[:NAME_BYTES]}-{digest}"
    return quoted + (suffix if suffix.isprintable() and "/" not in suffix else "")


def _keep(kind: str, name: str, suffix: str, write: Callable[[str], object]) -> None:
    """Have `write` make the artifact, and warn if it fails."""
    run = active()
    folder = run.artifacts_folder()
    if folder is None:
        return
    try:
        path = os.path.join(folder, kind, file_name(str(name), suffix))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        write(path)
    except Exception as error:  # whatever a library raises, the training goes on
        # A full disk ends the journal, too, and one warning is enough for both.
        is_last = isinstance(error, OSError) and error.errno in _FULL
        run.warn(f"the artifact {shown(name)} is not logged: {shown(error)}", is_last=is_last)


def _write(path: str, content: bytes) -> None:
    """Write a file."""
    with open(path, "wb") as file:
        file.write(content)


def _copy(source: str | os.PathLike[str], target: str) -> None:
    """Copy a file or folder; an earlier artifact of the name is replaced."""
    if os.path.isdir(source):
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)


def _pickle(model: Any, path: str) -> None:
    """Pickle an object."""
    import pickle

    with open(path, "wb") as file:
        pickle.dump(model, file)


def _save_state(model: Any, path: str) -> None:
    """Save the state of a model of torch."""
    import importlib

    importlib.import_module("torch").save(model.state_dict(), path)


def _table(table: Any, columns: Sequence[str] | None) -> tuple[list[str], list[list[Any]]]:
    """Return the names of the columns, and the rows."""
    # Data frames of pandas and polars have these attributes. Neither library is imported.
    if hasattr(table, "to_dict") and hasattr(table, "columns"):
        return list(map(str, table.columns)), _of_columns([table[name] for name in table.columns])
    if isinstance(table, dict):
        return list(map(str, table)), _of_columns(table.values())
    rows = list(table)
    if columns is None and rows and isinstance(rows[0], dict):
        keys = dict.fromkeys(key for row in rows for key in row)
        return list(map(str, keys)), [_scalars(map(row.get, keys)) for row in rows]
    width = max(map(len, rows), default=0)
    return list(map(str, columns or range(width))), list(map(_scalars, rows))


def _of_columns(columns: Iterable[Any]) -> list[list[Any]]:
    """Return the rows of a table that is given by its columns."""
    return list(map(_scalars, _rows(list(map(list, columns)))))


def _scalars(row: Iterable[Any]) -> list[Any]:
    return list(map(_scalar, row))


def _rows(columns: Iterable[Any]) -> Iterable[tuple[Any, ...]]:
    """Return columns as rows, as many as the shortest column has."""
    return zip(*columns)


def _scalar(value: Any) -> Any:
    """Return a value as JSON can express it."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def _png(image: Any) -> bytes:
    """Return an array as PNG, without any library."""
    rows = image.tolist() if hasattr(image, "tolist") else image
    is_gray = not isinstance(rows[0][0], (list, tuple))
    pixels = [[[value] if is_gray else list(value) for value in row] for row in rows]
    depth = len(pixels[0][0])
    largest = max(value for row in pixels for pixel in row for value in pixel)
    is_fraction = any(isinstance(value, float) for value in pixels[0][0]) and largest <= 1
    scale = 255 if is_fraction else 1
    lines = (
        # A line of a PNG begins with its filter type, 0 for none (PNG specification, section 9).
        bytes([0, *(min(max(round(value * scale), 0), 255) for pixel in row for value in pixel)])
        for row in pixels
    )
    # Colour types of the PNG specification: grey, RGB, and RGB with alpha.
    colour = {1: 0, 3: 2, 4: 6}[depth]
    head = struct.pack(">IIBBBBB", len(pixels[0]), len(pixels), 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(b"".join(lines))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
