"""Which of several origins to ask: what is known of them, and how that changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Concatenate, NamedTuple, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from httpx_resilient._core.origin import DEFAULT_PORTS, format_origin
from httpx_resilient._core.validation import number

DecisionT = TypeVar("DecisionT")
P = ParamSpec("P")


class State(NamedTuple):
    """
    What is known of the origins of a group, in their order.

    Args:
        due: `None` while an origin is up. When it is down, the moment from which one
            request may find out whether it still is.
    """

    due: tuple[float | None, ...]


class Choice(NamedTuple):
    """
    The origin that a request is sent to.

    Args:
        origin: Its place in the group.
        down: Whether it was known to be down, so that an answer is news.
        lease: If this request is the probe: until when no other one is.
    """

    origin: int
    down: bool = False
    lease: float | None = None


FIRST = Choice(0)


def choose(
    state: State, tried: Sequence[int], patience: float, lease: float, now: float
) -> tuple[State, Choice]:
    """
    Choose the first origin that is up, or is to be probed. One at least is not tried.

    Where all are down, the one that may be probed first is asked, then the others: no
    request is lost to what is known, and none is sent to an origin twice.

    Args:
        state: What is known.
        tried: The origins that have failed to answer this request.
        patience: Seconds that it leaves a probe to others, which risk less.
        lease: Seconds for which no other request is a probe, if this one is. A lease
            runs out by itself, so a probe that hangs, or whose process is gone, does
            not keep the others away for ever.
        now: Monotonic seconds.
    """
    down: list[tuple[float, int]] = []
    for origin, due in enumerate(state.due):
        if origin in tried:
            continue
        if due is None:
            return state, Choice(origin)
        if due + patience <= now:
            until = now + lease
            return _with(state, origin, until), Choice(origin, down=True, lease=until)
        down.append((due, origin))
    return state, Choice(min(down)[1], down=True)


def failed(
    state: State, choice: Choice, seconds: float, now: float
) -> tuple[State, bool]:
    """
    Leave an origin alone for so long. Tells whether it was up until now.

    Of one that is down, only the probe tells something new: others were sent before.
    """
    due = state.due[choice.origin]
    if due is None or due == choice.lease:
        state = _with(state, choice.origin, now + seconds)
    return state, due is None


def answered(state: State, choice: Choice) -> tuple[State, bool]:
    """Note an answer of an origin. Tells whether it was down until now."""
    # An answer to what was sent while it was up may be older than its failure.
    news = choice.down and state.due[choice.origin] is not None
    return _with(state, choice.origin, None) if news else state, news


def released(state: State, choice: Choice, now: float) -> tuple[State, None]:
    """Let another request be the probe: this one has found nothing out."""
    if choice.lease is not None and state.due[choice.origin] == choice.lease:
        state = _with(state, choice.origin, now)
    return state, None


def _with(state: State, origin: int, due: float | None) -> State:
    return State((*state.due[:origin], due, *state.due[origin + 1 :]))


class Failover:
    """
    Origins that can stand in for each other, and which of them are down.

    One group may serve any number of clients, of either library, in any thread or task:
    what one has found out, all know.

    The first failure takes an origin out: requests go to the next one and stay there.
    After `cooldown` a single request tries the earlier one again, and the others stay.
    An answer brings all of them back, a failure means another `cooldown`. So does nginx
    (`max_fails=1`, `fail_timeout=10s`). Here it is a request that can go on to the next
    origin, should it fail; any other one only if none came by for another `cooldown`.

    An origin, or a circuit breaker in front of it, that says how long it wants to be
    left alone, is left alone so long, up to a minute.

    Args:
        origins: `https://api.example.com`, ... in order of preference. Requests are
            addressed to the first one.
        cooldown: Seconds, and up to a tenth more: clients that left an origin together
            would else come back together.

    Raises:
        TypeError: An origin is not a string; `cooldown` is no number.
        ValueError: There is no origin, or one of them twice; one is not just scheme,
            host and port; `cooldown` is not above 0.

    Example:
        >>> group = Failover(["https://eu.example.com", "https://us.example.com"])
        >>> transport = FailoverTransport(RetryingTransport(), group)
        >>> group.down
        ()
    """

    def __init__(self, origins: Sequence[str], *, cooldown: float = 10.0) -> None:
        self.origins = _checked(origins)
        number("cooldown", cooldown, above=0, unit="seconds")
        self.cooldown = cooldown
        self.state = State((None,) * len(self.origins))
        self._lock = Lock()

    @property
    def down(self) -> tuple[str, ...]:
        """The origins that have failed and have not answered since."""
        known = zip(self.origins, self.state.due, strict=True)
        return tuple(origin for origin, due in known if due is not None)

    def change(
        self,
        transition: Callable[Concatenate[State, P], tuple[State, DecisionT]],
        *event: P.args,
        **more: P.kwargs,
    ) -> DecisionT:
        """Let a transition change the state, and return what it decided."""
        with self._lock:
            self.state, decision = transition(self.state, *event, **more)
        return decision

    def __repr__(self) -> str:
        return f"<Failover {', '.join(self.origins)}>"


def _checked(given: object) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        msg = (
            "origins is a list such as ['https://eu.example.com', "
            f"'https://us.example.com'], got {type(given).__name__}"
        )
        raise TypeError(msg)
    if not given:
        msg = "origins is empty: name the one that requests are addressed to, first"
        raise ValueError(msg)
    known: dict[str, int] = {}
    for place, origin in enumerate(cast("Sequence[object]", given)):
        name = _name(f"origins[{place}]", origin)
        if name in known:
            msg = f"origins[{place}] and origins[{known[name]}] are both {name}"
            raise ValueError(msg)
        known[name] = place
    return tuple(known)


def _name(place: str, given: object) -> str:
    # What was given is not shown: it may hold a password, or a key in a query.
    form = f"{place} is a string such as 'https://eu.example.com:8443'"
    if not isinstance(given, str):
        msg = f"{form}, got {type(given).__name__}"
        raise TypeError(msg)
    try:
        url = urlsplit(given)
        host, port = url.hostname or "", url.port
    except ValueError:
        msg = f"{form}: this one has a host or port that cannot be read"
        raise ValueError(msg) from None
    mistakes = {
        "a space or control character": " " in given or not given.isprintable(),
        "no http:// or https://": url.scheme not in {"http", "https"},
        "a user or password, which a client takes as auth=": "@" in url.netloc,
        "no host": not host,
        "a path, which is the request's": url.path not in ("", "/"),
        "a query or fragment": "?" in given or "#" in given,
    }
    for mistake, made in mistakes.items():
        if made:
            msg = f"{form}: this one has {mistake}"
            raise ValueError(msg)
    return format_origin(
        url.scheme, host, None if port == DEFAULT_PORTS[url.scheme] else port
    )
