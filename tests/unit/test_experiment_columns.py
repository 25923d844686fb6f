"""Test the models of the page that are pure: columns, branches, kinds of files and tables."""

from __future__ import annotations

from git_datmo.report.commit_graph import CommitNode, name_branches
from git_datmo.report.experiment_columns import ValueColumn, order_curves, seconds_of, transpose
from git_datmo.report.file_kinds import kind_of, kind_of_content
from git_datmo.report.story import choose_story_metrics
from git_datmo.report.table_summary import summarise_table


def test_rows_with_other_names_are_turned_in_their_order() -> None:
    rows = [{"a": 1, "b": 2}, {"b": 3}, {"a": 4, "b": 5}, {"b": 6, "a": 7}]
    expected = {"a": [1, None, 4, 7], "b": [2, 3, 5, 6], "c": [None] * 4}
    assert {name: list(column) for name, column in transpose(rows, "abc").items()} == expected
    different: list[dict[str, object]] = [{str(number): number} for number in range(300)]
    turned = transpose(different, ["7", "299"])
    assert [index for index, value in enumerate(turned["7"]) if value is not None] == [7]
    assert turned["299"][299] == 299


def test_curves_that_most_experiments_have_come_first() -> None:
    present = {"a": 1, "b": 3, "c": 3, "d": 9}
    extremes = {f"{name}.{end}": 1 for name in "abc" for end in ("min", "max")}
    assert order_curves(list("abcd"), {**present, **extremes}) == ["b", "c", "a"]


def test_time_keeps_its_fraction() -> None:
    assert seconds_of("1970-01-01T00:00:01.500000Z") == 1.5
    assert seconds_of("1970-01-01T00:00:02Z") == 2.0
    assert seconds_of("nonsense") == 0.0


def test_merged_branch_is_named_by_its_merge() -> None:
    def commit(oid: str, *parents: str, subject: str = "") -> CommitNode:
        return CommitNode(oid, parents, "", "", 0.0, subject)

    every = [
        commit("m", "b", "x", subject="Merge branch 'gone'"),
        commit("f", "b"),
        commit("x", "a"),
        commit("b", "a"),
        commit("a"),
    ]
    named = dict(name_branches({each.oid: each for each in every}, [("main", "m"), ("f", "f")]))
    assert named == {"m": "main", "b": "main", "a": "main", "x": "gone", "f": "f"}


def test_story_prefers_metrics_with_a_goal() -> None:
    def metric(name: str, goal: str, count: int) -> ValueColumn:
        return ValueColumn(f"metrics.{name}", "metrics", "number", [1.0] * count, goal)

    columns = [
        metric("other", "", 9), metric("loss", "min", 3), metric("loss.min", "min", 3),
        metric("accuracy", "max", 5),
    ]  # fmt: skip
    assert choose_story_metrics(columns, 2) == ("metrics.accuracy", "metrics.loss")


def test_kind_of_a_file_follows_from_its_name_or_content() -> None:
    names = ("a.PNG", "b.csv", "c.json", "d.svg", "e.wav", "f", "g.bin")
    assert list(map(kind_of, names)) == ["image", "table", "json", "text", "audio", "", ""]
    assert kind_of_content("größe".encode()) == "text"
    assert kind_of_content(b"\0") == "binary"
    assert kind_of_content(b"\xff\xfe") == "binary"


def test_tables_of_each_form_are_summarised() -> None:
    for content in (
        b"n,flag\n1,true\n3,false\n",
        b"n\tflag\n1\ttrue\n3\tfalse\n",
        b'{"n": 1, "flag": true}\n{"n": 3, "flag": false}\n',
        b'{"columns": ["n", "flag"],\n "rows": [[1, true], [3, false]]}',
    ):
        found = summarise_table([content])
        assert found is not None
        number, flag = found.columns
        assert (found.rows, number.type, number.min, number.max, number.mean) == (
            2,
            "number",
            1,
            3,
            2,
        )
        assert (flag.type, flag.distinct) == ("flag", 2)
        assert len(found.sample) == 2
    assert summarise_table([b"PAR1\x00\xff"]) is None
    assert summarise_table([b"{broken"]) is None
