"""Test that values of any number and size leave a record that can be read."""

from __future__ import annotations

from git_datmo.model import SHA1, Content, Form
from git_datmo.records.codec import SIZE_LIMIT, decode, encode
from git_datmo.records.record_limits import FittingValues, fit_values
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Curve, Run, Snapshot

# JSON escapes each of these characters by six.
LONG = "\x01" * 2000


def record_of(fit: FittingValues) -> Snapshot:
    zero = SHA1.hash("blob", b"")
    person, time = Person("A", "a@b"), "2024-05-01T12:00:00.000000Z"
    run = Run(("train",), series=Content(zero, Form.FOLDER, 1, 1))
    return Snapshot(
        *(zero, zero, "", time, person, "", "", (), fit.parameters, fit.metrics, None, True),
        *(None, run),
        sources=fit.sources,
        curves=fit.curves,
        tags=fit.tags,
    )


def test_values_of_usual_size_are_all_kept() -> None:
    curve = Curve("0", 1, 0.5, 0.5, "min")
    fit = fit_values({"b": 1, "a": "x"}, {"a": "user"}, {"loss": 0.5}, {"loss": curve}, ["t", "t"])
    assert list(fit.parameters.items()) == [("b", 1), ("a", "x")]
    assert (fit.sources, fit.metrics, fit.curves) == ({"a": "user"}, {"loss": 0.5}, {"loss": curve})
    assert (fit.tags, fit.remarks) == (("t",), ())


def test_values_that_are_too_many_are_left_out_and_counted() -> None:
    names = [f"{LONG}{number}" for number in range(3000)]
    curve = Curve("12345", 10**6, -1.5e300, 1 / 3, "max")
    fit = fit_values(
        {**dict.fromkeys(names, 1 / 3), "lr": 0.1, "text": "x" * (6 << 20)},
        {**dict.fromkeys(names, "file:" + LONG), "lr": "user"},
        {**dict.fromkeys(names, 1 / 3), "loss": 1 / 3},
        {**dict.fromkeys(names, curve), "loss": curve},
        [*names, "word"],
    )
    assert fit.parameters["lr"] == 0.1
    assert "text" not in fit.parameters
    assert fit.sources.keys() == fit.parameters.keys()
    assert fit.metrics["loss"] == 1 / 3
    assert "loss" in fit.curves
    assert "word" in fit.tags
    left_out = 3002 - len(fit.parameters)
    assert fit.remarks[0] == f"{left_out} parameters are left out: the record would be too large"
    assert len(fit.remarks) == 4
    raw = encode(record_of(fit))
    assert len(raw) < SIZE_LIMIT
    assert decode(raw) == record_of(fit)


def test_single_value_left_out_is_named_in_the_singular() -> None:
    fit = fit_values({"a": "x" * (6 << 20)}, {"a": "user"}, {}, {}, ())
    assert fit.remarks == ("1 parameter is left out: the record would be too large",)
    assert fit.sources == {}
