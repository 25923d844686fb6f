"""Read lists of requirements: requirements files, `pyproject.toml` and `environment.yml`.

The parsers raise any exception for a file that its own tool could not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from git_datmo.environments.interpreter_probe import normalise
from git_datmo.environments.locked_versions import Lock, Pin, clean_index, find_digests
from git_datmo.environments.toml_and_yaml import read_toml, read_yaml

_HASH_OPTION = re.compile(r"\s--hash[= ](\S+)")
# A single equals sign allows all versions that begin so. A build after the version restricts
# nothing.
_CONDA_SPEC = re.compile(
    r"(?:\S+::)?([a-z0-9_.-]+)\s*(==|=|>=|<=|>|<)\s*([0-9][0-9.]*[0-9]|[0-9])(?:\.\*)?(?:=\S+)?\Z"
)
_INDEX_OPTION = re.compile(r"(?:-i|--index-url|--extra-index-url)[= ]+(\S+)")


def read_requirements(name: str, text: str) -> Lock:
    """Read a requirements file of pip, with its hashes and indexes."""
    # Only `#` after a blank starts a comment: a URL can contain `#`.
    lines = [line.split(" #")[0].strip() for line in text.replace("\\\n", " ").splitlines()]
    indexes = (clean_index(match[1]) for line in lines if (match := _INDEX_OPTION.match(line)))
    return _asked(name, lines, filter(None, indexes))


def read_pyproject(name: str, text: str) -> Lock:
    """Read the dependencies in a `pyproject.toml`, those of poetry included."""
    document = read_toml(text)
    project, poetry = (
        document.get("project", {}),
        document.get("tool", {}).get("poetry", {}).get("dependencies", {}),
    )
    python = str(poetry.get("python", ""))
    asked = [
        f"{package}{_poetry_range(wanted)}"
        for package, wanted in poetry.items()
        if package != "python"
    ]
    lock = _asked(name, [*project.get("dependencies", ()), *asked])
    return replace(lock, python=project.get("requires-python") or _poetry_range(python))


def _poetry_range(wanted: object) -> str:
    """Return a poetry constraint as in PEP 440; '' for other kinds."""
    if not isinstance(wanted, str) or "||" in wanted:
        return ""
    return ",".join(filter(None, (_poetry_clause(each.strip()) for each in wanted.split(","))))


def _poetry_clause(clause: str) -> str:
    match = re.match(r"([\^~])?\s*([0-9]+(?:\.[0-9]+)*)\Z", clause)
    if match is None:
        return "" if clause == "*" else clause.replace(" ", "")
    numbers = [int(number) for number in match[2].split(".")]
    if match[1] is None:
        return f"=={match[2]}"
    if match[1] == "~":
        # A tilde allows other patches, or other minor versions if only the major version is given.
        last = 0 if len(numbers) == 1 else 1
    else:
        # A caret fixes all numbers up to the first that is not zero.
        last = next((index for index, number in enumerate(numbers) if number), len(numbers) - 1)
    upper = [*numbers[:last], numbers[last] + 1]
    return f">={match[2]},<{'.'.join(map(str, upper))}"


def read_conda_environment(name: str, text: str) -> Lock:
    """Read an environment.yml. Conda's packages have conda's names; its pip list has pip's."""
    entries = read_yaml(text).get("dependencies", ())
    asked = (
        match for entry in entries if isinstance(entry, str) and (match := _CONDA_SPEC.match(entry))
    )
    conda = {
        match[1]: (f"=={match[3]}.*" if match[2] == "=" else f"{match[2]}{match[3]}",)
        for match in asked
    }
    lock = _asked(
        name,
        [line for entry in entries if isinstance(entry, dict) for line in entry.get("pip", ())],
    )
    python = conda.pop("python", ("",))[0]
    return replace(lock, conda=conda, python=python)


def _asked(name: str, lines: Iterable[str], indexes: Iterable[str] = ()) -> Lock:
    """Read a list of requirements. A conditional line counts only if it pins a version."""
    from packaging.requirements import InvalidRequirement, Requirement

    pins: dict[str, tuple[Pin, ...]] = {}
    ranges: dict[str, str] = {}
    for line in lines:
        try:
            # Pip's options, such as `--hash`, follow the requirement.
            asked = Requirement(line.split(" --")[0])
        except InvalidRequirement:
            continue
        if asked.url or (asked.marker is not None and not asked.marker.evaluate({"extra": ""})):
            continue
        package, specifiers = normalise(asked.name), list(asked.specifier)
        if (
            len(specifiers) == 1
            and specifiers[0].operator in {"==", "==="}
            and "*" not in specifiers[0].version
        ):
            pin = Pin(specifiers[0].version, find_digests(_HASH_OPTION.findall(line)))
            pins[package] = (*pins.get(package, ()), pin)
        elif asked.marker is None:
            ranges[package] = str(asked.specifier)
    return Lock(name, pins, ranges, tuple(dict.fromkeys(indexes)))
