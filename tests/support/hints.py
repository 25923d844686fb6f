"""Collect hints, and commands that messages name, from the syntax trees of the product.

A text is written with `{}` for each value that is only known when the program runs. A hint is:

- the hint of an error: the second argument, or the keyword `hint`, of `DatmoError` and its
  subclasses, and the default of this parameter;
- a text that is assigned to, or returned by, a name with `hint` in it;
- any other text of the product that names a command of git in quotes, for example a warning.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

TOP = Path(__file__).parents[2]
PRODUCT = (TOP / "git_datmo", TOP / "remote_helper")
HOOKS = TOP / "hooks"

# A command in quotes, or one after a colon, which ends with the text, at a comma or semicolon, or
# before the next command.
COMMAND = re.compile(
    r"'(?P<quoted>git [^']+)'|(?:^|: |&& )(?P<bare>git (?:config|datmo|rm) .+?)(?=[,;] | &&|$)"
)

# Texts of these are for readers of the manual: other tests parse their examples.
_MANUAL_NAMES = {"DESCRIPTION", "EXAMPLES"}
_MANUAL_KEYWORDS = {"help", "description", "epilog"}
_SECOND = 1
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Hint:
    """Hold a hint and its place in the source."""

    text: str
    path: str
    line: int

    @property
    def commands(self) -> tuple[str, ...]:
        """Return the git commands that the hint names."""
        return commands_in(self.text)


def commands_in(text: str) -> tuple[str, ...]:
    """Return the git commands that a hint names, in order."""
    found = (match["quoted"] or match["bare"] for match in COMMAND.finditer(text))
    # A quote without its partner, or a bracket of a usage line, is no whole command.
    return tuple(words.strip() for words in found if "[" not in words and words.count("'") % 2 == 0)


class UnknownHint(AssertionError):
    """Signal a hint that cannot be read from the source. Name its variable with `hint` in it."""


@cache
def all_hints() -> tuple[Hint, ...]:
    """Return every hint of the product and its hooks, by its place."""
    sources = [path for folder in PRODUCT for path in sorted(folder.rglob("*.py"))]
    from_python = [hint for path in sources for hint in collect(path)]
    from_shell = [hint for path in sorted(HOOKS.iterdir()) for hint in _shell_hints(path)]
    return tuple(from_python + from_shell)


def collect(path: Path, top: Path = TOP) -> list[Hint]:
    """Return the hints of one module below `top`."""
    return _Collector(path, top).hints()


def _shell_hints(path: Path) -> Iterator[Hint]:
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        found = re.search(r'echo "(?:hint: |git-datmo: )(.*)" >&2', line)
        if found:
            yield Hint(re.sub(r"\$\w+", "{}", found[1]), f"hooks/{path.name}", number)


class _Collector:
    """Read the hints of one module."""

    def __init__(self, path: Path, top: Path) -> None:
        self._path = path.relative_to(top).as_posix()
        self._tree = ast.parse(path.read_text("utf-8"))
        self._parents = {
            child: node for node in ast.walk(self._tree) for child in ast.iter_child_nodes(node)
        }

    def hints(self) -> list[Hint]:
        expressions = list(self._expressions())
        found = {hint for each in expressions for hint in self._texts(each)}
        inside = {node for each in expressions for node in ast.walk(each)}
        found.update(hint for hint in self._other_texts(inside) if hint.commands)
        return sorted(found, key=lambda hint: (hint.line, hint.text))

    def _expressions(self) -> Iterator[ast.expr]:
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Call):
                yield from self._argument(node)
            elif isinstance(node, ast.Assign) and any(_is_hint(each) for each in node.targets):
                yield node.value
            elif isinstance(node, _Function):
                yield from _defaults(node)
                if "hint" in node.name:
                    yield from _results(node)

    def _argument(self, call: ast.Call) -> Iterator[ast.expr]:
        """Yield the hint of a call: any keyword `hint`, or the second argument of an error."""
        yield from (each.value for each in call.keywords if each.arg == "hint")
        if self._has_hint(call) and len(call.args) > _SECOND:
            yield call.args[_SECOND]

    def _has_hint(self, call: ast.Call) -> bool:
        name = ast.unparse(call.func).rpartition(".")[2]
        if name == "__init__":
            return any(base in error_names() for base in self._bases(call))
        return name in error_names() - _own_parameters()

    def _bases(self, node: ast.AST) -> Iterator[str]:
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, ast.ClassDef):
                yield from (ast.unparse(base) for base in node.bases)

    def _texts(self, expression: ast.expr) -> Iterator[Hint]:
        for text in self._render(expression):
            if text.strip("{} "):
                yield Hint(text, self._path, expression.lineno)

    def _render(self, node: ast.expr) -> Iterable[str]:
        """Return each text that an expression can have."""
        match node:
            case ast.Constant():
                return [node.value if isinstance(node.value, str) else ""]
            case ast.JoinedStr():
                parts = [
                    [part.value] if isinstance(part, ast.Constant) else ["{}"]
                    for part in node.values
                ]
                return map("".join, product(*parts))
            case ast.IfExp():
                return [*self._render(node.body), *self._render(node.orelse)]
            case ast.BoolOp():
                return [text for each in node.values for text in self._render(each)]
            case ast.BinOp(op=ast.Add()):
                return map("".join, product(self._render(node.left), self._render(node.right)))
            case _ if any(map(_is_hint, ast.walk(node))) or _is_chosen(node):
                # Texts behind a name with `hint` in it, and those of a list, are collected where
                # they stand. Lines of git are chosen from its output.
                return ["{}"]
            case _:
                raise UnknownHint(f"{self._path}:{node.lineno}: {ast.unparse(node)}")

    def _other_texts(self, inside: set[ast.AST]) -> Iterator[Hint]:
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Constant | ast.JoinedStr) or node in inside:
                continue
            parent = self._parents.get(node)
            if isinstance(parent, ast.JoinedStr | ast.FormattedValue | ast.Expr):
                continue
            if isinstance(getattr(node, "value", ""), str) and not self._is_manual(node):
                yield from self._texts(node)

    def _is_manual(self, node: ast.AST) -> bool:
        while node in self._parents:
            node = self._parents[node]
            if isinstance(node, ast.keyword) and node.arg in _MANUAL_KEYWORDS:
                return True
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in _MANUAL_NAMES:
                return True
        return False


def _is_hint(node: ast.AST) -> bool:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return "hint" in name.lower()
        case _:
            return False


def _is_chosen(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in ("next", "' and '.join")


def _defaults(function: _Function) -> Iterator[ast.expr]:
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(positional), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    yield from (value for argument, value in pairs if argument.arg == "hint" and value is not None)


def _results(function: _Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return | ast.Yield) and isinstance(node.value, ast.expr):
            yield node.value


@cache
def error_names() -> frozenset[str]:
    """Return the names of `DatmoError` and all its subclasses, those of any module."""
    bases = {
        node.name: {ast.unparse(base) for base in node.bases}
        for folder in PRODUCT
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    names = {"DatmoError"}
    while grown := {name for name, above in bases.items() if above & names} - names:
        names |= grown
    return frozenset(names)


def _own_parameters() -> frozenset[str]:
    """Return the errors that take something other than a hint as their second argument."""
    return frozenset({"Silent", "UnusableRefs", "GitFailed", "Rejected", "CheckoutConflict"})
