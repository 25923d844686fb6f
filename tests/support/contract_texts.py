"""Provide contracts for tests: the data of one person, and the model of another."""

from __future__ import annotations

FACES = """\
# Ours; ask before you change it.
apiVersion: v3.1.0
kind: DataContract
id: faces
version: 1.2.0
status: active
servers:
  - {server: local, type: local, path: ./data/faces/*.csv, format: csv}
schema:
  - name: faces
    properties:
      - name: image
        logicalType: string
        required: true
      - {name: age, id: age, logicalType: integer, physicalType: int32, required: true,
         logicalTypeOptions: {minimum: 0, maximum: 120}}
      - name: emotion
        logicalType: string
        required: true
        quality:
          - {metric: invalidValues, arguments: {validValues: [happy, sad]}, mustBe: 0}
          - {metric: nullValues, mustBeLessThan: 5, unit: percent}
slaProperties:
  - {property: retention, value: 3, unit: y}
"""

MODEL = """\
apiVersion: v3.1.0
kind: DataContract
id: emotion-model
version: 2.0.0
status: active
servers:
  - {server: local, type: local, path: models/emotion.onnx, format: onnx}
schema:
  - name: faces
    properties:
      - {name: age, logicalType: integer, physicalType: int64, required: true}
      - {name: emotion, logicalType: string, required: true}
    customProperties:
      - {property: datmo.port, value: requires}
  - name: emotions
    properties:
      - {name: emotion, logicalType: string, required: true}
    customProperties:
      - {property: datmo.port, value: output}
customProperties:
  - {property: datmo.entry, value: "predict.py:predict"}
"""
