"""Test the server with clients that other people wrote: Triton's client and curl."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.support.served_people import make_people
from tests.support.serving import Served, serving

PERSON = {"age": 30, "height": 1.5, "name": "Zoë", "born": "1990-12-31", "side": "left"}
COLUMNS: dict[str, tuple[str, np.ndarray]] = {
    "age": ("INT64", np.array([30, 40])),
    "height": ("FP64", np.array([1.5, 2.0])),
    "name": ("BYTES", np.array(["Zoë", "Ada"], dtype=object)),
    "born": ("BYTES", np.array(["1990-12-31", "1980-01-01"], dtype=object)),
    "side": ("BYTES", np.array(["left", "right"], dtype=object)),
    "vip": ("BOOL", np.array([True, False])),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a server of the model that greets people."""
    with serving(make_people(tmp_path_factory.mktemp("people"))) as server:
        yield server


def inputs(*, is_binary: bool = True) -> list[triton.InferInput]:
    """Return the inputs of a request by Triton's client."""
    found = []
    for name, (datatype, values) in COLUMNS.items():
        found.append(triton.InferInput(name, list(values.shape), datatype))
        found[-1].set_data_from_numpy(values, binary_data=is_binary)
    return found


def test_client_of_triton_gets_the_same_answer_in_each_form(served: Served) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("people")
    (version,) = client.get_model_metadata("people")["versions"]
    for is_binary in (True, False):
        wanted = [
            triton.InferRequestedOutput("score", binary_data=is_binary),
            triton.InferRequestedOutput("greeting", binary_data=is_binary),
        ]
        for outputs in (None, wanted):
            answer = client.infer(
                "people", inputs(is_binary=is_binary), version, outputs, request_id="mine"
            )
            assert answer.get_response()["id"] == "mine"
            assert answer.as_numpy("score").tolist() == [133, 44]
            greetings = answer.as_numpy("greeting").tolist()
            texts = [g.decode() if isinstance(g, bytes) else g for g in greetings]
            assert texts == ["hello Zoë", "hello Ada"]
    waiting = [client.async_infer("people", inputs()) for _ in range(3)]
    assert [each.get_result().as_numpy("score").tolist() for each in waiting] == 3 * [[133, 44]]


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_compressed_request_of_triton_is_answered(served: Served, encoding: str) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    answer = client.infer("people", inputs(), request_compression_algorithm=encoding)
    assert answer.as_numpy("score").tolist() == [133, 44]


def test_refusal_reaches_the_client_of_triton(served: Served) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{served.port}")
    wrong = inputs()
    wrong[0].set_data_from_numpy(np.array([-1, 40]))
    with pytest.raises(InferenceServerException, match="breaks the contract") as caught:
        client.infer("people", wrong)
    assert caught.value.status() == "400"
    with pytest.raises(InferenceServerException, match="no model 'other'"):
        client.infer("other", inputs())


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_records": [PERSON]},
        {"dataframe_split": {"index": [7], "columns": [*PERSON], "data": [[*PERSON.values()]]}},
        {"inputs": {name: [value] for name, value in PERSON.items()}},
        {"instances": [PERSON], "params": {}},
    ],
    ids=lambda body: next(iter(body)),
)
def test_curl_gets_predictions_in_the_formats_of_mlflow(
    served: Served, body: object, tmp_path: Path
) -> None:
    (tmp_path / "body.json").write_text(json.dumps(body), encoding="utf-8")
    argv = ["curl", "-sS", "--fail-with-body", "--max-time", "60"]
    argv += ["-H", "Content-Type: application/json", "--data-binary", "@body.json"]
    argv += [f"http://127.0.0.1:{served.port}/invocations"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, check=True, timeout=90)
    assert json.loads(done.stdout) == {"predictions": [{"score": 33.0, "greeting": "hello Zoë"}]}
