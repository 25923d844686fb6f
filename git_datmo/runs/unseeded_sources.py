"""Find Python sources that draw random numbers without a seed.

Sources are only searched with patterns, so the results are not proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generator:
    """A random number generator, with patterns for its use and its seeding."""

    name: str
    draws: re.Pattern[bytes]
    seeds: re.Pattern[bytes]


GENERATORS = (
    Generator(
        "random",
        re.compile(
            rb"(?<![\w.])random\.(?:random|randint|randrange|uniform|gauss|shuffle|sample|choices?)\("
        ),
        re.compile(rb"(?<![\w.])random\.seed\(\s*[^)\s]|random\.Random\(\s*[^)\s]"),
    ),
    Generator(
        "numpy",
        re.compile(
            rb"\b(?:np|numpy)\.random\.(?!seed\b|RandomState\b|default_rng\b|Generator\b)\w+\(|default_rng\(\s*\)"
        ),
        re.compile(
            rb"\b(?:np|numpy)\.random\.seed\(\s*[^)\s]|RandomState\(\s*[^)\s]|default_rng\(\s*[^)\s]"
        ),
    ),
    Generator(
        "torch",
        re.compile(rb"\bimport\s+torch\b|\bfrom\s+torch\b"),
        re.compile(rb"\bmanual_seed(?:_all)?\(|\bseed_everything\(|\bset_seed\("),
    ),
    Generator(
        "tensorflow",
        re.compile(rb"\bimport\s+(?:tensorflow|keras)\b|\bfrom\s+(?:tensorflow|keras)\b"),
        re.compile(rb"\bset_random_seed\(|\brandom\.set_seed\("),
    ),
    Generator(
        "scikit-learn",
        re.compile(
            rb"\b(?:train_test_split|KFold|RandomForest\w*|MLP\w*|SGD\w*|KMeans|GradientBoosting\w*)\("
        ),
        re.compile(rb"\brandom_state\s*=\s*(?!None)\w|\b(?:np|numpy)\.random\.seed\(\s*[^)\s]"),
    ),
)


def find_unseeded(sources: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Yield each generator that is used and never seeded, with the first source that uses it."""
    every = tuple(sources.values())
    for generator in GENERATORS:
        drawing = sorted(path for path, text in sources.items() if generator.draws.search(text))
        if drawing and not _any(generator.seeds, every):
            yield generator.name, drawing[0]


def _any(pattern: re.Pattern[bytes], texts: Iterable[bytes]) -> bool:
    """Return True if any of the texts contains the pattern."""
    return any(pattern.search(text) for text in texts)
