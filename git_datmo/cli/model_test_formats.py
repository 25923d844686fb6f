"""Write the results of the tests of a model as text, JSON, Markdown, and JUnit XML for CI."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from git_datmo.cli.contract_formats import clean_xml, escape_markdown
from git_datmo.model_tests.model_results import ModelResult, verdict_of
from git_datmo.sizes import show_count

_MOST_PASSED = 20
"""Results of a kind that passed, and that people see one by one."""

_NOTHING = "nothing to test: the snapshot has no contract of a model, and no files in tests/model"


def text_lines(results: Sequence[ModelResult]) -> list[str]:
    """Return a line for each result, and the verdict."""
    lines = [f"{each.outcome:9}  {each.kind:8}  {_describe(each)}" for each in _fold(results)]
    return [*lines, verdict_line(results)]


def verdict_line(results: Sequence[ModelResult]) -> str:
    """Return the verdict with the numbers that it follows from."""
    counts = Counter(each.outcome for each in results)
    decisive = len(results) - counts["advisory"]
    if not decisive:
        return f"{verdict_of(results)}: {_NOTHING}"
    failed, open_ = counts["failed"], counts["undecided"]
    return (
        f"{verdict_of(results)}: {show_count(decisive, 'test')}, {failed} failed, {open_} undecided"
    )


def make_document(
    results: Sequence[ModelResult], snapshot: str, champion: str | None
) -> dict[str, Any]:
    """Return the JSON object of all results."""
    return {
        "snapshot": snapshot,
        "champion": champion,
        "verdict": verdict_of(results),
        "tests": [
            {
                "kind": each.kind,
                "name": each.name,
                "outcome": each.outcome,
                "message": each.message,
            }
            for each in results
        ],
    }


def make_markdown(results: Sequence[ModelResult], snapshot: str, champion: str | None) -> str:
    """Return a comment for a pull request."""
    beside = f", champion {champion[:10]}" if champion else ""
    lines = [
        f"**Tests of model {snapshot[:10]}{beside}**: {escape_markdown(verdict_line(results))}",
        "",
        "| outcome | kind | test | message |",
        "| --- | --- | --- | --- |",
    ]
    for each in _fold(results):
        cells = (each.outcome, each.kind, escape_markdown(each.name), escape_markdown(each.message))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def make_junit(results: Sequence[ModelResult]) -> str:
    """Return a JUnit document with a test case for each result."""
    counts = Counter(each.outcome for each in results)
    skipped = counts["undecided"] + counts["advisory"]
    attributes = {
        "name": "model",
        "tests": str(len(results)),
        "failures": str(counts["failed"]),
        "skipped": str(skipped),
    }
    suite = ET.Element("testsuite", attributes)
    for each in results:
        names = {"classname": each.kind, "name": clean_xml(each.name)}
        case = ET.SubElement(suite, "testcase", names)
        if each.outcome == "failed":
            ET.SubElement(case, "failure", {"message": clean_xml(each.message)})
        elif each.outcome != "passed":
            message = f"{each.outcome}: {clean_xml(each.message)}"
            ET.SubElement(case, "skipped", {"message": message})
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode")


def _fold(results: Sequence[ModelResult]) -> list[ModelResult]:
    """Return results for people: many passed ones of a kind become a single one."""
    passed = Counter(each.kind for each in results if each.outcome == "passed")
    folded = [
        each for each in results if each.outcome != "passed" or passed[each.kind] <= _MOST_PASSED
    ]
    many = [
        ModelResult(kind, show_count(count, "test"), "passed")
        for kind, count in passed.items()
        if count > _MOST_PASSED
    ]
    return many + folded


def _describe(result: ModelResult) -> str:
    """Return the name and the message of a result."""
    return f"{result.name}: {result.message}" if result.message else result.name
