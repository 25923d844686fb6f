"""Trains a small neural network on the images in data/digits; writes network.npz, predictions.npy
and metrics.json.

The images are those that examples/digits/write_images.py writes.
"""

import argparse
import json
from pathlib import Path

import numpy as np


def read_images(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels of all 8 by 8 plain PGM images, between 0 and 1, and their digits."""
    paths = sorted(folder.glob("*.pgm"))
    pixels = [[int(word) for word in path.read_text("ascii").split()[4:]] for path in paths]
    return np.array(pixels, dtype=np.float32) / 16, np.array([int(path.name[0]) for path in paths])


class Network:
    """Two layers: rectified units, then a softmax over the ten digits."""

    def __init__(self, generator: np.random.Generator, units: int) -> None:
        self.weights = {
            "hidden": generator.normal(0, np.sqrt(2 / 64), (64, units)).astype(np.float32),
            "hidden_bias": np.zeros(units, np.float32),
            "output": generator.normal(0, np.sqrt(1 / units), (units, 10)).astype(np.float32),
            "output_bias": np.zeros(10, np.float32),
        }

    def forward(self, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the activations of the hidden units, and the probability of each digit."""
        hidden = np.maximum(pixels @ self.weights["hidden"] + self.weights["hidden_bias"], 0)
        scores = hidden @ self.weights["output"] + self.weights["output_bias"]
        likely = np.exp(scores - scores.max(axis=1, keepdims=True))
        return hidden, likely / likely.sum(axis=1, keepdims=True)

    def learn(self, pixels: np.ndarray, digits: np.ndarray, rate: float) -> None:
        """One step down the gradient of the cross entropy."""
        hidden, likely = self.forward(pixels)
        wrong = (likely - np.eye(10, dtype=np.float32)[digits]) / len(digits)
        back = (wrong @ self.weights["output"].T) * (hidden > 0)
        steps = {
            "hidden": pixels.T @ back,
            "hidden_bias": back.sum(axis=0),
            "output": hidden.T @ wrong,
            "output_bias": wrong.sum(axis=0),
        }
        for name, step in steps.items():
            self.weights[name] -= rate * step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/digits"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=0.5)
    options = parser.parse_args()
    generator = np.random.default_rng(options.seed)
    pixels, digits = read_images(options.data)
    order = generator.permutation(len(pixels))
    test, train = order[: len(order) // 4], order[len(order) // 4 :]
    network = Network(generator, options.units)
    for _ in range(options.epochs):
        for batch in np.array_split(generator.permutation(train), max(1, len(train) // 32)):
            network.learn(pixels[batch], digits[batch], options.rate)
    _, likely = network.forward(pixels[test])
    accuracy = float((likely.argmax(axis=1) == digits[test]).mean())
    loss = float(-np.log(likely[np.arange(len(test)), digits[test]] + 1e-9).mean())
    np.savez("network.npz", **network.weights)
    np.save("predictions.npy", likely)
    Path("metrics.json").write_text(
        json.dumps({"accuracy": accuracy, "loss": loss, "images": len(pixels)}) + "\n"
    )
    print(
        f"trained on {len(train)} of {len(pixels)} images: accuracy {accuracy:.4f}, loss {loss:.4f}"
    )


if __name__ == "__main__":
    main()
