"""The credential of some origins, cached, and refreshed by one request at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

from httpx_resilient._core.described import Described
from httpx_resilient._core.lock import tell_when_forked
from httpx_resilient._core.origin import OriginKey, origin_name, parse_origin
from httpx_resilient._core.public import Uncopyable, public
from httpx_resilient._core.validation import accepts, number
from httpx_resilient._layers.credentials.credential import Credential
from httpx_resilient._layers.credentials.flight import Flight, under_way

Fetched = str | Mapping[str, str]
"""A token for `Authorization: Bearer`, or the headers with the credential."""

Fetch = Callable[[], Fetched | Awaitable[Fetched]]


@public()
class Credentials(Uncopyable, Described):
    """
    The credential of some origins: fetched when it is needed, and cached.

    Transports, clients and threads may share it. However many requests need a new
    credential at a time, the function is called once, and all others wait for it.

    Args:
        fetch: A function without arguments that returns a new credential: a token, for
            `Authorization: Bearer`, or a dictionary of headers. It may be asynchronous
            in asynchronous clients; there a plain function must not block. Its requests
            may go through the same client: they have no credential of this object.
        origins: The origins that get the credential, and no others ever:
            `"https://api.example.com"`, or a list.
        max_age: Seconds after which a credential is fetched anew, before a server
            refuses it; `None` to wait for that.

    Raises:
        TypeError: `fetch` is not callable; `origins` is not a list of strings;
            `max_age` is not a number.
        ValueError: `origins` is empty, or one of them is not scheme, host and port;
            `max_age` is not above 0.

    A failure to fetch is not cached: the next request tries again.

    Example:
        >>> def fetch():
        ...     return "a-token"
        >>> credentials = Credentials(fetch, "https://api.example.com", max_age=3000)
    """

    def __init__(
        self,
        fetch: Fetch,
        origins: str | Sequence[str],
        *,
        max_age: float | None = None,
    ) -> None:
        if not (callable(fetch) and accepts(fetch, 0)):
            msg = (
                "fetch must be a function without arguments that returns a token or "
                "headers; "
                f"got {type(fetch).__name__}"
            )
            raise TypeError(msg)
        if max_age is not None:
            max_age = number("max_age", max_age, above=0, unit="seconds")
        self.fetch: Fetch = fetch
        self.origins: frozenset[OriginKey] = _origins(origins)
        self.max_age = max_age
        self.flights: dict[str, Flight] = {}
        self._latest: Credential | None = None
        tell_when_forked(self)

    def current(self, now: float) -> Credential | None:
        """
        Return the cached credential, if it can be used.

        Args:
            now: Monotonic seconds.
        """
        latest = self._latest
        if (
            latest is None
            or latest.is_refused
            or (self.max_age is not None and now - latest.fetched >= self.max_age)
        ):
            return None
        return latest

    def store(self, credential: Credential) -> None:
        """Cache a credential."""
        self._latest = credential

    def forget(self) -> None:
        """Fetch a new credential for the next request, as after a logout."""
        latest = self._latest
        if latest is not None:
            latest.is_refused = True

    @property
    def flight(self) -> Flight | None:
        """The refresh that is under way."""
        return under_way(self.flights)

    def forked(self) -> None:
        """The request that fetches is one of the parent's."""
        self.flights.clear()


def _origins(given: object) -> frozenset[OriginKey]:
    form = "origins must be a list of origins such as 'https://api.example.com'"
    listed = (given,) if isinstance(given, str) else given
    if not isinstance(listed, list | tuple | set | frozenset) or not all(
        isinstance(each, str) for each in cast("Sequence[object]", listed)
    ):
        msg = f"{form}; got {type(given).__name__}"
        raise TypeError(msg)
    if not listed:
        msg = f"{form}: no other origin ever gets the credential; got none"
        raise ValueError(msg)
    return frozenset(map(_origin, cast("Sequence[str]", listed)))


def _origin(given: str) -> OriginKey:
    try:
        origin = parse_origin(given)
    except ValueError as error:
        msg = f"origins: {error}"
        raise ValueError(msg) from None
    if urlsplit(given).path.strip("/"):
        msg = (
            f"origins: a credential is for all of {origin_name(origin)}: leave the "
            "path out"
        )
        raise ValueError(msg)
    return origin
