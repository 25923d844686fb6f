"""Ask libraries of data contracts that a Python outside of the test environment has.

`DATMO_TEST_CONTRACTS` names that Python. It has datacontract-cli, frictionless, jsonsubschema,
mlcroissant, mlflow-skinny, pandera and pyarrow. Without the variable, tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

PYTHON = os.environ.get("DATMO_TEST_CONTRACTS", "")
needs_libraries = pytest.mark.skipif(not PYTHON, reason="DATMO_TEST_CONTRACTS names no Python")


def ask(code: str, folder: Path, *values: object) -> Any:
    """Run code in a folder with `values` as `given`, and return the `answer` that it leaves."""
    program = (
        "import json, sys\n"
        "given = json.load(sys.stdin)\n"
        f"{code}\n"
        "print('\\n' + json.dumps(answer))\n"
    )
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-c", program],
        cwd=folder,
        input=json.dumps(values),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
