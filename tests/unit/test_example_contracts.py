"""Test that the contracts of the examples fit the images that the examples write."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from git_datmo.contracts.check_files import check_files
from git_datmo.contracts.compatibility import compatible
from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.odcs_file import read_contract

EXAMPLES = Path(__file__).parents[2] / "examples"


def read(example: str, name: str) -> Contract:
    path = f"contracts/{name}.odcs.yaml"
    return read_contract((EXAMPLES / example / path).read_bytes(), path)


@pytest.mark.parametrize(("example", "model"), [("digits", "classifier"), ("network", "network")])
def test_images_of_an_example_fit_its_model(example: str, model: str) -> None:
    (images,) = read(example, "digits").tables
    required = read(example, model).tables[0]
    assert required.port == "requires"
    assert not compatible(images, required)


@pytest.mark.parametrize("example", ["digits", "network"])
def test_coloured_image_breaks_the_contract_of_an_example(example: str, tmp_path: Path) -> None:
    contract = read(example, "digits")
    row = " ".join("8" * 8)
    # The form in which write_images.py writes them.
    (tmp_path / "1-0001.pgm").write_text("P2\n8 8\n16\n" + f"{row}\n" * 8, "ascii")
    assert not list(check_files(contract, contract.tables[0], str(tmp_path), "data/digits"))
    Image.new("RGB", (8, 8)).save(tmp_path / "2-0002.ppm")
    found = check_files(contract, contract.tables[0], str(tmp_path), "data/digits")
    assert {finding.rule for finding in found} == {"mediaTypes", "channels"}
