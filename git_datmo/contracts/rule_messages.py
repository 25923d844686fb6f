"""Say in a line which rule of a field is broken, and in how many rows."""

from __future__ import annotations

from git_datmo.contracts.contract_types import Field
from git_datmo.sizes import show_count

_ARTICLES = {"integer": "an integer", "object": "an object", "array": "an array"}


def describe_rule(field: Field, rule: str, count: int) -> str:
    """Return the message of a rule that `count` rows break."""
    texts = {
        "type": f"not {name_type(field.logical_type)}",
        "required": "null, and the field is required",
        "present": "without the field, which is not optional",
        "enum": "outside the enumeration",
        "minimum": f"below the minimum {field.minimum}",
        "maximum": f"above the maximum {field.maximum}",
        "multipleOf": f"no multiple of {field.multiple_of}",
        "minLength": f"shorter than {show_count(field.min_length or 0, 'character')}",
        "maxLength": f"longer than {show_count(field.max_length or 0, 'character')}",
        "minItems": f"with fewer than {show_count(field.min_items or 0, 'item')}",
        "maxItems": f"with more than {show_count(field.max_items or 0, 'item')}",
        "pattern": f"not matched by the pattern {field.pattern!r}",
        "finite": "infinite",
        "unique": "a repetition of an earlier row",
    }
    if field.is_minimum_exclusive and rule == "minimum":
        texts["minimum"] = f"not above {field.minimum}"
    if field.is_maximum_exclusive and rule == "maximum":
        texts["maximum"] = f"not below {field.maximum}"
    verb = "is" if count == 1 else "are"
    # A rule of a member or an element has the path to it in front.
    path, _, last = rule.rpartition(".")
    text = f"breaking '{last}' in '{path}'" if path else texts.get(rule, f"breaking '{rule}'")
    return f"{show_count(count, 'row')} {verb} {text}"


def name_type(logical_type: str) -> str:
    """Return a logical type with its article."""
    return _ARTICLES.get(logical_type, f"a {logical_type}")
