"""One request on its way from origin to origin, in the steps of the layer's flow."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.attempts import attempts_from
from httpx_resilient._core.body.saved import SavedResponse, save
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.history import annotate
from httpx_resilient._core.http_types import RequestT, ResponseLike
from httpx_resilient._core.io.protocol import IO
from httpx_resilient._core.methods import is_repeatable
from httpx_resilient._core.refused import is_refused_here
from httpx_resilient._layers.failover.classification import (
    Classification,
    classify_failure,
    classify_response,
)
from httpx_resilient._layers.failover.credentials import REFUSED
from httpx_resilient._layers.failover.events import CredentialsWithheld, FailedOver
from httpx_resilient._layers.failover.group import choose
from httpx_resilient._layers.failover.readdress import readdress
from httpx_resilient._layers.failover.report import OriginReport

ORIGIN = "origin"
"""The extension of a response that names the origin which answered."""


class FailoverCall(OriginReport[RequestT]):
    """One request of the caller, and the origins that it was sent to."""

    def next_request(self, now: float) -> tuple[RequestT, RequestContext]:
        """
        Return the request to send next, and its context.

        At least one origin is not tried yet.
        """
        settings, failover = self._settings, self._settings.failover
        # A request that cannot fail over would be lost if its probe failed.
        repeatable = is_repeatable(self._request, self._context.key_headers)
        patience = 0.0 if repeatable else failover.cooldown
        self._choice = choice = failover.store.apply(
            self._group, choose, self._tried, patience, failover.cooldown, now
        )
        self._in_flight, self._sent = True, now
        self._context.unsent = None
        self._context.refused = self._context.in_memory = False
        if self._records:
            *_, before, _ = last = self._records[-1]
            target = failover.origins[choice.origin]
            settings.emit(
                self._context, FailedOver, self._request, before, target, last[2]
            )
        if choice.origin == 0:
            self._leg = self._context
            return self._request, self._leg
        self._copy = readdress(
            self._request,
            settings.targets[choice.origin],
            choice.origin,
            settings.credentials,
            self._context.secrets,
        )
        self._leg = self._context.fork(self._copy)
        return self._copy, self._leg

    async def on_response(self, response: ResponseLike, io: IO[RequestT, Any]) -> bool:
        """Record a response. Return whether to send the next request."""
        names = self._context.key_headers
        classified = classify_response(response, self._request, names, io.wall_time)
        if response.status_code in REFUSED:
            classified = self._explained(classified, response.status_code)
        if await self._continues(classified, io):
            return True
        self._leave(response)
        self._finish(response, self._choice.origin)
        return False

    def _explained(self, classified: Classification, status: int) -> Classification:
        """Name the credentials that an origin did not get, if it asks for some."""
        settings, origin = self._settings, self._choice.origin
        names = settings.credentials.withheld_from(origin, self._request)
        if not names:
            return classified
        target = settings.failover.origins[origin]
        emit, context, request = settings.emit, self._context, self._request
        emit(context, CredentialsWithheld, request, target, status, names)
        reason = f"{status} without credentials: {', '.join(names)} withheld"
        return classified._replace(reason=reason)

    def _finish(self, response: Any, origin: int) -> None:
        """Prepare the response of an origin for the caller."""
        settings = self._settings
        response.extensions[ORIGIN] = settings.failover.origins[origin]
        if origin and not settings.credentials.share:
            # The client would store the cookie for the first origin and send it there.
            response.headers.pop("set-cookie", None)

    async def release(self, response: Any, io: IO[RequestT, Any]) -> None:
        """Release the response of an origin that has failed, and save it if short."""
        self._answered_by = self._choice.origin
        family = self._settings.family
        self.answer = await save(response, family, io, self._leg)

    def answered(self, answer: SavedResponse[Any]) -> Any:
        """Return the answer of an earlier origin: the last one was refused here."""
        response: Any = answer.restore()
        self._context.in_memory = True
        self._finish(response, self._answered_by)
        return response

    async def on_error(self, error: Exception, io: IO[RequestT, Any]) -> bool:
        """Record an exception. Return whether to send the next request."""
        family = self._settings.family
        names = self._context.key_headers
        classified = classify_failure(error, self._request, names, family)
        if not is_refused_here(error, family, self._leg):
            self.answer = None
        if await self._continues(classified, io):
            return True
        if self.answer is not None:
            response = self.answer.response
            number, kind, name, *others = self._records[-1]
            reason = f"{name}, so the {response.status_code} before it is returned"
            self._records[-1] = (number, kind, reason, *others)  # type: ignore[assignment]  # mypy loses the types of the others
            self._leave(response)
            return False
        self._leave(error)
        if len(self._tried) > 1:
            attempts = attempts_from(self._records)
            tried = [f"{each.origin} ({each})" for each in attempts]
            annotate(error, "failover note", f"origins tried: {', '.join(tried)}")
        return False

    async def abandon(
        self, response: ResponseLike | None, io: IO[RequestT, Any]
    ) -> None:
        """
        Release the response or the probe of a request that ends by an exception.

        Args:
            response: The response that the caller never gets, if there is one.
            io: The IO of the request.
        """
        if response is not None:
            await io.discard(response, drain=False)
        elif self._in_flight:
            self._abandon(io.now())

    async def _continues(
        self, classification: Classification, io: IO[RequestT, Any]
    ) -> bool:
        now = io.now()
        self._record(classification, now)
        if (
            not classification.may_fail_over
            or len(self._tried) == len(self._settings.targets)
            or self._is_late(now)
        ):
            return False
        again = await self._body.again(io)
        self._request = again or self._request
        return again is not None
