"""Dashboard, alerts and docs name the metrics that there are, with labels that they have."""

from __future__ import annotations

import json
import re

import pytest

from bot.operations import metrics as names
from bot.operations.metrics import Metrics
from tests.support.paths import ROOT

NAMES = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}
DASHBOARD = json.loads((ROOT / "deploy" / "grafana-dashboard.json").read_text("utf-8"))
ALERTS = (ROOT / "deploy" / "alerts.yml").read_text("utf-8")
GIVEN = {"le"}  # of histograms' buckets


ALERTED = re.findall(r"expr: (?:>-\n)?((?:.+\n)+?) +(?:for|labels):", ALERTS)
EXPRESSIONS = [*(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]), *ALERTED]


def base_name(name: str) -> str:
    """Return the metric that a series belongs to."""
    return name if name in NAMES else re.sub(r"_(bucket|count|sum)$", "", name)


def find_labels() -> dict[str, set[str]]:
    """Return the labels of each metric."""
    known: dict[str, set[str]] = {}
    for one in vars(Metrics("1.0")).values():
        if labels := getattr(one, "_labelnames", None):
            family = next(iter(one.describe()))
            known[family.name] = known[f"{family.name}_total"] = set(labels)
    return known


def test_every_name_is_exported() -> None:
    families = {family.name for family in Metrics("1.0").registry.collect()}
    assert {name.removesuffix("_total") for name in NAMES} - families == set()


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=range(len(EXPRESSIONS)))
def test_an_expression_names_metrics_and_labels_that_there_are(expression: str) -> None:
    known = find_labels()
    series = {base_name(name) for name in re.findall(r"\b(?:moot|process)_\w+", expression)}
    assert series
    assert series <= NAMES
    allowed = GIVEN.union(*(known.get(name, set()) for name in series))
    grouped = {word for group in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for word in group.split(", ")}
    matched = set(re.findall(r"[{,]\s*(\w+)=", expression))
    assert grouped | matched <= allowed


def test_the_alerts_that_were_promised_are_there() -> None:
    told = set(re.findall(r"alert: (\w+)", ALERTS))
    assert len(ALERTED) == len(told)
    assert told == {"MootNotReady", "MootTurnsFail", "MootFirstTokenSlow", "MootLoopLags", "MootCapNear"}
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert [alert for alert in told if f"`{alert}`" not in page] == []
    assert "> 0.05" in ALERTS
    assert 2.0 in names.SPEECH_BUCKETS_S, "or the 95 of 100 of an alert above 2 s would be a guess"


def test_the_page_lists_every_metric() -> None:
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    listed = set(re.findall(r"^\| `((?:moot|process)_\w+)`", page, re.M))
    assert listed == NAMES
