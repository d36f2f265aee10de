"""All instruments as text, for the docstrings of both exporters."""

from __future__ import annotations

from httpx_resilient._metrics.instruments import ALL, SERVER, underscored


def opentelemetry_table() -> str:
    """Describe all instruments for a docstring, as OpenTelemetry names them."""
    return "\n".join(
        _entry(
            each.name,
            ", ".join(filter(None, (each.kind.value, each.unit))),
            each.description,
            _shortened(each.labels),
        )
        for each in ALL
    ).lstrip()


def prometheus_table() -> str:
    """Describe all instruments for a docstring, as Prometheus names them."""
    return "\n".join(
        _entry(
            each.prometheus_name,
            # Prometheus does not distinguish the two kinds of gauge.
            each.kind.value.removeprefix("observable "),
            each.description,
            underscored(_shortened(each.labels)),
        )
        for each in ALL
    ).lstrip()


def _entry(name: str, traits: str, description: str, labels: str) -> str:
    return f"    {name} ({traits})\n        {description} By {labels}."


def _shortened(labels: tuple[str, ...]) -> str:
    names = ["server" if name == SERVER[0] else name for name in labels]
    return ", ".join(name for name in names if name != SERVER[1])
