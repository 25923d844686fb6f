"""Keep the cells that a notebook executed, and their outputs, in the order of execution.

`code` is a Python script of the cells, and `document` a notebook with their outputs.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LIMIT = 16 << 20
"""Characters of all outputs of a notebook. Later outputs are left out, and the notebook says so."""

LEFT_OUT = "[git-datmo left out the rest of the outputs: they exceed 16 MiB]\n"
LOADS = re.compile(r"^[ \t]*%(?:re)?load_ext[ \t]+git_datmo[ \t]*(?:\n|$)", re.MULTILINE)
MAGIC = re.compile(r"\s*%%datmo\b[^\n]*(?:\n|$)")


class ExecutedCell:
    """An executed cell with its outputs, as a notebook has them."""

    def __init__(self, number: int, source: str) -> None:
        self.number = number
        self.source = source
        self.has_failed = False
        self.outputs: list[dict[str, Any]] = []
        self._is_stale = False

    def clear(self, *, wait: bool) -> None:
        """Remove the outputs; `wait` says to do so when the next one arrives."""
        self._is_stale = wait
        if not wait:
            self.outputs.clear()

    def add(self, output: dict[str, Any]) -> None:
        """Append an output. Text of the same stream becomes one output."""
        if self._is_stale:
            self.clear(wait=False)
        last = self.outputs[-1] if self.outputs else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            last["text"].extend(output["text"])
        else:
            self.outputs.append(output)


class Cells:
    """The executed cells of a notebook."""

    def __init__(self) -> None:
        self.executed: list[ExecutedCell] = []
        self._room = LIMIT
        self._displays: dict[str, dict[str, Any]] = {}

    def begin(self, number: int, source: str) -> None:
        """Begin a cell."""
        self.executed.append(ExecutedCell(number, source))

    @property
    def current(self) -> ExecutedCell | None:
        """Return the cell that was begun last."""
        return self.executed[-1] if self.executed else None

    def write(self, stream: str, text: str) -> None:
        """Add text that the cell wrote to a stream."""
        self._add(len(text), {"output_type": "stream", "name": stream, "text": [text]})

    def display(self, kind: str, content: dict[str, Any]) -> None:
        """Add what the cell displayed: the type and content of a message of Jupyter."""
        cell = self.current
        if kind == "clear_output" and cell is not None:
            cell.clear(wait=bool(content.get("wait")))
            return
        output = {
            "output_type": "execute_result" if kind == "execute_result" else "display_data",
            "data": content.get("data", {}),
            "metadata": content.get("metadata", {}),
        }
        if kind == "execute_result" and cell is not None:
            output["execution_count"] = cell.number
        name = str((content.get("transient") or {}).get("display_id", ""))
        size = len(json.dumps(output, default=str))
        if kind != "update_display_data":
            if self._add(size, output) and name:
                self._displays[name] = output
        elif name in self._displays and size <= self._room:
            self._room -= size
            # The cell that first displayed it holds the same dictionary.
            self._displays[name].update(data=output["data"], metadata=output["metadata"])

    def fail(self, error: BaseException) -> None:
        """Mark the last cell as failed."""
        cell = self.current
        if cell is not None:
            cell.has_failed = True
            name, text = type(error).__name__, str(error)[:10_000]
            lines = [f"{name}: {text}"]
            cell.add({"output_type": "error", "ename": name, "evalue": text, "traceback": lines})

    def _add(self, size: int, output: dict[str, Any]) -> bool:
        """Add an output to the last cell, if there is room for it."""
        cell = self.current
        if cell is None or self._room < 0:
            return False
        self._room -= size
        if self._room < 0:
            output = {"output_type": "stream", "name": "stderr", "text": [LEFT_OUT]}
        cell.add(output)
        return self._room >= 0

    def code(self, transform: Callable[[str], str]) -> str:
        """Return the cells as a Python script; `transform` makes Python of IPython's syntax.

        A cell that failed would end the script: its lines are comments.
        """
        cells = filter(None, (self._script(cell, transform) for cell in self.executed))
        return "# Cells of a notebook in the order of their execution\n\n" + "\n".join(cells)

    def _script(self, cell: ExecutedCell, transform: Callable[[str], str]) -> str:
        """Return a cell as a part of the script; '' for one without code."""
        try:
            text = transform(LOADS.sub("", MAGIC.sub("", cell.source, count=1)))
        except SyntaxError:
            text, failed = cell.source, True
        else:
            failed = cell.has_failed
        if failed:
            text = "".join(f"# {line}\n" for line in text.splitlines())
        if not text.strip():
            return ""
        title = f"# %% In [{cell.number}]{', which failed' if failed else ''}"
        return f"{title}\n{text.rstrip()}\n"

    def document(self) -> bytes:
        """Return the cells and their outputs as a notebook of Jupyter."""
        cells = [
            {
                "cell_type": "code",
                # Version 4.5 of the notebook format requires an id for each cell.
                "id": f"cell-{index}",
                "execution_count": cell.number,
                "metadata": {},
                "source": cell.source,
                "outputs": [*map(_plain, cell.outputs)],
            }
            for index, cell in enumerate(self.executed)
        ]
        language = {"language_info": {"name": "python"}}
        document = {"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5}
        return json.dumps(document, indent=1, default=str).encode("utf-8", "replace")


def _plain(output: dict[str, Any]) -> dict[str, Any]:
    """Return an output with its text as one string."""
    text: Iterable[str] | None = output.get("text")
    return output if text is None else {**output, "text": "".join(text)}
