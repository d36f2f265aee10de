"""The dashboard that an example brings, by Grafana's own description of dashboards."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry, generate_latest

from httpx_resilient import prometheus

PATH = Path(__file__).parent.parent.parent / "examples" / "grafana_dashboard.json"
DASHBOARD: dict[str, Any] = json.loads(PATH.read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]

panels = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])


def kept(given: Any, read: Any) -> bool:
    """Whether all that was given was understood: of the rest there may be defaults."""
    if isinstance(given, dict):
        return all(name in read and kept(given[name], read[name]) for name in given)
    if isinstance(given, list):
        return len(given) == len(read) and all(map(kept, given, read))
    return given == read


@pytest.fixture(scope="module")
def read() -> dict[str, Any]:
    register_default_plugins()
    encoded = JSONEncoder().encode(Dashboard.from_json(DASHBOARD))
    return json.loads(encoded)


@pytest.mark.parametrize("name", DASHBOARD)
def test_grafana_knows_every_field(name: str, read: dict[str, Any]) -> None:
    assert kept(DASHBOARD[name], read[name])


def test_a_field_that_grafana_does_not_know_would_be_found(
    read: dict[str, Any],
) -> None:
    assert not kept({**DASHBOARD, "panel": []}, read)
    assert not kept({**DASHBOARD, "panels": DASHBOARD["panels"][1:]}, read)


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken = [
        (x, y)
        for place in (panel["gridPos"] for panel in DASHBOARD["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24


@panels
def test_a_panel_asks_the_data_source_that_is_chosen(panel: dict[str, Any]) -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    sources = [panel["datasource"], *(each["datasource"] for each in panel["targets"])]
    assert sources == [chosen] * len(sources)
    assert panel["targets"]
    assert panel["description"]


@panels
def test_the_targets_of_a_panel_are_told_apart(panel: dict[str, Any]) -> None:
    names = [target["refId"] for target in panel["targets"]]
    assert len(set(names)) == len(names)


def test_every_variable_that_is_used_is_there() -> None:
    used = set(re.findall(r"\$\{?([a-z]\w*)", PATH.read_text()))
    assert used == {each["name"] for each in DASHBOARD["templating"]["list"]}


@pytest.fixture(scope="module")
def exported() -> set[str]:
    registry = CollectorRegistry()
    prometheus.Metrics(registry)
    types = re.findall(
        r"^# TYPE (\S+) (\w+)$", generate_latest(registry).decode(), re.MULTILINE
    )
    endings = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + end for name, kind in types for end in endings.get(kind, ("",))}


LABEL = re.compile(r"\bby \([^)]*\)|\{\{?[^}]*\}")


@pytest.mark.parametrize(
    "expression", [*EXPRESSIONS, DASHBOARD["templating"]["list"][1]["query"]]
)
def test_what_is_asked_for_is_exported(expression: str, exported: set[str]) -> None:
    names = re.findall(r"\bhttpx_resilient_\w+", LABEL.sub("", expression))
    assert names
    assert set(names) <= exported


def test_all_that_is_exported_is_shown(exported: set[str]) -> None:
    asked = " ".join(EXPRESSIONS)
    left_out = {
        name
        for name in exported
        if name not in asked and not name.endswith(("_sum", "_count", "_created"))
    }
    assert left_out == {"httpx_resilient_circuit_opened_total"}
