"""The page about metrics: its names, its queries and its alerts exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from httpx_resilient._metrics.instruments import ALL, SERVER, Kind, underscored

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "metrics.md").read_text()
QUERIES = re.findall(r"^```promql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROWS = [
    [cell.strip() for cell in row.split(" | ")]
    for row in re.findall(r"^\| (`httpx_resilient_\w+` \|.*) \|$", PAGE, re.MULTILINE)
    if row.count(" | ") == 4
]


def test_the_table_has_every_metric_with_its_kind_and_its_labels() -> None:
    assert [
        [
            f"`{each.prometheus_name}`",
            each.kind.value.removeprefix("observable "),
            each.unit.strip("{}"),
            ", ".join(
                "*server*" if name == SERVER[0] else f"`{underscored(name)}`"
                for name in each.labels
                if name != SERVER[1]
            ),
            each.description,
        ]
        for each in ALL
    ] == ROWS


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_names_metrics_and_labels_that_exist(query: str) -> None:
    known = {
        each.prometheus_name + "_bucket" * (each.kind is Kind.HISTOGRAM): each
        for each in ALL
    }
    names = re.findall(r"\b(httpx_resilient_\w+)(?=[{\[) ]|$)", query)
    used = [name for name in names if name in known]
    assert used
    labels = {"instance", "le"}.union(
        *({underscored(label) for label in known[name].labels} for name in used)
    )
    groups = re.findall(r"\bby \(([^)]*)\)", query)
    grouped = {label.strip() for group in groups for label in group.split(",")}
    selected = set(re.findall(r'(\w+)(?:=~|!=|=)"', query))
    assert grouped | selected <= labels
    assert set(names) <= {*known, *labels}


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_is_promql(query: str) -> None:
    pytest.importorskip("promql_parser").parse(query)


def test_the_page_explains_every_alert() -> None:
    rules = (ROOT / "examples" / "alerts.yml").read_text()
    alerts = re.findall(r"- alert: (\w+)", rules)
    assert re.findall(r"^\| `([A-Z]\w+)` \|", PAGE, re.MULTILINE) == alerts


def test_the_picture_of_the_dashboard_exists() -> None:
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE)
    assert (ROOT / "docs" / picture).read_bytes().startswith(b"\x89PNG")
