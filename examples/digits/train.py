"""Trains a classifier on the images in data/digits; writes model.pkl and metrics.json."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split


def read_image(path: Path) -> list[int]:
    """Return the 64 pixels of an 8 by 8 plain PGM image."""
    return [int(word) for word in path.read_text("ascii").split()[4:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/digits"))
    parser.add_argument(
        "--strength", type=float, default=0.1, help="the inverse of the regularisation"
    )
    options = parser.parse_args()
    paths = sorted(options.data.glob("*.pgm"))
    pixels = np.array([read_image(path) for path in paths], dtype=float) / 16
    labels = np.array([int(path.name.partition("-")[0]) for path in paths])
    train, test, train_labels, test_labels = train_test_split(
        pixels, labels, test_size=0.25, random_state=0
    )
    model = LogisticRegression(C=options.strength, max_iter=500).fit(train, train_labels)
    accuracy = float(model.score(test, test_labels))
    Path("model.pkl").write_bytes(pickle.dumps(model))
    Path("metrics.json").write_text(json.dumps({"accuracy": accuracy, "images": len(paths)}) + "\n")
    print(f"trained on {len(train)} of {len(paths)} images: accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
