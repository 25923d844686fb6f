"""Look at image and audio files: media type, size, channels, and whether they decode.

Only formats are opened for whose decoding no program starts. An image that declares more pixels
than the limit is never decoded.
"""

from __future__ import annotations

import os
import warnings
import wave
from dataclasses import dataclass
from typing import Any

from git_datmo.contracts.table_readers.table_batches import load_library

IMAGE_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
MEDIA_SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp"),
    *(".pbm", ".pgm", ".pnm", ".ppm"),
    *(".wav", ".flac", ".ogg", ".mp3"),
)
AUDIO_TYPES = {
    b"RIFF": "audio/wav",
    b"fLaC": "audio/flac",
    b"OggS": "audio/ogg",
    b"ID3": "audio/mpeg",
}
# As RGB, this is 300 MB of memory.
MOST_PIXELS = 100_000_000
AUDIO_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class MediaFile:
    """Facts about an image or audio file.

    `size` is width and height in pixels, None for audio. `problem` says why the file does not
    decode. `is_decoded` is False for formats that only their header tells of.
    """

    media_type: str
    size: tuple[int, int] | None = None
    channels: int = 0
    problem: str = ""
    is_decoded: bool = True


def look_at_media(path: str, shown: str) -> MediaFile:
    """Return the facts about a file. Its first bytes decide its type, not its name."""
    with open(path, "rb") as file:
        head = file.read(64)
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return _look_at_wave(path)
    if head[:4] == b"fLaC" and len(head) >= 26:
        # The stream's description follows the magic and a block header of 4 bytes.
        channels = ((head[20] >> 1) & 7) + 1
        return MediaFile("audio/flac", channels=channels, is_decoded=False)
    for magic in (b"OggS", b"ID3"):
        if head.startswith(magic):
            return MediaFile(AUDIO_TYPES[magic], is_decoded=False)
    return _look_at_image(path, shown)


def _look_at_wave(path: str) -> MediaFile:
    """Return the facts about a WAV file, of which all frames are read."""
    try:
        with wave.open(path, "rb") as sound:
            channels, frames = sound.getnchannels(), sound.getnframes()
            width = channels * sound.getsampwidth()
            read = 0
            while data := sound.readframes(AUDIO_BLOCK):
                read += len(data) // width
    except (wave.Error, EOFError, OSError, ValueError, ZeroDivisionError) as error:
        return MediaFile("audio/wav", problem=str(error) or "the file ends too early")
    # The header of a file that was cut off still has the full number.
    problem = "" if read == frames else f"{read} of {frames} frames are there"
    return MediaFile("audio/wav", channels=channels, problem=problem)


def _look_at_image(path: str, shown: str) -> MediaFile:
    """Return the facts about an image, which is decoded."""
    pillow = load_library("PIL.Image", shown)
    try:
        with warnings.catch_warnings():
            # Pillow warns of large images, which the limit below judges.
            warnings.simplefilter("ignore")
            # For other formats Pillow may start a program: for EPS, Ghostscript.
            image = pillow.open(path, formats=IMAGE_FORMATS)
        with image:
            media_type = pillow.MIME.get(image.format, "")
            if image.format == "PPM":
                # This format of Pillow is that of bitmaps, greyscale and colour images.
                media_type = image.get_format_mimetype() or media_type
            size, channels = image.size, len(image.getbands())
            if size[0] * size[1] > MOST_PIXELS:
                problem = f"it declares {size[0]} x {size[1]} pixels, which is too many to decode"
                return MediaFile(media_type, size, channels, problem)
            return MediaFile(media_type, size, channels, _decode(image))
    # Pillow refuses far larger images by itself, while it opens them.
    except pillow.DecompressionBombError:
        return MediaFile("", problem="it declares too many pixels to decode")
    except (OSError, ValueError, SyntaxError, TypeError, OverflowError, EOFError):
        return MediaFile("", problem="it is no image of a known format")


def _decode(image: Any) -> str:
    """Decode an image, and return the problem; empty if there is none."""
    try:
        # The header of an image that was cut off is whole; only decoding finds the loss.
        image.load()
    except (OSError, ValueError, SyntaxError, IndexError, TypeError, OverflowError) as error:
        return (str(error) or type(error).__name__).splitlines()[0][:120]
    except MemoryError:
        return "it needs more memory than is available"
    return ""


def list_files(path: str) -> list[str]:
    """Return the files below a folder, relative to it and sorted; links are left out."""
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            full = os.path.join(folder, name)
            # A link may lead out of the folder.
            if os.path.isfile(full) and not os.path.islink(full):
                found.append(os.path.relpath(full, path))
    return sorted(found)


def is_media(path: str) -> bool:
    """Return whether the suffix of a path is that of an image or a sound."""
    return os.path.splitext(path)[1].lower() in MEDIA_SUFFIXES
