"""Make the document of contracts of the example for tests of the page."""

from __future__ import annotations

from typing import Any

from tests.support.page_documents import START, Document, make_oid

DATA, MODEL = "contracts/faces.odcs.yaml", "contracts/age.odcs.yaml"


def make_contracts(odd: str) -> Document:
    """Return a contract of data that a model requires; `odd` is in every text of a person."""
    return {
        "contracts": [
            {
                **_contract(f"{MODEL}{odd}", f"age{odd}", "requires", odd),
                "checks": [],
            },
            _contract(DATA, f"faces{odd}", "provides", odd),
        ],
        "pairs": [
            {
                "provider": DATA,
                "consumer": f"{MODEL}{odd}",
                "findings": [f"field 'age' is missing{odd}"],
                "provided": [_label("2.0.0", 2, odd), _label("1.0.0", 1, odd)],
                "required": [_label("1.0.0", 1, odd)],
                "fits": [[False], [True]],
            }
        ],
    }


def _label(version: str, number: int, odd: str) -> dict[str, str]:
    return {"version": f"{version}{odd}", "commit": make_oid(f"contract {number}")}


def _contract(file: str, name: str, port: str, odd: str) -> dict[str, Any]:
    """Return a contract with two versions and a broken check."""
    return {
        "file": file,
        "name": name,
        "version": f"2.0.0{odd}",
        "status": f"active{odd}",
        "paths": [f"data/faces{odd}"],
        "problem": "",
        "tables": [
            {
                "name": f"faces{odd}",
                "port": port,
                "description": f"Portraits{odd}",
                "fields": [
                    {
                        "name": f"years{odd}",
                        "type": "integer",
                        "rules": ["not null", "0 to 120"],
                        "classification": f"public{odd}",
                        "description": f"Age in years{odd}",
                    }
                ],
            }
        ],
        "versions": [_version("2.0.0", 2, "major", odd), _version("1.0.0", 1, "", odd)],
        "checks": [_check(odd)],
    }


def _version(version: str, number: int, size: str, odd: str) -> dict[str, Any]:
    changes = [{"path": f"faces.age{odd}", "size": size, "reason": f"field removed{odd}"}]
    return {
        "version": f"{version}{odd}",
        "commit": make_oid(f"contract {number}"),
        "author": f"Ada{odd}",
        "time": START + number,
        "subject": f"Rename a column{odd}",
        "size": size,
        "problem": f"version is too low{odd}" if size else "",
        "changes": changes if size else [],
    }


def _check(odd: str) -> dict[str, Any]:
    finding = {
        "level": "refuse",
        "path": f"data/faces/one.csv{odd}",
        "field": f"years{odd}",
        "message": f"1 row is above the maximum 120{odd}",
        "count": 1,
        "samples": [{"row": 7, "value": f"130{odd}"}],
    }
    drift = {"table": "faces", "since": make_oid("contract 1")}
    return {
        "commit": make_oid("contract 2"),
        "time": START,
        "author": f"Grace{odd}",
        "verdict": "broken",
        "files": 1,
        "rows": 400,
        "findings": [finding],
        "drift": [
            {**drift, "field": f"eye{odd}", "index": 0.01, "is_large": False},
            {**drift, "field": f"years{odd}", "index": 1.2345, "is_large": True},
        ],
    }
