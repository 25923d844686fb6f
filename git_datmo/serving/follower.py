"""Follow a branch of a remote: fetch it, load its model beside the served one, and swap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from git_datmo.errors import DatmoError
from git_datmo.serving.background_thread import in_thread
from git_datmo.serving.deploy_snapshot import FIND, MODEL, SIGNATURE, TRUST, OnStep
from git_datmo.serving.front_state import Front
from git_datmo.serving.served_model import ServedModel

# Steps that can succeed later for the same commit: its records may arrive, or be approved.
_TRIED_AGAIN = (FIND, SIGNATURE, TRUST)


@dataclass(slots=True)
class Follower:
    """The branch that a server follows, looked at every `seconds`.

    `fetch` fetches the branch, and returns its commit. `deploy` gets that commit and the model
    that answers now, and returns the new model, or None if the commit means the same snapshot.
    Both open the repository themselves. `settled` is the commit that needs nothing more.
    """

    front: Front
    name: str
    seconds: float
    fetch: Callable[[], str]
    deploy: Callable[[str, ServedModel, OnStep], ServedModel | None]
    settled: str
    _told: str = ""
    _draining: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Follow the branch until the task is cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(self.seconds)
        finally:
            draining = list(self._draining)
            for task in draining:
                task.cancel()
            await asyncio.gather(*draining, return_exceptions=True)

    async def look(self) -> None:
        """Fetch the branch, and serve its commit if it is another one."""
        try:
            commit = await in_thread(self.fetch)
        except Exception as error:  # noqa: BLE001 - the server goes on with the model that it has
            self.front.metrics.failed_fetches += 1
            self._tell_once(f"'{self.name}' cannot be fetched: {_reason(error)}")
            return
        if commit != self.settled:
            await self._follow(commit)
        elif self._told.startswith(f"'{self.name}' cannot"):
            self._told = ""

    async def _follow(self, commit: str) -> None:
        """Load the model of a commit, and swap; report a refusal once."""
        step = FIND

        def on_step(name: str) -> None:
            nonlocal step
            step = name

        try:
            model = await self._load(commit, on_step)
        except Exception as error:  # noqa: BLE001 - the server goes on with the model that it has
            if step not in _TRIED_AGAIN:
                self.settled = commit
            self._refuse(commit, step, error)
            return
        self.settled, self._told = commit, ""
        if model is None:
            self.front.report(
                f"'{self.name}' is commit {commit[:10]}, whose snapshot is served already"
            )
            return
        self._swap(model, commit)

    async def _load(self, commit: str, on_step: OnStep) -> ServedModel | None:
        """Place the snapshot of a commit and load its model beside the one that answers."""
        work = partial(self.deploy, commit, self.front.model, on_step)
        model = await in_thread(work, discard=_close)
        if model is None:
            return None
        on_step(MODEL)
        try:
            await model.start()
        except BaseException:
            await model.stop()
            raise
        return model

    def _swap(self, model: ServedModel, commit: str) -> None:
        """Let a model answer all requests from now on, and end the old one after its own."""
        old, self.front.model = self.front.model, model
        self.front.metrics.swaps += 1
        self.front.report(
            f"now serving snapshot {model.version} of '{self.name}' (commit {commit[:10]})"
        )
        task = asyncio.create_task(self._drain(old))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _drain(self, old: ServedModel) -> None:
        """Stop a model when its last request is answered."""
        try:
            await old.wait_until_free()
        finally:
            await old.stop()
        self.front.report(f"stopped snapshot {old.version}")

    def _refuse(self, commit: str, step: str, error: Exception) -> None:
        """Report and count a refusal, unless the last look had the same."""
        text = (
            f"commit {commit[:10]} of '{self.name}' is refused ({step}): {_reason(error)};"
            f" snapshot {self.front.model.version} is served on"
        )
        if self._tell_once(text):
            self.front.metrics.refused_snapshots[commit[:10], step] += 1

    def _tell_once(self, text: str) -> bool:
        """Report a line unless it was the last one; return True if it was reported."""
        if text == self._told:
            return False
        self._told = text
        self.front.report(text)
        return True


def _close(model: ServedModel | None) -> None:
    """Close the files and processes of a model that is no longer awaited."""
    if model is not None:
        model.resources.close()


def _reason(error: Exception) -> str:
    """Return the text of an error, with its kind if it is none of ours."""
    return error.what if isinstance(error, DatmoError) else f"{type(error).__name__}: {error}"
