"""Ready keys: by the path of a request, or by a header that tells callers apart."""

from __future__ import annotations

import os
from collections.abc import Hashable
from hashlib import blake2b
from typing import Any

from httpx_resilient._core.keys import ShownKey
from httpx_resilient._core.origin import (
    OriginKey,
    origin_key,
    origin_name,
    parse_url,
    path_of,
)
from httpx_resilient._core.public import public
from httpx_resilient._core.state.store import MAX_KEYS
from httpx_resilient._core.validation import TOKEN, number

_SALT = os.urandom(16)
"""Of this process: so nobody can find a secret by trying which one has this digest."""

_DIGEST_SIZE = 6
"""Bytes of a digest: two of a million secrets are alike with a chance of 1 in 500."""


@public()
class key_by_path:  # noqa: N801 - it is used as a function
    """
    A `key=` for the parts of a server behind one origin, told apart by their paths.

    By default, a layer has one state for each origin. Behind a gateway, an origin is
    many services, and one that fails must not stop the requests to the others. With
    this key, each has a state of its own. The key is text: the origin and the prefix of
    the path, such as `https://api.example.com/v1/search`.

    Args:
        *prefixes: The prefixes that have a state of their own, as `/v1/search`. The
            longest one that matches whole segments is the key, and a request that
            matches none has the key of its origin. Without any, the first `depth`
            segments are the prefix.
        depth: The number of segments, without `prefixes`. Choose it so that no segment
            is an identifier: each would have a state, which then sees too few requests
            to notice anything, and a layer stores at most 1000 of them.

    Raises:
        TypeError: A prefix is not a string, or `depth` not a whole number.
        ValueError: A prefix does not begin with `/`, or has a query; `depth` is below
            1, or given together with prefixes.

    A path counts as it is sent, in percent-encoding.

    Example:
        >>> import httpx
        >>> breaker = CircuitBreaker(key=key_by_path("/v1/search", "/v1/export"))
        >>> breaker.force_open("https://api.example.com/v1/export")
        >>> mock = httpx.MockTransport(lambda request: httpx.Response(200))
        >>> transport = CircuitBreakingTransport(mock, breaker)
        >>> with httpx.Client(transport=transport) as client:
        ...     client.get("https://api.example.com/v1/search?q=1").status_code
        200
    """

    def __init__(self, *prefixes: str, depth: int | None = None) -> None:
        for prefix in prefixes:
            _check_prefix(prefix)
        if depth is not None:
            depth = number("depth", depth, least=1, whole=True, unit="segments")
            if prefixes:
                msg = "give key_by_path either prefixes or depth=, not both"
                raise ValueError(msg)
        self._prefixes = [prefix.rstrip("/").split("/")[1:] for prefix in prefixes]
        self._prefixes.sort(key=len, reverse=True)
        self._depth = depth or 1
        self._given = [*map(repr, prefixes)] or [f"depth={self._depth}"]
        self._known: dict[tuple[OriginKey, str], ShownKey] = {}

    def __call__(self, request: Any) -> Hashable:
        """Return the key of a request."""
        url = request.url
        return self._key(origin_key(url), path_of(url))

    def of_url(self, url: Any) -> Hashable:
        """Return the key of a URL that a user has written."""
        parsed = parse_url(url)
        return self._key(origin_key(parsed), path_of(parsed))

    def _key(self, origin: OriginKey, path: str) -> ShownKey:
        prefix = self._prefix(path)
        key = self._known.get((origin, prefix))
        if key is None:
            if len(self._known) >= MAX_KEYS:
                self._known.clear()
            key = self._known[origin, prefix] = ShownKey(origin_name(origin) + prefix)
        return key

    def _prefix(self, path: str) -> str:
        segments = path.split("/")[1:]
        if not self._prefixes:
            return "".join(f"/{each}" for each in segments[: self._depth] if each)
        for prefix in self._prefixes:
            if segments[: len(prefix)] == prefix:
                return "".join(f"/{each}" for each in prefix)
        return ""

    def __repr__(self) -> str:
        return f"key_by_path({', '.join(self._given)})"


def _check_prefix(prefix: object) -> None:
    form = "key_by_path takes prefixes of paths, such as '/v1/search'"
    if not isinstance(prefix, str):
        msg = f"{form}; got {prefix!r}"
        raise TypeError(msg)
    if not prefix.startswith("/") or not prefix.isascii() or set(prefix) & set("?# "):
        msg = (
            f"{form}: as it is sent, from its first slash, without a query; "
            f"got {prefix!r}"
        )
        raise ValueError(msg)


@public()
class key_by_header:  # noqa: N801 - it is used as a function
    """
    A `key=` for the callers of a server, told apart by a header of their requests.

    So the used-up quota of one customer, or the requests of one that fail, do not stop
    the requests of another. The key is text: the origin, and a digest of the header's
    value. The value itself is stored nowhere, and other processes have other digests.

    Args:
        name: The name of the header, such as `Authorization` or `X-API-Key`.

    Raises:
        TypeError: The name is not a string.
        ValueError: It is not the name of a header.

    A function of your own combines keys: `lambda request: (path(request),
    caller(request))`.

    Example:
        >>> limit = RateLimit(10, key=key_by_header("Authorization"))
        >>> transport = standard_transport(rate_limit=limit)
    """

    def __init__(self, name: str) -> None:
        form = "key_by_header takes the name of a header, such as 'Authorization'"
        if not isinstance(name, str):
            msg = f"{form}; got {name!r}"
            raise TypeError(msg)
        if not TOKEN.fullmatch(name):
            msg = f"{form}; got {name!r}"
            raise ValueError(msg)
        self._name = name.lower()

    def __call__(self, request: Any) -> Hashable:
        """Return the key of a request."""
        value = request.headers.get(self._name)
        # As a fragment of a URL, it leaves the server readable for the metrics.
        origin = origin_name(origin_key(request.url))
        if value is None:
            return ShownKey(f"{origin}#no-{self._name}")
        secret = value.encode(errors="surrogatepass")
        digest = blake2b(secret, key=_SALT, digest_size=_DIGEST_SIZE).hexdigest()
        return ShownKey(f"{origin}#{self._name}-{digest}")

    def __repr__(self) -> str:
        return f"key_by_header({self._name!r})"
