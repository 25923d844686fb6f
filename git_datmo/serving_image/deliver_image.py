"""Write a served image to a file, or load it into the container engine of this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.oci.image_layout import OciImage, archive_pieces
from git_datmo.progress import Progress


def write_archive(image: OciImage, path: Path, names: Sequence[str]) -> None:
    """Write the image as a tar file that engines load; it appears when it is complete.

    Raises `DatmoError` if the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as file:
                for piece in archive_pieces(image, names):
                    file.write(piece)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DatmoError(
            f"cannot write '{path}': {error.strerror}", "name a file in a folder that exists"
        ) from error


def load_into_engine(
    image: OciImage, environ: Mapping[str, str], names: Sequence[str], progress: Progress
) -> str:
    """Load the image into the container engine, and return the engine's id of it.

    Raises `EngineMissing` if no engine answers, `DatmoError` if it refuses the image.
    """
    from git_datmo.engines.built_images import load_archive

    progress.begin("loading the image", sum(layer.size for layer in image.layers))
    try:
        return load_archive(environ, _counted(archive_pieces(image, names), progress))
    finally:
        progress.finish()


def _counted(pieces: Iterator[bytes], progress: Progress) -> Iterator[bytes]:
    """Yield the pieces, and advance the progress by their sizes."""
    for piece in pieces:
        yield piece
        progress.advance(len(piece))
