"""Test that the manifests in docs/DEPLOY.md agree with the image and with the command line."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from git_datmo.cli.parser import make_parser, parse
from git_datmo.serving.serving_setup import ServingOptions
from git_datmo.serving_image import start_in_image
from git_datmo.serving_image.image_paths import PORT, USER

PAGE = Path(__file__).parents[2] / "docs" / "DEPLOY.md"
IMAGE = "registry.example.org/team/prices:1.0"
HEALTH = {"readinessProbe": "/v2/health/ready", "livenessProbe": "/v2/health/live"}
# Seconds that a request may take; the server needs longer to end.
LONGEST = ServingOptions.__dataclass_fields__["seconds"].default


def block(heading: str, kind: str = "yaml") -> str:
    """Return the first block of code below a heading."""
    below = PAGE.read_text("utf-8").partition(f"### {heading}\n")[2]
    return below.partition(f"```{kind}\n")[2].partition("```")[0]


def containers() -> list[dict[str, Any]]:
    """Return the containers of the manifests of Kubernetes and KServe."""
    deployment, _ = yaml.safe_load_all(block("Kubernetes"))
    predictor = yaml.safe_load(block("KServe"))["spec"]["predictor"]
    return [*deployment["spec"]["template"]["spec"]["containers"], *predictor["containers"]]


def test_compose_file_runs_the_image_as_it_can_be_run() -> None:
    document = yaml.safe_load(block("Compose"))
    (service,) = document["services"].values()
    assert service["image"] == IMAGE
    assert service["ports"] == [f"127.0.0.1:8080:{PORT}"]
    assert int(service["stop_grace_period"].removesuffix("s")) > LONGEST
    source = Path(start_in_image.__file__).read_text("utf-8")
    assert all(f'"{name}"' in source for name in service["environment"])
    (secret,) = service["secrets"]
    assert service["environment"]["DATMO_TOKEN"] == f"@/run/secrets/{secret}"
    assert secret in document["secrets"]


def test_manifests_of_kubernetes_use_port_user_and_health_of_the_image() -> None:
    deployment, service = yaml.safe_load_all(block("Kubernetes"))
    spec = deployment["spec"]["template"]["spec"]
    assert f"{spec['securityContext']['runAsUser']}:" in USER
    assert spec["terminationGracePeriodSeconds"] > LONGEST
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    assert service["spec"]["ports"][0]["targetPort"] == PORT
    for container in containers():
        assert container["image"] == IMAGE
        assert [port["containerPort"] for port in container["ports"]] == [PORT]
        probes = {name: container[name]["httpGet"] for name in HEALTH if name in container}
        assert "readinessProbe" in probes
        assert probes == {name: {"path": HEALTH[name], "port": PORT} for name in probes}


def test_unit_starts_a_command_that_exists_and_gives_it_time_to_end() -> None:
    unit = configparser.ConfigParser()
    unit.read_string(block("systemd", "ini"))
    git, datmo, verb, *words = shlex.split(unit["Service"]["ExecStart"])
    assert (git, datmo) == ("/usr/bin/git", "datmo")
    assert parse(make_parser(verb), verb, words).port == PORT
    assert int(unit["Service"]["TimeoutStopSec"]) > LONGEST


def test_unit_is_accepted_by_systemd(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze") or not Path("/usr/bin/git").exists():
        pytest.skip("systemd is not installed")
    unit = tmp_path / "prices.service"
    unit.write_text(block("systemd", "ini"), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    # Other units of the machine may have warnings of their own.
    assert done.returncode == 0
    assert not re.search(r"prices\.service", done.stderr)
