"""Write the checks of contracts as JSON, as Markdown, and as JUnit XML for CI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as ET

from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contracts.contract_types import Finding
from git_datmo.sizes import show_count


def make_document(check: FileCheck) -> dict[str, Any]:
    """Return the JSON object of a check."""
    return {
        "path": check.path,
        "contract": check.contract.file,
        "version": check.contract.version,
        "verdict": check.verdict,
        "rows": check.rows,
        "scope": check.scope,
        "findings": [
            {
                "level": finding.level,
                "rule": finding.rule,
                "table": finding.table,
                "field": finding.field,
                "message": finding.message,
                "count": finding.count,
                "rows": [{"row": row, "value": text} for row, text in finding.rows],
            }
            for finding in check.findings
        ],
    }


def make_markdown(checks: Sequence[FileCheck]) -> str:
    """Return a comment for a pull request: a table of the data, and the findings."""
    lines = ["| data | contract | verdict | checked |", "| --- | --- | --- | --- |"]
    for check in checks:
        cells = (check.path, check.contract.file, check.verdict, _checked(check))
        lines.append(f"| {' | '.join(map(escape_markdown, cells))} |")
    for check in checks:
        for finding in check.findings:
            lines += ["", f"- `{_code(check.path)}` {escape_markdown(_describe(finding))}"]
            lines += [f"  - {_row(row, text)}" for row, text in finding.rows]
    return "\n".join(lines)


def _checked(check: FileCheck) -> str:
    """Return the number of rows, or the parts that were compared."""
    return show_count(check.rows, "row") if check.rows else check.scope


def make_junit(checks: Sequence[FileCheck]) -> str:
    """Return a JUnit document with a test case for each file."""
    failures = sum(check.verdict == "broken" for check in checks)
    attributes = {"name": "contracts", "tests": str(len(checks)), "failures": str(failures)}
    suite = ET.Element("testsuite", attributes)
    for check in checks:
        case = ET.SubElement(
            suite,
            "testcase",
            {"classname": clean_xml(check.contract.file), "name": clean_xml(check.path)},
        )
        texts = [clean_xml(_describe(finding)) for finding in check.findings]
        if check.verdict == "broken":
            first = next(f for f in check.findings if f.level == "refuse")
            failure = ET.SubElement(case, "failure", {"message": clean_xml(_describe(first))})
            failure.text = "\n".join(texts)
        elif check.verdict == "unchecked":
            ET.SubElement(case, "skipped", {"message": "; ".join(texts)})
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode")


def _describe(finding: Finding) -> str:
    """Return the level, the field and the message of a finding."""
    field = f"{finding.field}: " if finding.field else ""
    return f"{finding.level} {field}{finding.message}"


def _row(row: int, text: str) -> str:
    """Return a sample row as Markdown."""
    return f"row {row}: `{_code(text)}`" if row else f"`{_code(text)}`"


def escape_markdown(text: str) -> str:
    """Return text without Markdown's special characters."""
    for character in "\\`*_[]<>|":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")


def _code(text: str) -> str:
    """Return text for a span of code."""
    # A pipe ends a cell of a table, in a span of code too.
    return text.replace("`", "'").replace("\n", " ").replace("|", "\\|")


def clean_xml(text: str) -> str:
    """Return text without the control characters that XML does not allow."""
    return "".join(
        char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text
    )
