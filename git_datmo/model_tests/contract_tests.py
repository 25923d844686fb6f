"""Send generated requests to a model, and compare its answers with its contract."""

from __future__ import annotations

from itertools import groupby

from git_datmo.contracts.contract_types import Table
from git_datmo.model_tests.boundary_requests import (
    BoundaryRequest,
    NoRequest,
    boundary_requests,
    tensors_of_row,
)
from git_datmo.model_tests.held_out_rows import describe_refusal
from git_datmo.model_tests.model_results import ModelResult
from git_datmo.serving.named_tensors import RefusedRequest
from git_datmo.serving.served_model import BrokenOutput, ServedModel
from git_datmo.serving.worker_process import ModelFailed
from git_datmo.sizes import show_count


async def run_boundary_tests(model: ServedModel) -> list[ModelResult]:
    """Return a result for each field of the contract's input; none without a contract."""
    table = model.contract.request if model.contract else None
    if table is None:
        return []
    try:
        requests = list(boundary_requests(table))
    except NoRequest as error:
        return [ModelResult("contract", "requests at limits", "undecided", str(error))]
    results = []
    for field, group in groupby(requests, key=lambda request: request.field):
        of_field = list(group)
        name = f"{field}: {show_count(len(of_field), 'request')} at its limits"
        problem = ""
        for request in of_field:
            problem = problem or await _problem_of(model, table, request)
        results.append(ModelResult("contract", name, "failed" if problem else "passed", problem))
    return results


async def _problem_of(model: ServedModel, table: Table, request: BoundaryRequest) -> str:
    """Send a request, and return how the answer is wrong; '' if it is right."""
    try:
        await model.predict(tensors_of_row(table, request.row))
    except RefusedRequest as error:
        if error.violations and not request.is_accepted:
            return ""
        return f"{request.case}: {describe_refusal(error)}"
    except ModelFailed as error:
        return f"{request.case}: the model fails: {error}"
    except BrokenOutput as error:
        return f"{request.case}: the answer breaks the contract: {error.message}"
    return "" if request.is_accepted else f"{request.case}: is not refused"
