"""The goals of the scale part, and whether they are reached."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.clients import OURS, OURS2, STOCK, STOCK2
from benchmarks.scale import LEVELS, ORIGINS, SLOTS, Results
from benchmarks.workers import Told

FAMILIES = {"httpx": (OURS, STOCK), "httpx2": (OURS2, STOCK2)}

KB = 1000
MIB = 1 << 20


@dataclass(frozen=True)
class Goal:
    """A figure of ours, beside that of the family's stock transport."""

    figure: str
    family: str
    goal: str
    ours: str
    stock: str
    reached: bool | None


def goals_of(results: Results) -> list[Goal]:
    """Compare what was measured with what it should be."""
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


def cost(told: Told) -> float | None:
    """CPU microseconds for each answered request."""
    return told["cpu"] / told["done"] * 1e6 if told.get("done") else None


def cpu_at(results: Results, client: str, level: int) -> float | None:
    """Take the median over rounds."""
    return _median(
        [cost(told) for told in results["cpu"][client] if told["in_flight"] == level]
    )


def ratio(results: Results, of: tuple[str, int], to: tuple[str, int]) -> float | None:
    """Take the median of the ratios within each round."""
    costs = [
        [cost(told) for told in results["cpu"][client] if told["in_flight"] == level]
        for client, level in (of, to)
    ]
    pairs = zip(*costs, strict=False)
    return _median([one / two if one and two else None for one, two in pairs])


def all_done(told: Told) -> bool:
    """Whether all that was asked was answered."""
    return bool(told.get("done") == told.get("asked", -1))


def done_of(told: Told) -> str:
    """Tell how much was answered, and of the rest what it met most."""
    if "error" in told:
        return str(told["error"])
    return f"{told['done']:,} of {told['asked']:,}"


def origins_ratio(results: Results, client: str) -> float | None:
    """What requests cost over 50 origins, next to one."""
    tolds = results["origins"][client]
    one, many = (
        [cost(told) for told in tolds if told["origins"] == count]
        for count in (1, ORIGINS)
    )
    return _median([b / a if a and b else None for a, b in zip(one, many, strict=True)])


def slots_lost(told: Told) -> int | None:
    """Of the slots, how many the probes could not use; unknown if none was answered."""
    return SLOTS - min(SLOTS, told["server"]["max_busy"]) if told["done"] else None


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


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
        next(told for told in results["cpu"][client] if told["in_flight"] == LEVELS[-1])
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
    told = next(each for each in results["cold"][ours] if each["patient"])
    of_stock = next(each for each in results["cold"][stock] if not each["patient"])
    yield Goal(
        "all at once, cold",
        family,
        "≤ 11 s",
        f"{told['done']:,} in {told['wall']:.1f} s",
        done_of(of_stock),
        all_done(told) and told["wall"] <= 11,
    )


def _origins(results: Results, family: str) -> Iterator[Goal]:
    ours, stock = FAMILIES[family]
    tolds = [told for told in results["origins"][ours] if told["origins"] == ORIGINS]
    of_stock = next(
        told for told in results["origins"][stock] if told["origins"] == ORIGINS
    )
    yield Goal(
        f"{ORIGINS} origins, 500 in flight",
        family,
        "all done",
        done_of(min(tolds, key=lambda told: int(told.get("done", 0)))),
        done_of(of_stock),
        all(map(all_done, tolds)),
    )
    yield _at_most(
        "  connections at a time",
        family,
        100,
        max(told["server"]["max_open"] for told in tolds),
        of_stock["server"]["max_open"],
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
    for told in results["soak"][FAMILIES[family][0]]:
        yield from _soaked(told, family)


def _soaked(told: Told, family: str) -> Iterator[Goal]:
    figure = "5 % failing"
    yield Goal(figure, family, "all done", done_of(told), "-", all_done(told))
    if "grown" not in told:
        return
    grown = told["grown"] / MIB
    yield Goal("  MiB grown", family, "< 2", f"{grown:.2f}", "-", grown < 2)
    first, last = told["descriptors"]
    yield Goal("  descriptors", family, "flat", f"{first} → {last}", "-", last <= first)
