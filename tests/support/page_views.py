"""List the addresses of all views of the example, and texts that each shows."""

from __future__ import annotations

from tests.support.page_example import id_of

FIRST, SECOND = id_of(0), id_of(1)
NOTED = id_of(3)
VIEWS = [
    ("#/experiments", ["Experiments", "Try number 24", "accuracy", "rate"]),
    ("#/experiments?group=same", ["Same but the seed", "±"]),
    ("#/experiments?chart=curves", ["Curves of the first 20 of 24 rows", "ripple"]),
    ("#/experiments?chart=scatter", ["Horizontal", "Point at a dot"]),
    ("#/experiments?chart=parallel", ["Add an axis", "Drag along an axis"]),
    (f"#/experiment/{NOTED}", ["Depth matters", "It does", "differs", "accuracy 0.91 instead"]),
    (f"#/experiment/{NOTED}", ["pass its tests?", "7 tests", "Champion", "gate accuracy >= champ"]),
    (f"#/experiment/{NOTED}", ["keep their contracts?", "400 rows, 1 error", "1 field drifted"]),
    (f"#/experiment/{FIRST}?tab=curves", ["loss", "ripple", "NaN"]),
    (f"#/experiment/{FIRST}?tab=media", ["samples", "Step"]),
    (f"#/experiment/{FIRST}?tab=data", ["Bring it here", "git datmo checkout"]),
    (f"#/experiment/{FIRST}?tab=code", ["train.py", "+rate = 2", "1 file"]),
    (f"#/experiment/{FIRST}?tab=environment", ["numpy", "2.0", "cpus"]),
    (
        f"#/experiment/{FIRST}?tab=feedback",
        ["1,234", "maximum", "accuracy 0.9", "2.65", "large", "events of the server"],
    ),
    (f"#/experiment/{FIRST}?tab=log", ["epoch 1 done", "loss 0.5"]),
    (f"#/experiment/{FIRST}?tab=lineage", ["Try number 23", "Lineage"]),
    (f"#/compare/{FIRST},{SECOND}", ["Compare 2 experiments", "seed", "accuracy"]),
    (f"#/compare/{FIRST},{id_of(20)}", ["Different code", "Same data and environment"]),
    (f"#/compare/{FIRST},{SECOND}?part=curves", ["1. Try number 24", "2. Try number 23"]),
    (f"#/compare/{FIRST},{SECOND}?part=media", ["Slider", "Difference"]),
    (f"#/compare/{FIRST},{id_of(20)}?part=code", ["1 file differs", "-rate = 0", "+rate = 1"]),
    (f"#/compare/{FIRST},{id_of(20)}?part=data", ["differs", "1 added, 1 removed, 0 changed"]),
    (f"#/compare/{FIRST},{id_of(20)}?part=environment", ["numpy", "2.1"]),
    ("#/data", ["1 path", "4.0 KB stored"]),
    ("#/data/data", ["Clean the labels", "Some were wrong", "Used by 2 experiments"]),
    ("#/story", ["The best accuracy is", "Turning points", "Perhaps depth"]),
    ("#/contracts", ["2 contracts", "does not fit", "broken"]),
    (
        "#/contracts/contracts/faces.odcs.yaml",
        ["Required by", "field 'age' is missing", "130", "1.23", "1 field drifted", "major change"],
    ),
    ("#/health", ["2 experiments are not there", "Missing data", "git push"]),
]
