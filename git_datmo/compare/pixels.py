"""Compare images by pixel. Only formats that Pillow itself decodes are opened: others start
programs."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.compare.blocks import count_block
from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
PIXELS, FRAMES, ROWS = 32 << 20, 100, 64


def compare_images(recorded: Path, rerun: Path) -> Comparison:
    import numpy as np
    from PIL import Image

    with ExitStack() as opened:
        one, other = (
            opened.enter_context(Image.open(path, formats=FORMATS)) for path in (recorded, rerun)
        )
        frames = [getattr(image, "n_frames", 1) for image in (one, other)]
        shapes = [_shape(one, frames[0]), _shape(other, frames[1])]
        if shapes[0] != shapes[1]:
            return Tally().conclude("pixels", f"{shapes[0]} became {shapes[1]}")
        # So far only headers were read; the loop below decodes pixels.
        if one.width * one.height > PIXELS or frames[0] > FRAMES:
            raise UnreadableFile("it is too large")
        tally = Tally()
        for frame in range(frames[0]):
            one.seek(frame)
            other.seek(frame)
            # Colours are compared, not their palette indexes.
            pixels, beside = (
                np.asarray(i.convert("RGBA") if i.mode == "P" else i) for i in (one, other)
            )
            where = f"frame {frame + 1}" if frames[0] > 1 else ""
            for row in range(0, one.height, ROWS):
                count_block(tally, pixels[row : row + ROWS], beside[row : row + ROWS], where)
        return tally.conclude("samples")


def _shape(image: Image.Image, frames: int) -> str:
    return f"{image.width}x{image.height} {image.mode}" + (
        f", {frames} frames" if frames > 1 else ""
    )
