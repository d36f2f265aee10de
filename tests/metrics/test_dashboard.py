"""The dashboard among the examples, checked against Grafana's own schema."""

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


def is_preserved(given: Any, read: Any) -> bool:
    """Whether all given fields were read; defaults may have been added to them."""
    if isinstance(given, dict):
        return all(
            name in read and is_preserved(given[name], read[name]) for name in given
        )
    if isinstance(given, list):
        return len(given) == len(read) and all(map(is_preserved, given, read))
    return given == read


@pytest.fixture(scope="module")
def read() -> dict[str, Any]:
    register_default_plugins()
    encoded = JSONEncoder().encode(Dashboard.from_json(DASHBOARD))
    return json.loads(encoded)


@pytest.mark.parametrize("name", DASHBOARD)
def test_every_field_is_known_to_grafana(name: str, read: dict[str, Any]) -> None:
    assert is_preserved(DASHBOARD[name], read[name])


def test_the_check_finds_unknown_fields_and_missing_items(
    read: dict[str, Any],
) -> None:
    assert not is_preserved({**DASHBOARD, "panel": []}, read)
    assert not is_preserved({**DASHBOARD, "panels": DASHBOARD["panels"][1:]}, read)


def test_panels_have_unique_ids_and_do_not_overlap() -> None:
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
def test_a_panel_queries_the_selected_data_source(panel: dict[str, Any]) -> None:
    selected = {"type": "prometheus", "uid": "${datasource}"}
    sources = [panel["datasource"], *(each["datasource"] for each in panel["targets"])]
    assert sources == [selected] * len(sources)
    assert panel["targets"]
    assert panel["description"]


@panels
def test_the_targets_of_a_panel_have_unique_names(panel: dict[str, Any]) -> None:
    names = [target["refId"] for target in panel["targets"]]
    assert len(set(names)) == len(names)


def test_the_variables_used_are_those_defined() -> None:
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
def test_a_query_names_exported_metrics(expression: str, exported: set[str]) -> None:
    names = re.findall(r"\bhttpx_resilient_\w+", LABEL.sub("", expression))
    assert names
    assert set(names) <= exported


def test_every_exported_metric_but_one_is_shown(exported: set[str]) -> None:
    queried = " ".join(EXPRESSIONS)
    left_out = {
        name
        for name in exported
        if name not in queried and not name.endswith(("_sum", "_count", "_created"))
    }
    assert left_out == {"httpx_resilient_circuit_opened_total"}
