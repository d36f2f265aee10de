"""The goals of the scale part, and whether they are reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.bench import Results
from benchmarks.clients import OURS, OURS2, STOCK, STOCK2
from benchmarks.figures import all_done, done_of, origins_ratio, ratio, slots_lost
from benchmarks.plan import LEVELS, ORIGINS
from benchmarks.workers import CaseResult

FAMILIES = {"httpx": (OURS, STOCK), "httpx2": (OURS2, STOCK2)}

KB = 1000
MIB = 1 << 20


@dataclass(frozen=True)
class Goal:
    """One of our figures, its goal, and the figure of the stock transport."""

    figure: str
    family: str
    goal: str
    ours: str
    stock: str
    reached: bool | None


def goals_of(results: Results) -> list[Goal]:
    """Compare the results with the goals."""
    makers = {
        "cpu": _cpu,
        "connections": _connections,
        "cold": _cold,
        "origins": _origins,
        "cancellations": _cancellations,
        "memory": _memory,
        "soak": _soak,
    }
    return [
        goal
        for part, make in makers.items()
        if part in results
        for family in FAMILIES
        for goal in make(results, family)
    ]


def _at_most(
    figure: str,
    family: str,
    limit: float,
    ours: float | None,
    stock: float | None = None,
    digits: int = 2,
) -> Goal:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:,.{digits}f}"

    reached = None if ours is None else ours <= limit
    return Goal(
        figure, family, f"≤ {limit:,.{digits}f}", shown(ours), shown(stock), reached
    )


def _cpu(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = FAMILIES[family]
    yield _at_most(
        "CPU: 1,000 in flight / 10",
        family,
        1.1,
        ratio(results, (ours, 1000), (ours, 10)),
        ratio(results, (stock, 1000), (stock, 10)),
    )
    for level, limits in (
        (1000, {"httpx": 0.18, "httpx2": 0.75}),
        (1, {"httpx": 1.03, "httpx2": 1.03}),
        (10, {"httpx": 0.75}),
    ):
        if family in limits:
            found = ratio(results, (ours, level), (stock, level))
            figure = f"CPU: {level:,} in flight / stock"
            yield _at_most(figure, family, limits[family], found, 1)
    last, last_of_stock = (
        next(
            result
            for result in results["cpu"][client]
            if result["in_flight"] == LEVELS[-1]
        )
        for client in FAMILIES[family]
    )
    yield Goal(
        "5,000 in flight",
        family,
        "all done",
        done_of(last),
        done_of(last_of_stock),
        all_done(last),
    )


def _connections(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = (results["connections"][client][0] for client in FAMILIES[family])
    yield _at_most(
        "TCP connections",
        family,
        100,
        ours["server"]["accepts"] if all_done(ours) else None,
        stock["server"]["accepts"],
        digits=0,
    )


def _cold(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = FAMILIES[family]
    # Both without a timeout for a connection.
    result, of_stock = (
        next(each for each in results["cold"][client] if each["patient"])
        for client in (ours, stock)
    )
    yield Goal(
        "all at once, cold",
        family,
        "≤ 11 s",
        f"{result['done']:,} in {result['wall']:.1f} s",
        done_of(of_stock),
        all_done(result) and result["wall"] <= 11,
    )


def _origins(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = FAMILIES[family]
    of_ours, of_stock = (
        [each for each in results["origins"][client] if each["origins"] == ORIGINS]
        for client in (ours, stock)
    )
    yield Goal(
        f"{ORIGINS} origins, 500 in flight",
        family,
        "all done",
        done_of(min(of_ours, key=lambda result: int(result.get("done", 0)))),
        done_of(of_stock[0]),
        all(map(all_done, of_ours)),
    )
    yield _at_most(
        "  connections at a time",
        family,
        100,
        max(result["server"]["max_open"] for result in of_ours),
        of_stock[0]["server"]["max_open"],
        digits=0,
    )
    yield _at_most(
        "  CPU per request / one origin",
        family,
        1.3,
        origins_ratio(results, ours),
        origins_ratio(results, stock),
    )


def _cancellations(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = (results["cancellations"][client][0] for client in FAMILIES[family])
    yield Goal(
        "answered after cancellations",
        family,
        "all",
        done_of(ours),
        done_of(stock),
        all_done(ours),
    )
    yield _at_most(
        "  slots lost", family, 0, slots_lost(ours), slots_lost(stock), digits=0
    )


def _memory(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = (results["memory"][client][0] for client in FAMILIES[family])
    for figure, of, limit in (
        ("KB per idle connection", "slot", 30),
        ("KB per waiting request", "waiting", 2),
    ):
        yield _at_most(
            figure,
            family,
            limit,
            ours[of] / KB if ours.get(of) else None,
            stock[of] / KB if stock.get(of) else None,
            digits=1,
        )


def _soak(results: Results, family: str) -> Iterator[Goal]:
    for result in results["soak"][FAMILIES[family][0]]:
        yield from _soak_goals(result, family)


def _soak_goals(result: CaseResult, family: str) -> Iterator[Goal]:
    figure = "5 % failing"
    yield Goal(figure, family, "all done", done_of(result), "-", all_done(result))
    if "grown" not in result:
        return
    grown = result["grown"] / MIB
    yield Goal("  MiB grown", family, "< 2", f"{grown:.2f}", "-", grown < 2)
    first, last = result["descriptors"]
    yield Goal("  descriptors", family, "flat", f"{first} → {last}", "-", last <= first)
