"""Test which packages of an environment are kept."""

from __future__ import annotations

from hypothesis import given

from git_datmo.environments.interpreter_probe import Distribution
from git_datmo.environments.user_packages import kept_distributions
from tests.support.manifests import OWN, asked, distributions, kept, needed, probe_of


def test_own_packages_are_left_out() -> None:
    assert kept(*OWN) == []
    assert kept(asked("numpy"), *OWN) == ["numpy"]


def test_package_shared_with_the_user_stays_with_all_it_needs() -> None:
    assert kept(asked("boto3", "urllib3"), *OWN) == ["boto3", "urllib3"]


def test_package_that_a_person_asked_for_stays() -> None:
    found = [*OWN[:2], asked("requests", "urllib3"), *OWN[3:]]
    assert kept(*found) == ["requests", "urllib3"]


def test_package_that_the_code_imports_stays() -> None:
    found = [
        *OWN[:2],
        Distribution(
            "requests", "1", requested=False, requires=("urllib3",), modules=("requests",)
        ),
    ]
    assert kept(*found, *OWN[3:], imported=["requests"]) == ["requests", "urllib3"]


def test_package_that_nothing_requires_stays() -> None:
    assert kept(needed("orphan"), *OWN) == ["orphan"]


def test_cycle_of_requirements_ends() -> None:
    own = asked("git-datmo", "a")
    assert kept(own, needed("a", "b"), needed("b", "a")) == []
    assert kept(own, needed("a", "b"), needed("b", "a"), asked("c", "b")) == ["a", "b", "c"]
    assert kept(own, needed("x", "y"), needed("y", "x")) == ["x", "y"]


def test_tool_that_requires_git_datmo_does_not_keep_its_packages() -> None:
    assert kept(asked("team-tools", "git-datmo", "numpy"), needed("numpy"), *OWN) == [
        "numpy",
        "team-tools",
    ]


def test_installer_packages_stay_only_where_needed() -> None:
    seeds = (asked("pip"), needed("setuptools"), asked("wheel"), asked("uv"))
    assert kept(*seeds) == []
    assert kept(*seeds, asked("torch", "setuptools")) == ["setuptools", "torch"]
    assert kept(asked("setuptools")) == ["setuptools"]


def test_system_packages_stay_only_where_needed() -> None:
    apt = Distribution("python-apt", "2.6.0", requested=False, vendor=True)
    yaml = Distribution("PyYAML", "6.0", requested=False, vendor=True, modules=("yaml",))
    assert kept(apt, yaml) == []
    assert kept(apt, yaml, imported=["yaml"]) == ["PyYAML"]
    assert kept(apt, yaml, asked("hydra", "pyyaml")) == ["hydra", "PyYAML"]


@given(distributions)
def test_kept_packages_are_complete_without_git_datmo(found: list[Distribution]) -> None:
    result = kept_distributions(probe_of(*found))
    here, there = {d.name for d in result}, {d.name for d in found}
    assert "git-datmo" not in here
    assert all(set(d.requires) & there <= here | {"git-datmo"} for d in result)
