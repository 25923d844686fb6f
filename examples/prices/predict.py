"""Answers requests with the model of train.py."""

import json
from pathlib import Path


def load(paths):
    """Return the model. `paths` maps the names of the stored files to where they are."""
    return json.loads(Path(paths["model.json"]).read_text("utf-8"))


def predict(model, inputs):
    """Return the price of each flat."""
    rates = [model.get(str(city), model[""]) for city in inputs["city"]]
    return {"price": [rate * float(area) for rate, area in zip(rates, inputs["area"], strict=True)]}
