"""Check data frames by contracts, and by schemas of pandera."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from git_datmo.contracts.contract_types import verdict_of
from git_datmo.contracts.conversions.json_documents import read_yaml_object, write_yaml
from git_datmo.contracts.conversions.pandera_schema import from_pandera, to_pandera
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from tests.support.contract_data import check
from tests.support.contract_libraries import ask, needs_libraries

FRAMES = 1_000

SCHEMA = """\
import pandera.pandas as pa
schema = pa.DataFrameSchema({
    "id": pa.Column("int64", nullable=False),
    "age": pa.Column("Int32", pa.Check.in_range(0, 120), nullable=True),
    "mass": pa.Column("float64", [pa.Check.gt(0), pa.Check.le(9.5)], nullable=True),
    "mood": pa.Column(str, pa.Check.isin(["happy", "sad"])),
    "code": pa.Column(str, [pa.Check.str_length(2, 4), pa.Check.str_matches("[A-Z]+[0-9]?$")],
                      nullable=True, required=False),
    "ok": pa.Column("bool"),
    "seen": pa.Column("datetime64[us, UTC]", nullable=True),
    "level": pa.Column("int64", [pa.Check.isin([1, 2, 3])], unique=False),
}, unique=["id"], name="faces")
text = schema.to_yaml()
"""

# Writes frames, and answers with the verdicts of the schema and of its conversion.
FRAMES_CODE = f"""{SCHEMA}
import random
import pandas as pd
converted = pa.DataFrameSchema.from_yaml(given[0])
random.seed(given[1])

def make():
    rows = random.randint(1, 12)
    def some(values, nulls=0.0):
        return [None if random.random() < nulls else random.choice(values) for _ in range(rows)]
    return pd.DataFrame({{
        "id": pd.Series(random.sample(range(100), rows), dtype="int64"),
        "age": pd.Series(some((0, 7, 120), 0.2), dtype="Int32"),
        "mass": pd.Series(some((0.5, 9.5, 3.0), 0.2), dtype="float64"),
        "mood": pd.Series(some(("happy", "sad")), dtype="str"),
        "code": pd.Series(some(("AB", "ABC1", "X1"), 0.2), dtype="str"),
        "ok": pd.Series(some((True, False)), dtype="bool"),
        "seen": pd.to_datetime(pd.Series(some(("2026-01-01", "2026-02-28"), 0.2)), utc=True
                               ).astype("datetime64[us, UTC]"),
        "level": pd.Series(some((1, 2, 3)), dtype="int64"),
    }})

def put(frame, name, value):
    if name not in frame:
        return
    frame.loc[random.randrange(len(frame)), name] = value

MUTATIONS = {{
    "nothing": lambda f: None,
    "repeat": lambda f: put(f, "id", f["id"].iloc[0] if "id" in f else 0),
    "too old": lambda f: put(f, "age", 121),
    "too young": lambda f: put(f, "age", -1),
    "no age": lambda f: put(f, "age", pd.NA),
    "no mass": lambda f: put(f, "mass", 0.0),
    "light": lambda f: put(f, "mass", 1e-300),
    "heavy": lambda f: put(f, "mass", 9.500001),
    "infinite": lambda f: put(f, "mass", float("inf")),
    "NaN": lambda f: put(f, "mass", float("nan")),
    "mood": lambda f: put(f, "mood", random.choice(("happy", "angry", ""))),
    "null mood": lambda f: put(f, "mood", None),
    "code": lambda f: put(f, "code", random.choice(("A", "ABCDE", "ab", "AB12", "Ä1", "AB1", None))),
    "no id": lambda f: f.__setitem__("id", f["id"].astype("Int64").mask(f.index == 0)),
    "text": lambda f: f.__setitem__("id", f["id"].astype(str)),
    "wide": lambda f: f.__setitem__("age", f["age"].astype("Int64")),
    "fraction": lambda f: f.__setitem__("level", f["level"] + 0.5),
    "level": lambda f: put(f, "level", random.choice((0, 3, 4))),
    "flag": lambda f: f.__setitem__("ok", f["ok"].astype(str)),
    "naive": lambda f: f.__setitem__("seen", f["seen"].dt.tz_localize(None)),
    "later": lambda f: f.__setitem__("seen", f["seen"] + pd.Timedelta(days=random.randint(0, 9))),
    "drop": lambda f: f.drop(columns=random.choice([*f]), inplace=True),
    "add": lambda f: f.__setitem__("more", 1),
}}

def valid(one, frame):
    try:
        one.validate(frame)
        return True
    except (pa.errors.SchemaError, pa.errors.SchemaErrors):
        return False

answer = []
for number in range(given[2]):
    frame = make()
    names = random.sample(sorted(MUTATIONS), random.randint(0, 2))
    done = []
    for name in names:
        try:
            MUTATIONS[name](frame)
            done.append(name)
        except KeyError:
            # An earlier mutation dropped the column.
            pass
    frame.to_parquet(f"{{number}}.parquet")
    answer.append([done, valid(schema, frame), valid(converted, frame)])
"""


@needs_libraries
def test_pandera_agrees_on_a_thousand_mutated_frames(tmp_path: Path) -> None:
    text = ask(f"{SCHEMA}\nanswer = text", tmp_path)
    contract, lost = from_pandera(read_yaml_object(text.encode(), "faces.yaml"), "faces")
    assert lost == ()
    contract = read_contract(new_contract(contract).encode(), "contracts/faces.odcs.yaml")
    document, lost = to_pandera(contract)
    assert lost == ("version",)
    answers = ask(FRAMES_CODE, tmp_path, write_yaml(document), 16, FRAMES)
    differing = []
    counts: Counter[bool] = Counter()
    for number, (mutations, original, converted) in enumerate(answers):
        findings = check(tmp_path / f"{number}.parquet", contract).findings
        mine = verdict_of(findings) == "holds"
        counts[mine] += 1
        if not mine == original == converted:
            differing.append((number, mutations, mine, original, converted, findings))
    assert not differing
    # Both verdicts are frequent.
    assert min(counts.values()) > FRAMES // 5
