"""Stand for a training: read params.json, and write a score that is best at depth 5, rate 0.01."""

import json
import math
from pathlib import Path

parameters = json.loads(Path("params.json").read_text("utf-8"))
depth, rate = parameters["model"]["depth"], parameters["rate"]
score = 1 - 0.02 * (depth - 5) ** 2 - 0.1 * (math.log10(rate) + 2) ** 2
Path("metrics.json").write_text(json.dumps({"score": score}), "utf-8")
