"""Print the measures of readable code and prose that this project holds itself to.

    python tools/measure_style.py [FOLDER...]

Counts come from syntax trees and tokens; the complexity of functions from radon. The default
folders are those of the product. `tests/unit/test_style.py` holds the limits.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from radon.complexity import cc_visit

TOP = Path(__file__).parents[1]
PRODUCT = (TOP / "git_datmo", TOP / "remote_helper")
RIDDLES = ("what", "whether", "where", "which", "who", "whose", "how")
# Names that a reader meets as a pair: a command's thin module, and what Python itself reads.
PAIRED_FOLDERS = ("cli/commands", "operations")
PYTHONS_OWN = ("__init__", "__main__")
SUBJECT_LIMIT = 72

_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


@dataclass(frozen=True, slots=True)
class Module:
    """A source file, parsed."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return self.text.count("\n")


@dataclass(frozen=True, slots=True)
class Measures:
    """The measures of a set of modules; shares are between 0 and 1."""

    modules: int
    lines: int
    median_module: float
    largest_module: int
    median_function: float
    largest_function: int
    complexity_per_line: float
    worst_complexity: int
    comment_share: float
    what_per_thousand: float
    riddle_share: float
    repeated_classes: tuple[str, ...]
    repeated_modules: tuple[str, ...]


def read_modules(folders: Sequence[Path]) -> list[Module]:
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    texts = ((path, path.read_text("utf-8")) for path in paths)
    return [Module(path, text, ast.parse(text)) for path, text in texts]


def measure(modules: Sequence[Module]) -> Measures:
    """Return the measures of some modules together."""
    functions = [block for module in modules for block in _functions(module)]
    lengths = [block.endline - block.lineno + 1 for block in functions]
    complexities = [block.complexity for block in functions]
    prose = " ".join(
        text for module in modules for text in (*comments(module), *docstrings(module))
    )
    words = [word.lower() for word in _WORD.findall(prose)]
    return Measures(
        modules=len(modules),
        lines=sum(module.lines for module in modules),
        median_module=median(module.lines for module in modules),
        largest_module=max(module.lines for module in modules),
        median_function=median(lengths),
        largest_function=max(lengths),
        complexity_per_line=mean(complexities) / mean(lengths),
        worst_complexity=max(complexities),
        comment_share=_comment_lines(modules) / sum(module.lines for module in modules),
        what_per_thousand=1000 * words.count("what") / len(words),
        riddle_share=riddle_share(modules),
        repeated_classes=_repeated(name for module in modules for name in _classes(module)),
        repeated_modules=_repeated(_module_names(modules)),
    )


def riddle_share(modules: Sequence[Module]) -> float:
    """Return the share of docstrings that open with a question word."""
    openings = [first_word(text) for module in modules for text in docstrings(module) if text]
    return sum(word in RIDDLES for word in openings) / len(openings)


def _functions(module: Module) -> Iterator[object]:
    for block in cc_visit(module.text):
        if block.letter in "FM":
            yield block


def comments(module: Module) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")


def _comment_lines(modules: Sequence[Module]) -> int:
    return sum(1 for module in modules for _ in comments(module))


def docstrings(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def first_word(text: str) -> str:
    found = _WORD.search(text)
    return found[0].lower() if found else ""


def _classes(module: Module) -> Iterator[str]:
    yield from (node.name for node in module.tree.body if isinstance(node, ast.ClassDef))


def _module_names(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        in_pair = any(folder in module.path.as_posix() for folder in PAIRED_FOLDERS)
        if module.path.stem not in PYTHONS_OWN and not in_pair:
            yield module.path.stem


def _repeated(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name, count in Counter(names).items() if count > 1))


def long_subjects(revisions: str) -> list[str]:
    """Return the commit subjects of a revision range that are longer than the limit."""
    argv = ["git", "-C", str(TOP), "log", "--format=%s", "--no-merges", revisions]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return [subject for subject in listed.splitlines() if len(subject) > SUBJECT_LIMIT]


def main(arguments: Sequence[str]) -> int:
    found = measure(read_modules([Path(name) for name in arguments] or list(PRODUCT)))
    for name in Measures.__slots__:
        value = getattr(found, name)
        shown = ", ".join(value) or "none" if isinstance(value, tuple) else f"{value:.4g}"
        print(f"{name.replace('_', ' '):22} {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
