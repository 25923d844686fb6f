"""Data files of tests of contracts, and their inferred and checked contracts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from git_datmo.contracts.check_values import TableResult, check_table
from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.infer_contract import infer_table, make_contract, profile_tables
from git_datmo.contracts.table_readers.open_table import open_table
from tests.support.commands import datmo
from tests.support.shell import Shell

# Rows of the Palmer penguins (CC0), with their missing values as the package writes them.
PENGUINS = """\
species,island,bill_length_mm,bill_depth_mm,flipper_length_mm,body_mass_g,sex,year
Adelie,Torgersen,39.1,18.7,181,3750,male,2007
Adelie,Torgersen,39.5,17.4,186,3800,female,2007
Adelie,Torgersen,40.3,18,195,3250,female,2007
Adelie,Torgersen,NA,NA,NA,NA,NA,2007
Adelie,Torgersen,36.7,19.3,193,3450,female,2007
Gentoo,Biscoe,46.1,13.2,211,4500,female,2007
Gentoo,Biscoe,44.5,14.3,216,4100,NA,2007
Chinstrap,Dream,46.5,17.9,192,3500,female,2007
"""


def add_birds(clone: Shell) -> None:
    """Add two tables as data of a clone, and stage their inferred contract."""
    clone.write("data/birds/one.csv", PENGUINS)
    clone.write("data/birds/two.csv", PENGUINS)
    datmo(clone, "add-data", "data")
    datmo(clone, "contract", "infer", "data/birds")
    clone.git("add", "contracts")


def without_readers(shell: Shell, folder: Path) -> Shell:
    """Return a shell in which no library can read a table."""
    library = folder / "blocked" / "pyarrow"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("raise ImportError", "utf-8")
    return shell.having(PYTHONPATH=str(library.parent))


def infer(path: Path, *, ranges: bool = False) -> Contract:
    """Return the contract that a file infers."""
    profiles = profile_tables([(path.name, open_table(str(path), path.name))])
    table = infer_table("table", profiles, ranges=ranges)
    return make_contract("table", (path.name,), (table,))


def check(path: Path, contract: Contract) -> TableResult:
    """Return the result of checking a file against a contract."""
    reader = open_table(str(path), path.name)
    return check_table(contract, contract.tables[0], reader, str(path.parent))


def make(*fields: Field, **more: object) -> Contract:
    """Return a contract with one table of these fields."""
    table = replace(Table("table", fields=fields), **more)  # type: ignore[arg-type]
    return make_contract("table", (), (table,))


def refused(result: TableResult) -> list[tuple[str, str, int]]:
    """Return field, rule and count of each finding that refuses."""
    return [(f.field, f.rule, f.count) for f in result.findings if f.level == "refuse"]


def fields_of(contract: Contract) -> dict[str, Field]:
    """Return the fields of a contract's only table by name."""
    return {field.name: field for field in contract.tables[0].fields}
