"""The Grafana dashboard shows every metric by its name in Prometheus, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

from sunco.otel import OpenTelemetryMetrics, OpenTelemetryObserver

ROOT = Path(__file__).parent.parent.parent
DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "examples" / "deploy" / "grafana.json").read_text(encoding="utf-8")
)
FUNCTIONS = {"by", "histogram_quantile", "increase", "label_values", "max", "rate", "sum"}


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["definition"]


def names_in(expression: str) -> set[str]:
    """The metrics in an expression of PromQL."""
    without_strings = re.sub(r'"[^"]*"', "", expression)
    without_labels = re.sub(r"\{[^}]*\}|\[[^]]*\]|by \([^)]*\)|, \w+\)", "", without_strings)
    return set(re.findall(r"[a-z_]{2,}", without_labels)) - FUNCTIONS


def labels_in(expression: str) -> set[str]:
    return set(re.findall(r"(\w+)=", expression)) | {
        label for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(", ")
    }


def names_in_prometheus() -> dict[str, str]:
    """The name of each metric in Prometheus, and its kind."""
    provider = MagicMock()
    OpenTelemetryObserver(meter_provider=provider)
    OpenTelemetryMetrics(meter_provider=provider)
    meter = provider.get_meter.return_value
    names: dict[str, str] = {}
    for method, arguments, options in meter.method_calls:
        kind = method.removeprefix("create_").removeprefix("observable_")
        name, *rest = arguments
        unit = options["unit"] if "unit" in options else rest[1]
        base = name.replace(".", "_") + ("_seconds" if unit == "s" else "")
        names[base + ("_total" if kind == "counter" else "")] = kind
    return names


def test_the_metrics_of_the_code_are_found() -> None:
    names = names_in_prometheus()
    assert names["sunco_inbox_lag_seconds"] == "gauge"
    assert names["sunco_inbox_stored_total"] == "counter"
    assert names["http_client_request_duration_seconds"] == "histogram"
    assert len(names) == 11


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    found = {name for expression in expressions() for name in names_in(expression)}
    shown = {re.sub(r"_seconds_(bucket|count|sum)$", "_seconds", name) for name in found}
    assert shown == set(names_in_prometheus())


def test_its_labels_are_attributes_of_the_metrics() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "src/sunco/otel.py", ROOT / "src/sunco/observe/otel.py")
    )
    attributes = {name.replace(".", "_") for name in re.findall(r'"([a-z]+\.[a-z_.]+)"', source)}
    labels = {label for expression in expressions() for label in labels_in(expression)}
    assert labels - {"le"} <= attributes
    assert {"sunco_inbox_name", "http_response_status_code"} <= labels


def test_its_panels_have_their_own_places() -> None:
    panels = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for place in panels
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
