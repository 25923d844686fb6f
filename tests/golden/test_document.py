"""Test that `docs/FORMAT.md` matches the code: constants, settings, rules, keys and vectors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import git_datmo
from git_datmo.environments import manifest_reader as environments
from git_datmo.objects import chunk_trees, chunks, stored_folders, stored_names
from git_datmo.objects.store_location import PROMISES, SETTINGS
from git_datmo.records import codec, format_marker, namespaces, notes
from git_datmo.remotes import keep_commits
from git_datmo.setup.init_repository import NOTES_GLOB, REWRITE_MODE
from tests.support import format_dumps as dumps
from tests.support import independent_curve, independent_objects, vector_ids
from tests.support.format_document import DOCUMENT, code_words, section, tables
from tests.support.vector_content import INPUTS

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
SCHEMA = Path(git_datmo.__file__).parent / "records" / "record.schema.json"


def test_constants_of_the_page_match_the_code() -> None:
    told = {
        name: int(value, 0)
        for name, value in re.findall(r"^([A-Z_]+) = (\w+)$", section(3), re.MULTILINE)
    }
    assert told == {
        **{
            name: getattr(chunks, name)
            for name in (
                "MIN_SIZE",
                "AVERAGE_SIZE",
                "MAX_SIZE",
                "NORMALISATION",
                "SEED",
                "WHOLE_LIMIT",
            )
        },
        **{name: getattr(chunk_trees, name) for name in ("NODE_MIN", "NODE_MAX", "NODE_MASK")},
        "PART_LIMIT": stored_folders.PART_LIMIT,
        "MASK_SMALL": independent_objects.MASK_SMALL,
        "MASK_LARGE": independent_objects.MASK_LARGE,
        "RECORD_LIMIT": codec.SIZE_LIMIT,
        "MARKER_LIMIT": format_marker.MARKER_LIMIT,
        "ENVIRONMENT_LIMIT": environments.SIZE_LIMIT,
        "LINK_LIMIT": stored_names.LINK_LIMIT,
        "SUMMARY_LIMIT": notes.SUMMARY_LIMIT,
    }


def test_store_settings_of_the_page_match_the_code() -> None:
    told = {
        row[0].strip("`"): row[1].strip("`") for row in tables(section(2)) if row[0].startswith("`")
    }
    assert told == {**SETTINGS, **PROMISES}


def test_reserved_names_of_the_page_match_the_code() -> None:
    text = section(5)
    (pattern,) = re.findall(r"^```\n(.*)\n```$", text, re.MULTILINE)
    assert pattern.encode() == stored_names.RESERVED.pattern
    assert stored_names.RESERVED.flags & re.IGNORECASE
    words = {*code_words(text)}
    for name in (
        stored_names.CHUNKED_FILE,
        stored_names.CHUNKED_EXECUTABLE,
        stored_names.PART,
        stored_names.ESCAPE,
        stored_names.TEMPORARY,
    ):
        assert name.decode() in words


def schema_keys(schema: Any) -> set[str]:
    """Return every key that the schema names, in records and within their values."""
    if isinstance(schema, list):
        return {key for item in schema for key in schema_keys(item)}
    if not isinstance(schema, dict):
        return set()
    below = {
        key for name, item in schema.items() if name != "properties" for key in schema_keys(item)
    }
    own = schema.get("properties", {})
    return below | set(own) | {key for item in own.values() for key in schema_keys(item)}


def test_record_keys_of_the_page_match_the_schema() -> None:
    schema = json.loads(SCHEMA.read_text())
    keys = schema_keys(schema)
    text = section(7)
    assert keys <= {*code_words(text)}
    kinds = {"receipt", "image", "feedback", "annotation", "drop", "check", "test"}
    told = {
        word for row in tables(text) for word in code_words(row[1] if row[0] in kinds else row[0])
    }
    assert told <= keys


def test_values_of_record_keys_are_on_the_page() -> None:
    words = {*code_words(section(6) + section(7))}
    definitions = json.loads(SCHEMA.read_text())["definitions"]
    assert {*definitions["payload"]["properties"]["role"]["enum"]} <= words
    assert {*definitions["content"]["properties"]["form"]["enum"]} <= words
    assert {
        "identical",
        "within tolerance",
        "different",
        "failed",
        "NaN",
        "Infinity",
        "-Infinity",
    } <= words


def test_refs_and_keep_commits_of_the_page_match_the_code() -> None:
    text = section(10)
    words = code_words(text)
    for ref in (namespaces.RECORDS_REF, namespaces.NOTES_REF):
        assert ref in words
    for ns in namespaces.NAMESPACES:
        assert {ns.name, ns.records, ns.notes, f"{ns.keep}<epoch>"} <= set(words)
    assert {
        keep_commits.LINK,
        keep_commits.PART,
        keep_commits.PART_LINK,
        keep_commits.DONE_LINK,
    } <= set(words)
    for start in (namespaces.NAMESPACES[0].keep, namespaces.REMOTE_REFS):
        assert any(word.startswith(start) for word in words)
    assert (
        f"author {keep_commits.IDENTITY} {keep_commits.TIME} +0000\ncommitter {keep_commits.IDENTITY} {keep_commits.TIME} +0000\n\ndatmo: keep"
        in text
    )


def test_vectors_of_the_page_match_the_tests() -> None:
    text = section(15)
    rows = {row[0]: [cell.strip("`") for cell in row[1:]] for row in tables(text)}
    objects = {
        **vector_ids.FOLDER_IDS,
        **{f"{n} chunks": ids for n, ids in vector_ids.CHUNK_TREE_IDS.items()},
    }
    for name, ids in objects.items():
        assert rows[name] == list(ids)
    cuts = [
        list(map(int, row[1].split())) for row in tables(text) if re.fullmatch(r"[\d ]+", row[1])
    ]
    assert cuts == [vector_ids.CUTS[name] for name in INPUTS]
    for lines in (vector_ids.RECORD_LINES, vector_ids.ANNOTATION_LINES):
        assert "\n".join(lines.values()) in text
    assert vector_ids.record_bytes("drop").decode() in text
    told = {row[0] for row in rows.values()}
    assert told >= {
        vector_ids.KEEP_ID,
        vector_ids.LINK_ID,
        *vector_ids.FIRST_LINK_IDS,
        *vector_ids.PART_IDS,
    }
    assert vector_ids.TRACKED_LINE in text
    assert told >= {vector_ids.TRACKED_KEEP_ID, vector_ids.CURVE_ID}
    assert told >= {*vector_ids.DATA_IDS}
    assert told >= {*vector_ids.ENVIRONMENT_IDS.values(), vector_ids.ENVIRONMENT_OBJECT}
    assert told >= {vector_ids.MARKER_ID}


def test_limits_of_the_table_are_those_of_the_schema() -> None:
    rows = {row[0]: row[1] for row in tables(section(3))}
    definitions = json.loads(SCHEMA.read_text())["definitions"]
    path, folder = definitions["path"], definitions["run"]["properties"]["folder"]
    assert rows["path of a payload or an output"].startswith(
        f"{path['minLength']} to {path['maxLength']:,} "
    )
    assert rows["folder of a run"].startswith(f"0 to {folder['maxLength']:,} ")
    assert rows["keep commits that a link ties"].endswith(
        f"git-datmo ties {keep_commits.PARENTS_AT_ONCE}"
    )
    width = keep_commits.PART_WIDTH
    assert rows["blobs of a part commit"] == f"1 to {width**2:,}: {width} trees of {width}"


def test_marker_of_the_page_matches_the_code() -> None:
    assert format_marker.encode_marker(format_marker.Marker()).decode() in section(7)


def test_curve_of_the_page_matches_the_code() -> None:
    content = independent_curve.write("loss", vector_ids.CURVE_POINTS).decode()
    assert f"```\n{content}```\n" in section(7)


def test_note_settings_of_the_code_are_on_the_page() -> None:
    assert {NOTES_GLOB, REWRITE_MODE, "notes.rewriteRef", "notes.rewriteMode"} <= {
        *code_words(section(9))
    }


def test_dumps_are_those_of_the_independent_implementation() -> None:
    page = DOCUMENT.read_text()
    assert dumps.with_dumps(page) == page


def test_vectors_and_errors_have_the_same_classes() -> None:
    told = {row[0].strip("`") for row in tables(section(13)) if row[0].startswith("`")}
    given = {
        vector["verdict"]
        for kind in ("records", "names", "trees", "targets", "markers")
        for vector in VECTORS[kind]
    }
    assert given <= told | {"valid"}
    assert {word for word in code_words(section(15)) if word in VECTORS} == set(VECTORS) - {"about"}


def test_links_of_the_page_have_targets() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DOCUMENT.read_text()):
        assert (DOCUMENT.parent / target).exists(), target
