"""The published votes of a crowd, as reference data has them."""

from __future__ import annotations

import csv
from pathlib import Path

from bot.ratings.comparisons import Vote

CROWD = "data/crowd-comparisons.csv"
PREFERRED = {"left": 0, "right": 1, "tie": None}


def read_crowd_votes(reference: Path) -> list[Vote]:
    with (reference / CROWD).open(encoding="utf-8", newline="") as file:
        return [Vote((row["left"], row["right"]), PREFERRED[row["winner"]]) for row in csv.DictReader(file)]
