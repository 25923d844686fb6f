"""Asks a server for the prices of the flats in a table, and writes the prices of their sales.

python ask.py http://127.0.0.1:8080 flats.csv [labels.csv]

labels.csv has the price of each flat with the id of its prediction, for 'git datmo feedback add'.
"""

import csv
import json
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def ask(url: str, flat: dict[str, str]) -> tuple[str, float]:
    """Return the id and the price of a prediction."""
    asked = {"dataframe_records": [{"city": flat["city"], "area": float(flat["area"])}]}
    headers = {"Content-Type": "application/json"}
    with urlopen(
        Request(f"{url}/invocations", json.dumps(asked).encode(), headers), timeout=30
    ) as answer:
        return answer.headers["Datmo-Prediction"], json.load(answer)["predictions"][0]


def main() -> None:
    url, flats = sys.argv[1:3]
    labels = [("prediction", "price")]
    with Path(flats).open(encoding="utf-8", newline="") as file:
        for flat in csv.DictReader(file):
            shown = f"{flat['city']}, {flat['area']} m2"
            try:
                prediction, price = ask(url, flat)
            except HTTPError as error:
                broken = json.load(error)["violations"][0]
                print(f"{shown}: refused, {broken['field']} breaks {broken['rule']}")
                continue
            snapshot = prediction.partition("-")[0]
            print(f"{shown}: {price:.0f} by snapshot {snapshot}, sold for {flat['price']}")
            labels.append((prediction, flat["price"]))
    if len(sys.argv) > 3:
        with Path(sys.argv[3]).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(labels)


if __name__ == "__main__":
    main()
