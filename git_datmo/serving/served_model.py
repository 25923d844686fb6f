"""Hold the model that answers: its snapshot, contract and workers."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from git_datmo.errors import DatmoError
from git_datmo.serving.background_thread import in_thread
from git_datmo.serving.model_contract import ModelContract
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.request_checks import check_arrays
from git_datmo.serving.serving_pool import ServingPool
from git_datmo.serving.worker_process import ModelFailed

_PREFIX = 10


class BrokenOutput(Exception):
    """Error of an answer that breaks the contract of the model's output."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(slots=True)
class ServedModel:
    """A snapshot whose model answers requests.

    `name` is that of the model in URLs. `is_ready` is set when the model has loaded, and answered
    the contract's examples. With `is_found`, git-datmo found the code that predicts, which gets the
    declared fields alone. `resources` are the engine and the folder, closed with the model.
    """

    snapshot: str
    commit: str
    name: str
    contract: ModelContract | None
    pool: ServingPool
    is_found: bool = False
    is_ready: bool = False
    resources: ExitStack = field(default_factory=ExitStack)
    _held: int = 0
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def version(self) -> str:
        """Return the beginning of the snapshot's id, which is the model's version."""
        return self.snapshot[:_PREFIX]

    def declares(self, name: str) -> bool:
        """Return True if the contract has an input field of this name."""
        table = self.contract.request if self.contract else None
        return table is not None and any(each.name == name for each in table.fields)

    def prediction_id(self, number: uuid.UUID) -> str:
        """Return the id of a prediction: the beginning of the snapshot's id, and the number."""
        return f"{self.version}-{number}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the model from being stopped while a request uses it."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            if not self._held:
                self._released.set()

    async def wait_until_free(self) -> None:
        """Wait until no request uses the model. Call it when none can begin to."""
        while self._held:
            self._released.clear()
            await self._released.wait()

    async def stop(self) -> None:
        """End the workers, and close their files."""
        await self.pool.stop()
        await in_thread(self.resources.close)

    async def start(self) -> None:
        """Load the model, and answer the examples; raise `DatmoError` if either fails."""
        await self.pool.start()
        try:
            # Before `is_ready`, so that a model that breaks its contract gets no request.
            await self._answer_examples()
        except BaseException:
            await self.pool.stop()
            raise
        self.is_ready = True

    async def _answer_examples(self) -> None:
        """Answer the examples of the contract; raise `DatmoError` if an answer is wrong."""
        request = self.contract.example_request() if self.contract else ()
        if not request:
            return
        try:
            await self.predict(request)
        except ModelFailed as error:
            raise DatmoError(f"the model fails for the contract's examples: {error}") from error
        except RefusedRequest as error:
            first = [f": {v.field} breaks {v.rule}" for v in error.violations[:1]]
            what = f"the contract's examples are refused: {error.message}{''.join(first)}"
            raise DatmoError(what, "correct the examples") from error
        except BrokenOutput as error:
            raise DatmoError(
                f"the model's answer to the contract's examples is wrong: {error.message}",
                "correct the model, or the output of the contract",
            ) from error

    async def predict(self, tensors: Sequence[NamedTensor]) -> tuple[NamedTensor, ...]:
        """Check a request, and return the model's checked answer.

        Raises `RefusedRequest`, `ModelFailed`, or `BrokenOutput`.
        """
        self.check_request(tensors)
        outputs = await self.pool.predict(self._passed_on(tensors))
        output = self.contract.answer if self.contract else None
        if output is not None:
            broken = check_arrays(output, outputs)
            if broken:
                rules = ", ".join(
                    f"{v.field} breaks {v.rule}" + ("" if v.row is None else f" in row {v.row}")
                    for v in broken[:3]
                )
                # The request keeps the contract, so the client is not refused: the model is at
                # fault.
                raise BrokenOutput(rules)
        return outputs

    def _passed_on(self, tensors: Sequence[NamedTensor]) -> Sequence[NamedTensor]:
        """Return the arrays that the model gets."""
        if not self.is_found or self.contract is None or self.contract.request is None:
            return tensors
        # A model of a library takes all columns for its own, and fails for another number.
        declared = [tensor for tensor in tensors if self.declares(tensor.name)]
        return declared or tensors

    def check_request(self, tensors: Sequence[NamedTensor]) -> None:
        """Raise `RefusedRequest` if a request breaks the contract."""
        table = self.contract.request if self.contract else None
        if table is None:
            return
        broken = check_arrays(table, tensors)
        if broken:
            raise RefusedRequest("the request breaks the contract", tuple(broken))
