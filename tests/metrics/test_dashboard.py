"""The dashboard among the examples, checked against Grafana's own schema."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry, generate_latest
from support.dashboard import DASHBOARD, EXPRESSIONS, PANELS, PATH

from httpx_resilient import prometheus
from httpx_resilient._metrics.instruments import ALL, underscored

VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
CHOICES = [each["query"] for each in VARIABLES.values() if each["type"] == "query"]
SELECTED = '''{job=~"$job",instance=~"$instance",server_address=~"$server",server_port=~"$port"'''
"""How each query begins its labels."""

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


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *CHOICES])
def test_a_query_names_exported_metrics(expression: str, exported: set[str]) -> None:
    names = re.findall(r"\bhttpx_resilient_\w+", LABEL.sub("", expression))
    assert names
    assert set(names) <= exported


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_is_limited_to_the_selected_jobs_and_servers(expression: str) -> None:
    assert expression.count("{") == expression.count(SELECTED) > 0


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_uses_only_labels_that_its_metrics_have(expression: str) -> None:
    by_name = {each.prometheus_name: each for each in ALL}
    names = re.findall(r"\b(httpx_resilient_\w+?)(?:_bucket)?\{", expression)
    known = {"job", "instance", "le"}.union(
        *({underscored(label) for label in by_name[name].labels} for name in names)
    )
    groups = re.findall(r"\bby \(([^)]*)\)", expression)
    used = {label.strip() for group in groups for label in group.split(",")}
    assert used | set(re.findall(r"(\w+)(?:=~|!=|=)", expression)) <= known


def test_the_servers_of_a_panel_are_told_apart_by_their_ports() -> None:
    for target in (target for panel in PANELS for target in panel["targets"]):
        by_address = "by (server_address" in target["expr"]
        assert by_address == ("by (server_address, server_port)" in target["expr"])
        shown = "{{server_address}}:{{server_port}}" in target["legendFormat"]
        assert shown == ("server_address, server_port)" in target["expr"])


@panels
def test_the_values_of_a_panel_have_one_unit(panel: dict[str, Any]) -> None:
    def is_rate(expression: str) -> bool:
        return "rate(" in expression and "histogram_quantile" not in expression

    kinds = {is_rate(target["expr"]) for target in panel["targets"]}
    assert len(kinds) == 1
    unit = panel["fieldConfig"]["defaults"]["unit"]
    is_share = " / " in panel["targets"][0]["expr"]
    assert (unit == "reqps") == (kinds == {True} and not is_share)


@pytest.mark.parametrize(
    "expression", [re.sub(r"\$__\w+", "5m", each) for each in EXPRESSIONS]
)
def test_a_query_is_promql(expression: str) -> None:
    pytest.importorskip("promql_parser").parse(expression)


def test_every_exported_metric_but_one_is_shown(exported: set[str]) -> None:
    queried = " ".join(EXPRESSIONS)
    left_out = {
        name
        for name in exported
        if name not in queried and not name.endswith(("_sum", "_count", "_created"))
    }
    assert left_out == {"httpx_resilient_circuit_opened_total"}
