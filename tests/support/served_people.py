"""Write a served model whose contract has fields of all kinds, for tests with real clients."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import datmo
from tests.support.serving import write_model
from tests.support.shell import Shell, seal

PREDICT = """\
import numpy as np

def predict(model, inputs):
    age, name = inputs["age"], inputs["name"]
    vip = inputs.get("vip", np.zeros(len(age), bool))
    return {
        "score": inputs["height"] * 2 + age + 100 * vip,
        "greeting": np.array([f"hello {each}" for each in name], dtype=object),
    }
"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: people
name: people
version: 1.0.0
status: active
customProperties:
  - property: datmo.entry
    value: predict.py:predict
schema:
  - name: request
    customProperties:
      - property: datmo.port
        value: input
    properties:
      - {name: age, logicalType: integer, required: true, logicalTypeOptions: {minimum: 0}, examples: [30]}
      - {name: height, logicalType: number, required: true, examples: [1.5]}
      - {name: name, logicalType: string, required: true, logicalTypeOptions: {pattern: "^[^0-9]*$"}, examples: [Ada]}
      - {name: born, logicalType: date, examples: ["1990-12-31"]}
      - {name: side, logicalType: string, required: true, enum: [left, right], examples: [left]}
      - name: vip
        logicalType: boolean
        required: true
        customProperties:
          - {property: datmo.optional, value: true}
  - name: answer
    customProperties:
      - property: datmo.port
        value: output
    properties:
      - {name: score, logicalType: number, required: true}
      - {name: greeting, logicalType: string, required: true}
"""


def make_people(folder: Path) -> Shell:
    """Return a repository with the model, as it is after a run."""
    shell = Shell(folder / "repo", seal(folder / "home"))
    shell.cwd.mkdir()
    shell.git("init", "-q", ".")
    shell.commit("code.py", "pass\n")
    datmo(shell, "init")
    write_model(shell, contract=CONTRACT, predict=PREDICT)
    return shell
