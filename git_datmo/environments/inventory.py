"""Report the packages of the interpreter that runs this (3.8 or later, standard library alone).

`interpreter_probe.py` passes this text by `python -c` and reads the JSON line after `MARK`.
Distributions with unreadable metadata are skipped: an interrupted install leaves them.
"""

from __future__ import annotations

import sys

if sys.path[:1] == [""]:
    del sys.path[0]  # a json.py in the working folder must not be taken for the standard library's

import json
import os
import re
import site
import sysconfig
from collections.abc import Callable
from functools import lru_cache
from importlib import metadata
from typing import Any

MARK = "git-datmo-probe:"
MARKING = ("pip", "uv")  # the installers that leave a file REQUESTED by what a person asked for
# The files of a distribution's metadata that are read, by their names in wheels and in eggs.
READ = ("METADATA", "PKG-INFO", "RECORD", "WHEEL", "INSTALLER", "REQUESTED", "direct_url.json")

# Pip's own parser was slow for a long time.
try:
    from packaging.requirements import Requirement
except Exception:  # noqa: BLE001 - a broken one is as good as none
    try:
        from pip._vendor.packaging.requirements import Requirement  # type: ignore[assignment]
    except Exception:  # noqa: BLE001
        Requirement = None  # type: ignore[assignment,misc]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def python_version() -> str:
    info = sys.version_info
    short = {"alpha": "a", "beta": "b", "candidate": "rc"}.get(info.releaselevel)
    return f"{info[0]}.{info[1]}.{info[2]}" + (f"{short}{info.serial}" if short else "")


def bundled_setuptools() -> str | None:
    try:
        import ensurepip
    except ImportError:
        return None
    return getattr(ensurepip, "_SETUPTOOLS_VERSION", None)


def modules(dist: metadata.Distribution) -> list[str]:
    """Return the import names of a distribution."""
    listed = dist.read_text("top_level.txt")
    if listed and listed.strip():
        return sorted(set(listed.split()))
    found: set[str] = set()
    for line in (dist.read_text("RECORD") or "").splitlines():
        first, below, _ = line.split(",", 1)[0].strip('"').partition("/")
        if not below:
            first = first.split(".", 1)[0] if first.endswith((".py", ".so", ".pyd")) else ""
        if first.isidentifier() and first != "__pycache__":
            found.add(first)
    return sorted(found)


def built_here(dist: metadata.Distribution) -> bool:
    """Return True for a wheel that names just `linux` as its system: no index takes these, so it
    was built here.

    Those of no Python's ABI do not count: LightGBM's are renamed for the index, and their tag stays
    as it was.
    """
    wheel = dist.read_text("WHEEL") or ""
    return re.search(r"^Tag: \S+-(?!none-)\w+-linux_\w+\s*$", wheel, re.MULTILINE) is not None


def direct_url(dist: metadata.Distribution) -> Any:
    try:
        return json.loads(dist.read_text("direct_url.json") or "null")
    except ValueError:
        return None


def in_wheel_form(folder: str) -> bool:
    return folder.endswith(".dist-info")


def describe(
    dist: metadata.Distribution, folder: str, where: str, sites: set[str]
) -> dict[str, Any]:
    """Describe one distribution. A `develop` install has no direct URL and gets one."""
    told = dist.metadata  # parsed anew at each look
    name, version = told["Name"], told["Version"]
    installer = (dist.read_text("INSTALLER") or "").strip()
    # Debian's own packages are in /usr/lib, and its pip installs into /usr/local.
    vendor = where.startswith("/usr/lib") and installer not in MARKING
    url = (
        direct_url(dist) if installer != "conda" else None
    )  # conda's names the folder of its build machine
    if url is None and folder.endswith(".egg-info") and where not in sites:
        url = {"url": "file://" + where, "dir_info": {"editable": True}}
    requested = dist.read_text("REQUESTED") is not None
    return {
        "name": name,
        "version": version,
        "folder": os.path.realpath(folder),
        "marked": requested,
        "requested": requested or (installer not in MARKING and not vendor),
        "vendor": vendor,
        "direct_url": url,
        "metadata": os.path.realpath(folder) if url is not None else "",
        "modules": modules(dist),
        "built": built_here(dist),
        "requires": told.get_all("Requires-Dist")
        or list((not in_wheel_form(folder) and dist.requires) or ()),
        "extras": told.get_all("Provides-Extra") or [],
    }


def distributions() -> dict[str, dict[str, Any]]:
    """Return the distributions by normalised name. The first on the path is the one that is
    imported."""
    sites = {
        os.path.realpath(p) for p in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
    }
    if hasattr(site, "getsitepackages"):
        sites.update(map(os.path.realpath, [*site.getsitepackages(), site.getusersitepackages()]))
    found: dict[str, dict[str, Any]] = {}
    for entry in sys.path:
        here = [(str(getattr(d, "_path", "")), d) for d in metadata.distributions(path=[entry])]
        for folder, dist in sorted(here, key=lambda pair: pair[0], reverse=True):
            if os.path.basename(folder).startswith("~"):
                continue  # pip renames so what it is about to delete
            try:
                known = describe(dist, folder, os.path.realpath(entry), sites)
                if known["name"] and known["version"]:
                    found.setdefault(normal(known["name"]), known)
            except Exception:  # noqa: BLE001, S112 - see the module's docstring
                continue
    return found


def parse(text: str) -> tuple[str, list[str]]:
    """Return a requirement's name and the extras that it requests."""
    match = re.match(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[([^\]]*)\])?", text)
    if match is None:
        return "", []
    return normal(match.group(1)), [
        part.strip() for part in (match.group(2) or "").split(",") if part.strip()
    ]


@lru_cache(maxsize=None)  # noqa: UP033 - `cache` came with 3.9
def condition(text: str) -> Callable[[str], bool]:
    """Return a function that tells whether a requirement applies for an extra."""
    if ";" not in text:
        return lambda _: True
    if Requirement is not None:
        try:
            marker = Requirement(text).marker
            return lambda extra: marker is None or marker.evaluate({"extra": extra})
        except Exception:  # noqa: BLE001, S110 - older metadata than the grammar
            pass
    asks = re.search(r"\bextra\s*==\s*['\"]([^'\"]+)['\"]", text.partition(";")[2])
    return lambda extra: asks is None or normal(asks.group(1)) == normal(extra)


def resolve(found: dict[str, dict[str, Any]], whole: str) -> None:
    """Replace requirements by the names that apply, with requested extras.

    All extras of the distribution `whole` count.
    """
    active: dict[str, set[str]] = {name: {""} for name in found}
    if whole in found:
        active[whole].update(found[whole]["extras"])
    names: dict[str, set[str]] = {name: set() for name in found}
    waiting = list(found)
    while waiting:
        name = waiting.pop()
        for text in found[name]["requires"]:
            needed, extras = parse(text)
            # Most conditional requirements are not installed, and conditions take long to parse.
            if needed in found and any(condition(text)(extra) for extra in active[name]):
                names[name].add(needed)
                # Further extras can make further requirements apply.
                if not active[needed].issuperset(extras):
                    active[needed].update(extras)
                    waiting.append(needed)
    for name, known in found.items():
        known["requires"] = sorted(names[name])
        del known["extras"]


def conda_packages(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return conda's own records of its packages, skipping unreadable ones."""
    names = {known["folder"]: name for name, known in found.items()}
    folder = os.path.join(sys.prefix, "conda-meta")
    told = []
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if file.endswith(".json"):
            try:
                with open(os.path.join(folder, file), encoding="utf-8") as opened:
                    told.append(describe_conda(json.load(opened), names))
            except Exception:  # noqa: BLE001, S112 - see the module's docstring
                continue
    return told


def describe_conda(record: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """Describe a conda package; `names` has distributions by the path of their metadata."""
    metadata = {re.sub(r"/(METADATA|PKG-INFO)$", "", file) for file in record.get("files") or ()}
    places = [
        os.path.join(sys.prefix, file)
        for file in metadata
        if file.endswith((".dist-info", ".egg-info"))
    ]
    return {
        **{key: record[key] for key in ("name", "version", "build")},
        **{key: record.get(key) or "" for key in ("url", "md5", "sha256")},
        "needs": [wanted.split()[0] for wanted in record.get("depends") or ()],
        "brings": sorted(names[place] for place in map(os.path.realpath, places) if place in names),
    }


def named_folders(entry: str, name: str) -> list[str]:
    """Return the folders that a `.pth` file names, existing or not."""
    try:
        with open(os.path.join(entry, name), encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    # Lines that begin with `import` are executed and name no folder (site).
    return [os.path.join(entry, line.strip()) for line in lines if not line.startswith("import ")]


def sources(found: dict[str, dict[str, Any]]) -> list[str]:
    """Return the files and folders that the answer is made from: a change of it changes one."""
    hooks = (sys.modules.get(name) for name in ("sitecustomize", "usercustomize"))
    listed = [getattr(hook, "__file__", None) or "" for hook in hooks if hook is not None]
    listed += [os.path.join(sys.prefix, name) for name in ("pyvenv.cfg", "conda-meta")]
    for entry in map(os.path.abspath, sys.path):
        names = os.listdir(entry) if os.path.isdir(entry) else []
        listed.append(entry)
        for name in names:
            if name.endswith(".pth"):
                listed += [os.path.join(entry, name), *named_folders(entry, name)]
    if hasattr(site, "getusersitepackages"):
        listed.append(site.getusersitepackages())
    for known in found.values():
        folder = known["folder"]
        # Installers replace these files and thereby change the folder; editors write in place.
        listed += [folder, *(os.path.join(folder, name) for name in READ)]
    return listed


def main() -> None:
    found = distributions()
    read = sources(found)
    conda = conda_packages(found)
    resolve(found, "git-datmo")
    # If nothing is marked, the installer leaves no marks.
    marked = any(known.pop("marked") for known in list(found.values()))
    for known in found.values():
        known.pop("marked", None)
        del known["folder"]
        known["requested"] = known["requested"] or not (marked or known["vendor"])
    if "setuptools" in found and found["setuptools"]["version"] == bundled_setuptools():
        found["setuptools"]["requested"] = False  # ensurepip marks it in every environment
    answer = {
        "executable": sys.executable,
        "implementation": sys.implementation.name,
        "version": python_version(),
        "distributions": list(found.values()),
        "conda": conda,
        "sources": read,
    }
    # The line end ends a line that a start-up file may have begun.
    sys.stdout.write("\n" + MARK + json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
