"""Draw arbitrary records of all kinds, local or foreign."""

from __future__ import annotations

from hypothesis import strategies as st

from git_datmo.model import SHA1, SHA256, Content, Form, ObjectFormat, Payload, Role
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.check_record import (
    Check,
    CheckedPath,
    CheckFinding,
    ProfiledField,
    SampleRow,
)
from git_datmo.records.drop_record import Drop, Redacted
from git_datmo.records.feedback_record import Feedback
from git_datmo.records.field_profile import FieldProfile
from git_datmo.records.image_record import Image
from git_datmo.records.model_test_record import ModelTest, RecordedResult
from git_datmo.records.receipt_record import Cause, Receipt, ReceiptDifference
from git_datmo.records.record_registry import Record
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Curve, Read, Run, Snapshot
from tests.support.strategies import oids

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "\u2028",
        "\x1b[31m",
        "line\nline",
        "\x00",
        "\u202e",
        "'",
        '"',
        "\\",
        "1e400",
    ]
)
tag_lists = st.lists(texts, unique=True, max_size=3).map(tuple)
# Any number that a program may report, those that JSON cannot say among them.
values = st.booleans() | st.integers() | st.floats() | texts
tables = st.dictionaries(texts, values, max_size=4)
times = st.datetimes().map(lambda when: when.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0"))
seconds = st.floats(0, 1e9)
counts = st.integers(0, 1 << 62)
persons = st.builds(Person, texts, texts)
paths = st.lists(
    st.from_regex(r"[a-z\u00e4 .-]{0,6}[a-z]", fullmatch=True), min_size=1, max_size=3
).map("/".join)


def contents(form: ObjectFormat) -> st.SearchStrategy[Content]:
    return st.builds(Content, oids(form), st.sampled_from(Form), counts, counts)


@st.composite
def payloads(draw: st.DrawFn, form: ObjectFormat) -> tuple[Payload, ...]:
    """Draw payloads, none within another."""
    chosen = draw(st.lists(paths, max_size=4, unique=True))
    apart = [
        p
        for p in chosen
        if not any(other != p and f"{p}/".startswith(f"{other}/") for other in chosen)
    ]
    return tuple(Payload(path, draw(st.sampled_from(Role)), draw(contents(form))) for path in apart)


def runs(form: ObjectFormat) -> st.SearchStrategy[Run]:
    return st.builds(
        Run,
        command=st.lists(texts, min_size=1, max_size=4).map(tuple),
        folder=st.just("") | paths,
        engine=texts,
        exit_code=st.none() | st.integers(-300, 300),
        started=st.just("") | times,
        seconds=seconds,
        inputs=payloads(form),
        outputs=st.lists(paths, max_size=3).map(tuple),
        log=st.none() | contents(form),
        machine=tables,
        resources=tables,
        read=st.none() | st.builds(Read, st.booleans(), _some(paths), _some(texts)),
        tracked=payloads(form),
        unseen=_some(paths),
        status=st.sampled_from(["", "success", "failed", "interrupted", "killed"]) | texts,
        attempt=st.none() | oids(form),
        series=contents(form),
        artifacts=st.none() | contents(form),
    )


def curves() -> st.SearchStrategy[Curve]:
    return st.builds(
        Curve,
        file=st.integers(0, 99).map(str),
        points=st.integers(1, 1 << 53),
        min=values.filter(lambda value: not isinstance(value, bool)),
        max=values.filter(lambda value: not isinstance(value, bool)),
        goal=st.sampled_from(["", "min", "max"]) | texts,
    )


def _some(items: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(items, max_size=3).map(tuple)


@st.composite
def _snapshots(draw: st.DrawFn, form: ObjectFormat) -> Record:
    run = draw(st.none() | runs(form))
    known = draw(st.dictionaries(texts, curves(), max_size=2)) if run is not None else {}
    made = st.builds(
        Snapshot,
        commit=oids(form),
        tree=oids(form),
        patch=st.just("") | oids(form).map(str),
        created=times,
        author=persons,
        message=texts,
        why=texts,
        payloads=payloads(form),
        parameters=tables,
        metrics=tables,
        code=st.none() | contents(form),
        clean=st.booleans(),
        environment=st.none() | contents(form),
        run=st.just(run),
        tolerances=st.dictionaries(texts, seconds, max_size=2),
        sources=st.dictionaries(texts, texts, max_size=2),
        curves=st.just(known),
        tags=st.lists(texts, max_size=2, unique=True).map(tuple),
    )
    return draw(made)


def _receipts(form: ObjectFormat) -> st.SearchStrategy[Record]:
    either = st.none() | values
    differences = st.builds(
        ReceiptDifference, texts, either, either, st.booleans(), st.none() | seconds, texts
    )
    return st.builds(
        Receipt,
        snapshot=oids(form),
        commit=oids(form),
        created=times,
        author=persons,
        verdict=st.sampled_from(["identical", "within tolerance", "different", "failed"]),
        exit_code=st.integers(-300, 300),
        seconds=seconds,
        engine=tables,
        metrics=st.lists(differences, max_size=3).map(tuple),
        outputs=st.lists(differences, max_size=3).map(tuple),
        tolerances=st.dictionaries(texts, seconds, max_size=3),
        machine=tables,
        durations=st.dictionaries(texts, seconds, max_size=2),
        causes=st.lists(st.builds(Cause, texts, texts, either, either), max_size=2).map(tuple),
        reruns=st.integers(1, 9),
        resources=tables,
        tags=st.lists(texts, max_size=2, unique=True).map(tuple),
    )


def _images(form: ObjectFormat) -> st.SearchStrategy[Record]:
    return st.builds(
        Image,
        snapshot=oids(form),
        commit=oids(form),
        created=times,
        author=persons,
        platform=st.from_regex(r"[a-z0-9]+/[a-z0-9]+", fullmatch=True),
        digest=st.from_regex(r"sha256:[0-9a-f]{64}", fullmatch=True),
        content=contents(form),
    )


def _feedback(form: ObjectFormat) -> st.SearchStrategy[Record]:
    return st.builds(
        Feedback,
        snapshot=oids(form),
        commit=oids(form),
        created=times,
        author=persons,
        first=times,
        last=times,
        predictions=st.integers(0, 9),
        refusals=st.integers(0, 9),
        outcomes=st.integers(0, 9),
        content=contents(form),
    )


def _checks(form: ObjectFormat) -> st.SearchStrategy[Record]:
    counts = st.integers(0, 2**40)
    paths = texts.filter(bool)
    samples = st.lists(st.builds(SampleRow, counts, texts), max_size=2).map(tuple)
    findings = st.builds(CheckFinding, texts, texts, paths, texts, texts, texts, counts, samples)
    numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    edges, named, counted = (
        st.lists(each, max_size=3).map(tuple) for each in (numbers, texts, counts)
    )
    profiles = st.builds(FieldProfile, counts, counts, edges, st.booleans(), named, counted)
    return st.builds(
        Check,
        *(oids(form), oids(form), oids(form), times, persons, paths, st.integers(1, 9)),
        st.sampled_from(["holds", "broken", "unchecked"]),
        st.lists(st.builds(CheckedPath, paths, counts, texts), max_size=3).map(tuple),
        st.lists(findings, max_size=2).map(tuple),
        st.lists(st.builds(ProfiledField, texts, texts, profiles), max_size=2).map(tuple),
        st.lists(oids(form), max_size=2).map(tuple),
    )


def _model_tests(form: ObjectFormat) -> st.SearchStrategy[Record]:
    outcomes = st.sampled_from(["passed", "failed", "undecided", "advisory"])
    results = st.builds(RecordedResult, texts, texts, outcomes, texts)
    return st.builds(
        ModelTest,
        *(oids(form), oids(form), times, persons, st.none() | oids(form), tables),
        st.sampled_from(["passed", "failed", "undecided"]),
        st.lists(results, max_size=3).map(tuple),
    )


def records_in(form: ObjectFormat) -> st.SearchStrategy[Record]:
    """Draw records of all kinds whose ids have one object format, as in one repository."""
    annotations = st.builds(
        Annotation,
        *(oids(form), oids(form), times, persons, texts, texts, texts),
        *(tag_lists, tag_lists),
    )
    several = st.lists(oids(form), max_size=3, unique=True).map(tuple)
    redacted = st.builds(Redacted, oids(form), several, st.none() | oids(form))
    drops = st.builds(
        Drop,
        several,
        oids(form),
        times,
        persons,
        texts,
        st.lists(redacted, max_size=2).map(tuple),
    )
    kept = _snapshots(form) | _images(form) | _feedback(form)
    return kept | _receipts(form) | _checks(form) | _model_tests(form) | annotations | drops


def records() -> st.SearchStrategy[Record]:
    return records_in(SHA1) | records_in(SHA256)
