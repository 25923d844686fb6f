"""Show the page in a notebook: with the live page, or as HTML that stays in the notebook.

anywidget is the extra `notebook`, and is imported when a live page is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.report.chosen_words import choose_by_words
from git_datmo.repository.workspace import open_workspace
from git_datmo.sizes import show_count
from git_datmo.web.exported_names import ExportedFile, ExportedNames
from git_datmo.web.live_pages import open_pages
from git_datmo.web.notebook_frame import (
    HOSTED,
    INLINE,
    SANDBOX,
    STYLE,
    frame_html,
    page_html,
)
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_messages import PageMessages
from git_datmo.web.page_state import NoDocument, PageOptions, PageState

MOST = 100
"""Experiments of a page that stays in the notebook."""
_KEPT = PageOptions(has_logs=False, has_code=False, has_previews=False)


class NotebookPage:
    """The page of the repository around a folder, shown where a cell returns it."""

    def __init__(
        self, environ: Mapping[str, str], folder: Path, only: Sequence[str], height: int
    ) -> None:
        self._environ = environ
        self._folder = folder
        self._only = only
        self._height = height

    def __repr__(self) -> str:
        return f"<page of {show_count(self._count, 'experiment')}>"

    def _repr_html_(self) -> str:
        """Return the page with curves and without logs, code and files, as a frame of HTML."""
        return frame_html(page_html(INLINE, self._documents), self._height)

    @cached_property
    def _count(self) -> int:
        return sum(name.startswith("experiment/") for name, _ in self._documents)

    @cached_property
    def _documents(self) -> Sequence[tuple[str, bytes]]:
        """Return the documents of the newest experiments by their names."""
        with open_workspace(self._environ, self._folder) as ws:
            state = PageState(ws, _choose(PageState(ws, _KEPT), self._only))
            return tuple(_kept_documents(state))


class LivePage(NotebookPage):
    """A page that follows the repository while the kernel runs."""

    @cached_property
    def _widget(self) -> Any:
        with open_workspace(self._environ, self._folder) as ws:
            asked = _choose(PageState(ws), self._only, limit=None)
        pages = open_pages(self._environ, self._folder, asked)
        return _make_widget(self._height, lambda send: PageMessages(pages, page_html(HOSTED), send))

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """Return the live page; and as HTML for a place without a kernel."""
        bundle = self._widget._repr_mimebundle_()  # the protocol of IPython
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        data |= {"text/html": self._repr_html_(), "text/plain": repr(self)}
        return data, metadata


def open_notebook_page(
    environ: Mapping[str, str],
    folder: Path,
    only: Sequence[str],
    *,
    live: bool | None = None,
    height: int,
) -> NotebookPage:
    """Return the page of the repository around a folder, for a notebook.

    `only` are ranges, tags and conditions, as for `git datmo ui --only`. The page is live if the
    extra `notebook` is installed, unless `live` is False. `height` is in CSS pixels. Raises
    `DatmoError` without a repository, and for `live` True without the extra.
    """
    has_widgets = find_spec("anywidget") is not None
    if live and not has_widgets:
        raise DatmoError(
            "a live page in a notebook needs anywidget",
            "install it with \"pip install 'git-datmo[notebook]'\", or leave out 'live=True'",
        )
    kind = LivePage if has_widgets and live is not False else NotebookPage
    with open_workspace(environ, folder) as ws:
        # A wrong word is an error of the call, not of the display.
        PageState(ws, _choose(PageState(ws), only)).claims  # noqa: B018  # read for its errors
    return kind(environ, folder, only, height)


def _choose(every: PageState, only: Sequence[str], limit: int | None = MOST) -> PageOptions:
    """Return the options for the experiments of a page that all words choose."""
    choice = choose_by_words(every.ws, every.history, only, every.choice)
    return replace(every.options, choice=replace(choice, limit=limit))


def _kept_documents(state: PageState) -> Iterator[tuple[str, bytes]]:
    """Yield the documents of an export without files."""
    for name in ExportedNames(state).all():
        if isinstance(name, ExportedFile):
            continue
        try:
            yield name, make_document(state, name)
        except NoDocument:
            continue


def _make_widget(height: int, open_messages: Callable[..., PageMessages]) -> Any:
    """Return a widget of anywidget that answers the messages of its frames."""
    import anywidget
    import traitlets

    script = (files("git_datmo.web") / "page_widget.js").read_text("utf-8")

    class PageWidget(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget has no types
        """The page in frames of a notebook."""

        _esm = script
        height = traitlets.Int().tag(sync=True)
        sandbox = traitlets.Unicode(SANDBOX).tag(sync=True)
        style = traitlets.Unicode(STYLE).tag(sync=True)

        def __init__(self) -> None:
            super().__init__(height=height)
            self.messages = open_messages(self.send)
            self.on_msg(lambda _, message, __: self.messages.receive(message))

        def close(self) -> None:
            """End the events, and remove the widget from the notebook."""
            self.messages.close()
            super().close()

    return PageWidget()
