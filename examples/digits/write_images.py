"""Writes the handwritten digits that ship inside scikit-learn as image files:
data/digits/<label>-<number>.pgm."""

import argparse
from pathlib import Path

from sklearn.datasets import load_digits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first", type=int, default=0, help="the first image to write")
    parser.add_argument("--count", type=int, default=1797, help="how many images to write")
    parser.add_argument(
        "--shift",
        type=int,
        default=0,
        help="shift the images right by this many pixels: new images",
    )
    options = parser.parse_args()
    digits = load_digits()
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.first, options.first + options.count):
        image, label = digits.images[number % 1797], digits.target[number % 1797]
        rows = [[int(pixel) for pixel in row] for row in image]
        rows = [
            row[-options.shift :] + row[: -options.shift] if options.shift else row for row in rows
        ]
        text = f"P2\n8 8\n16\n{chr(10).join(' '.join(map(str, row)) for row in rows)}\n"
        (options.folder / f"{label}-{number:04}.pgm").write_text(text, "ascii")
    print(f"wrote {options.count} images to {options.folder}")


if __name__ == "__main__":
    main()
