"""A situation and its results, in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from httpx_resilient.simulation import Outage, Server, SimulationResult, Traffic

Named = tuple[str, SimulationResult]

_HARDLY = 1.1
"""Requests per call up to which retries hardly add to the load."""

_LAST = 10
"""Seconds at the end that show whether an overload goes on."""

_SAME = 0.005
"""A difference between two shares that nobody notices."""


def describe(traffic: Traffic, server: Server, seconds: int) -> str:
    """Describe what is simulated."""
    pace = f"{traffic.clients * traffic.rate:g} calls/s"
    if traffic.think is not None:
        pace = f"one call at a time, {traffic.think:g} s after the last"
    outages = "".join(f", {_describe_outage(each)}" for each in server.outages)
    return (
        f"{traffic.clients} clients, {pace}, for {seconds} s, at a server of "
        f"{server.capacity:g} requests/s{outages}"
    )


def _describe_outage(outage: Outage) -> str:
    amount = "" if outage.value is None else f"={outage.value:g}"
    return f"{outage.kind}{amount} from {outage.start:g} to {outage.end:g} s"


def conclusions(runs: Sequence[Named], server: Server) -> list[str]:
    """Say what the results of one or two policies show."""
    texts = [_load_of(*run) for run in runs]
    if server.outages:
        texts += [_recovery_of(*run, server) for run in runs]
    if len(runs) > 1:
        texts.append(_comparison(*runs))
    return texts


def _load_of(letter: str, result: SimulationResult) -> str:
    factor = f"{result.amplification:.2f}"
    if result.amplification <= _HARDLY:
        return f"{letter}: retries hardly add to the load: {factor} requests per call."
    return f"{letter}: retries multiply the load on the server by {factor}."


def _recovery_of(letter: str, result: SimulationResult, server: Server) -> str:
    if result.recovery == 0:
        return f"{letter}: as soon as the outage is over, the calls succeed again."
    if result.recovery is not None:
        return (
            f"{letter}: {result.recovery} s after the outage, 99 % of the calls "
            "succeed again."
        )
    return f"{letter}: the server does not recover{_reason(result, server)}."


def _reason(result: SimulationResult, server: Server) -> str:
    """Return why a server has not recovered, if the last seconds show it."""
    last = result.by_second[-_LAST:]
    calls = sum(each.calls for each in last) / len(last)
    requests = sum(each.requests for each in last) / len(last)
    if calls >= server.capacity:
        return ": the calls alone are more than it can serve"
    if requests > server.capacity:
        return (
            f": there are fewer calls than it can serve, but {requests:.0f} requests "
            "per second. The retries keep it overloaded"
        )
    return " in the time that is left"


def _comparison(one: Named, other: Named) -> str:
    (_, first), (_, second) = one, other
    better, worse = one, other
    if second.success > first.success:
        better, worse = other, one
    gain = better[1].success - worse[1].success
    if gain < _SAME:
        return "As many calls succeed with A as with B."
    text = (
        f"Of 100 calls, {100 * better[1].success:.0f} succeed with {better[0]} and "
        f"{100 * worse[1].success:.0f} with {worse[0]}"
    )
    if better[1].requests <= worse[1].requests:
        return f"{text}, which also sends more requests: {better[0]} is better."
    more = better[1].requests / worse[1].requests - 1
    return f"{text}: {better[0]} pays for it with {100 * more:.0f} % more requests."
