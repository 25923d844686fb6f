"""Test that product modules can be imported, and that the checks of their source find violations."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable

from tests.support.shell import Shell
from tests.support.source_modules import (
    OUTER,
    STARTING,
    imports,
    modules,
)


def test_checks_find_planted_violations() -> None:
    """Check that the tree walker finds each kind of import and call."""
    source = """
import a
if TYPE_CHECKING:
    import b
try:
    import c
except ImportError:
    import d
class X:
    def f(self):
        with e:
            import g
match h:
    case 1:
        import i
"""
    found = {item.name: (item.late, item.typing) for item in imports(ast.parse(source))}
    assert found == {
        "a": (False, False),
        "b": (False, True),
        "c": (False, False),
        "d": (False, False),
        "g": (True, False),
        "i": (False, False),
    }
    for name in ("subprocess.run", "subprocess.Popen", "os.system", "os.execvp", "os.posix_spawnp"):
        assert STARTING.match(name)
    for name in ("os.environ", "sys.argv", "print", "sys.stdout"):
        assert OUTER.match(name)


def test_product_module_can_be_imported(shell: Callable[..., Shell]) -> None:
    script = "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
    shell().run(
        sys.executable,
        "-c",
        script,
        *sorted(modules().keys() - {"git_datmo.__main__"}, reverse=True),
    )
