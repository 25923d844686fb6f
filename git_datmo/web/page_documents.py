"""Make the documents of the page by their names. `docs/UI.md` describes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from git_datmo.errors import Incomplete
from git_datmo.web import (
    documents_contracts,
    documents_experiment,
    documents_files,
    documents_history,
    documents_list,
)
from git_datmo.web.document_text import encode_document
from git_datmo.web.page_state import NoDocument, PageState

_NAME = re.compile(r"[a-z]+(?:/[a-z0-9-]{1,80}){0,5}\Z")

_Make = Callable[..., dict[str, Any]]
# By the first word of a name, and the number of words that follow it. Words that are numbers are
# passed as such.
_MAKERS: dict[tuple[str, int], tuple[_Make, str]] = {
    ("experiments", 0): (documents_list.experiments_document, ""),
    ("block", 1): (documents_list.block_document, "n"),
    ("sparklines", 1): (documents_list.sparklines_document, "n"),
    ("experiment", 1): (documents_experiment.experiment_document, "k"),
    ("curve", 2): (documents_experiment.curve_document, "kn"),
    ("curve", 5): (documents_experiment.curve_part_document, "knnnn"),
    ("feedback", 1): (documents_experiment.production_document, "k"),
    ("log", 1): (documents_experiment.log_document, "k"),
    ("patch", 1): (documents_experiment.patch_document, "k"),
    ("files", 1): (documents_files.files_document, "k"),
    ("text", 1): (documents_files.text_document, "k"),
    ("table", 1): (documents_files.table_document, "k"),
    ("contracts", 0): (documents_contracts.contracts_document, ""),
    ("data", 0): (documents_history.data_document, ""),
    ("story", 0): (documents_history.story_document, ""),
    ("health", 0): (documents_history.health_document, ""),
}
# Documents of these kinds follow from the id in their name alone.
LASTING = frozenset({"files", "text", "table"})


def make_document(state: PageState, name: str) -> bytes:
    """Return a document as JSON; raise `NoDocument` if the page has none of this name."""
    first, *words = name.split("/")
    maker = _MAKERS.get((first, len(words))) if _NAME.match(name) else None
    if maker is None:
        raise NoDocument("there is no such document", "reload the page")
    make, kinds = maker
    arguments: list[str | int] = []
    for word, kind in zip(words, kinds, strict=True):
        if kind == "n" and not (word.isdecimal() and len(word) < 10):
            raise NoDocument("there is no such document", "reload the page")
        arguments.append(int(word) if kind == "n" else word)
    try:
        return encode_document(state.masker.clean(make(state, *arguments)))
    except Incomplete:
        raise NoDocument("this content is not here", "fetch it first") from None
