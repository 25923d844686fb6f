"""Test that heads and merge bases of snapshots follow from parents alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.records.data_graph import DataGraph

# a <- b <- d <- f; a <- c <- d; c <- e
GRAPH = DataGraph({"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("c",), "f": ("d",)})


def test_heads_are_what_no_other_leads_to() -> None:
    assert GRAPH.heads("abc") == ("b", "c")
    assert GRAPH.heads("abcd") == ("d",)
    assert GRAPH.heads("ade") == ("d", "e")
    assert GRAPH.heads("") == ()


def test_head_is_reached_through_snapshots_that_are_not_asked_about() -> None:
    assert GRAPH.heads("af") == ("f",)


def test_bases_are_the_nearest_common_snapshots() -> None:
    assert GRAPH.bases("d", "e") == ("c",)
    assert GRAPH.bases("b", "c") == ("a",)
    assert GRAPH.bases("f", "d") == ("d",)
    assert GRAPH.bases(("b", "c"), "d") == ("b", "c")


def test_unknown_parents_end_the_search() -> None:
    graph = DataGraph({"x": ("lost",), "y": ("lost",)})
    assert graph.heads("xy") == ("x", "y")
    assert graph.bases("x", "y") == ("lost",)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, tuple[str, ...]]:
    """Draw a graph whose snapshots lead to earlier ones alone."""
    made: dict[str, tuple[str, ...]] = {}
    for number in range(draw(st.integers(1, 9))):
        earlier: set[str] = (
            draw(st.sets(st.sampled_from(sorted(made)), max_size=3)) if made else set()
        )
        made[str(number)] = tuple(sorted(earlier))
    return made


@given(graphs(), st.data())
def test_heads_lead_to_all_and_not_to_each_other(
    parents: dict[str, tuple[str, ...]], data: st.DataObject
) -> None:
    graph = DataGraph(parents)
    asked = data.draw(st.sets(st.sampled_from(sorted(parents)), min_size=1))
    heads = graph.heads(asked)
    assert asked <= graph.reached(heads)
    assert all(head in asked for head in heads)
    assert not any(graph.reaches(one, [other]) for one in heads for other in heads if one != other)
