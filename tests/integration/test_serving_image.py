"""Serve a model from an image, without a repository, a network, or rights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import docker
import pytest
from docker.errors import NotFound
from docker.models.containers import Container

from tests.support.commands import datmo, refused
from tests.support.containers import wait_for_line
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.serving import serving
from tests.support.shell import Shell

# Predicts once itself, so that a run records the bytes of its predictions.
TRAIN = """\
import json, predict, struct
from pathlib import Path
Path("model.json").write_text(json.dumps({"slope": 0.1, "more": "x" * 2_000_000}))
values = predict.predict(predict.load({"model.json": "model.json"}), {"x": [3.0, 0.7]})["y"]
Path("predictions.bin").write_bytes(struct.pack("<2d", *values))
"""
PREDICT = """\
import json, math
from pathlib import Path

def load(paths):
    return json.loads(Path(paths["model.json"]).read_text())

def predict(model, inputs):
    values = inputs["x"]
    return {"y": [math.exp(float(each)) * model["slope"] for each in values]}
"""
# Prints the bytes of the answer's only array.
ASK = """\
import json, sys, urllib.request
body = {
    "inputs": [{"name": "x", "datatype": "FP64", "shape": [2], "data": [3.0, 0.7]}],
    "outputs": [{"name": "y", "parameters": {"binary_data": True}}],
}
url = f"http://127.0.0.1:{sys.argv[1]}/v2/models/line/infer"
asked = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
answer = urllib.request.urlopen(asked, timeout=20)
length = int(answer.headers["Inference-Header-Content-Length"])
print(answer.read()[length:].hex())
"""
TAG = "git-datmo-test-served:1"


@pytest.fixture
def client(engine_environ: dict[str, str]) -> Iterator[docker.DockerClient]:
    with closing(docker.DockerClient(base_url=engine_environ["DOCKER_HOST"])) as made:
        yield made
        with suppress(NotFound):
            made.images.remove(TAG, force=True)


def served(client: docker.DockerClient) -> Iterator[Container]:
    """Run the image without network, rights, and a file system that can be written."""
    made = client.containers.run(TAG, detach=True, read_only=True, network_mode="none")
    try:
        yield made
    finally:
        made.remove(force=True)


@pytest.fixture
def alex(pair: Pair, engine_environ: dict[str, str]) -> Shell:
    """Return a clone with a frozen environment, and a model that a run made."""
    shell = pair.alex.having(**engine_environ)
    shell.commit("predict.py", PREDICT)
    shell.commit("train.py", TRAIN)
    datmo(shell, "run", "--engine", "docker", "--", "python3", "train.py")
    return shell


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.timeout(300)
def test_image_serves_offline_and_is_the_same_from_two_clones(
    pair: Pair, alex: Shell, client: docker.DockerClient, tmp_path: Path
) -> None:
    arguments = ("image", "--entry", "predict.py:predict", "--as", "line", "--json")
    datmo(alex, "env", "freeze")
    first = json.loads(datmo(alex, *arguments, "--load", "--tag", TAG).stdout)
    require_valid("image", first)

    # The run, its reproduction, the server and the image predict the same bytes.
    predictions = (alex.cwd / "predictions.bin").read_bytes()
    datmo(alex, "reproduce", "HEAD", "--engine", "docker")
    words = ("--entry", "predict.py:predict", "--as", "line", "--engine", "docker")
    with serving(alex, *words) as server:
        asked = alex.run("python3", "-c", ASK, str(server.port))
        assert bytes.fromhex(asked.stdout) == predictions
    for container in served(client):
        wait_for_line(container, "serving snapshot")
        assert container.exec_run(["id", "-u"]).output.strip() == b"65532"
        done = container.exec_run(["python3", "-c", ASK, "8080"])
        assert done.exit_code == 0, done.output
        assert bytes.fromhex(done.output.decode()) == predictions
        container.stop(timeout=20)
        assert container.wait()["StatusCode"] == 0

    alex.git("push", "-q")
    ignacio = pair.clone()
    layout = tmp_path / "layout"
    second = json.loads(datmo(ignacio, *arguments, "--oci", str(layout)).stdout)
    assert second["digest"] == first["digest"]

    # Another version of the code shares all layers but its own.
    alex.commit("predict.py", f"{PREDICT}\n# more\n")
    datmo(alex, "run", "--engine", "docker", "--", "python3", "train.py")
    edited = json.loads(datmo(alex, *arguments, "--oci", str(layout)).stdout)
    known = {layer["digest"] for layer in second["layers"]}
    added = [layer["size"] for layer in edited["layers"] if layer["digest"] not in known]
    assert len(added) == 1
    assert sum(added) < 1 << 20


def test_image_without_a_target_or_a_name_is_refused(repo: Shell) -> None:
    refused(repo, "image", code=129, says=("nothing to do with the image",))
    refused(repo, "image", "--push", "A B", says=("is no name of an image",))
