"""Learns the price of a square metre in each city from tables of sales; writes model.json."""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path


def read_sales(paths: list[str]) -> list[tuple[str, float, float]]:
    """Return the city, area and price of all sales. Flats without a price are left out."""
    sales = []
    for path in paths:
        with Path(path).open(encoding="utf-8", newline="") as file:
            sales += [
                (row["city"], float(row["area"]), float(row["price"]))
                for row in csv.DictReader(file)
                if row["price"]
            ]
    return sales


def main() -> None:
    sales = read_sales(sys.argv[1:])
    areas, prices = defaultdict[str, float](float), defaultdict[str, float](float)
    for city, area, price in sales:
        # A city that is not known gets the mean of all.
        for name in (city, ""):
            areas[name] += area
            prices[name] += price
    model = {name: prices[name] / areas[name] for name in sorted(areas)}
    Path("model.json").write_text(json.dumps(model, indent=2) + "\n", "utf-8")
    metrics = {"cities": len(model) - 1, "sales": len(sales)}
    Path("metrics.json").write_text(json.dumps(metrics) + "\n", "utf-8")
    print(f"learned from {metrics['sales']} sales in {metrics['cities']} cities")


if __name__ == "__main__":
    main()
