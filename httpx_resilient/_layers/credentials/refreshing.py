"""How a request gets a credential: the cached one, its own, or another request's."""

from __future__ import annotations

from typing import Any

from httpx_resilient._core.classify import (
    ALWAYS,
    NEVER,
    Retryability,
    classify_error,
    classify_status,
)
from httpx_resilient._core.context import RequestContext
from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.events.emitter import EventEmitter
from httpx_resilient._core.family import Family
from httpx_resilient._core.io.admission import admit
from httpx_resilient._core.io.protocol import Effects
from httpx_resilient._core.origin import origin_name
from httpx_resilient._layers.credentials.admission import RefreshAdmission
from httpx_resilient._layers.credentials.credential import Credential, credential_of
from httpx_resilient._layers.credentials.credentials import Credentials
from httpx_resilient._layers.credentials.events import (
    CredentialsFailed,
    CredentialsRefreshed,
)
from httpx_resilient._layers.credentials.fetching import fetch_for
from httpx_resilient._layers.credentials.flight import Turn


class Refreshing:
    """
    Gets credentials for the requests of a layer.

    Args:
        credentials: The cached credential.
        refusal: The exception of a request that gets none.
        family: The library of the requests.
        emit: The emitter of the layer.
    """

    def __init__(
        self,
        credentials: Credentials,
        refusal: type[Refusal],
        family: Family,
        emit: EventEmitter,
    ) -> None:
        self.credentials = credentials
        self._refusal = refusal
        self._family = family
        self._emit = emit

    async def credential_for(
        self, context: RequestContext, effects: Effects
    ) -> Credential:
        """
        Return the current credential. If there is none, fetch it, or wait for it.

        If the request that fetches is cancelled, one of those who wait is next.

        Raises:
            Refusal: The function has raised an exception, for this request or for the
                one that it has waited for.
        """
        while True:
            credential = self.credentials.current(effects.now())
            if credential is not None:
                return credential
            turn = Turn(self.credentials.flights)
            flight = turn.take()
            if flight is turn.flight:
                return await self._refresh(turn, context, effects)
            admission = RefreshAdmission(
                context, flight, self._emit, self._family.pool_timeout
            )
            await admit(admission, effects)
            if flight.error is not None:
                raise self._refused(context, flight.error) from flight.error

    async def _refresh(
        self, turn: Turn, context: RequestContext, effects: Effects
    ) -> Credential:
        """Fetch a credential, and end the turn, whatever happens."""
        credentials, began = self.credentials, effects.now()
        try:
            # The flight before may have ended after this request looked for its result.
            credential = credentials.current(began)
            if credential is None:
                answer = await fetch_for(turn.flight, credentials.fetch, effects)
                credential = credential_of(answer, effects.now())
                credentials.store(credential)
                took = effects.now() - began
                self._emit(context, CredentialsRefreshed, context.request, took)
        except Exception as error:
            turn.flight.error = error
            kind = type(error).__name__
            self._emit(context, CredentialsFailed, context.request, kind)
            raise self._refused(context, error) from error
        else:
            return credential
        finally:
            turn.end()

    def _refused(self, context: RequestContext, error: Exception) -> Exception:
        """Make the exception of a request. What the function says may be secret."""
        name = getattr(self.credentials.fetch, "__name__", "the function")
        refused = self._refusal(
            f"no credential for {origin_name(context.origin)}: {name} has raised "
            f"{type(error).__name__}"
        )
        refused.retryability = _retryability(error, self._family)
        return refused


def _retryability(error: Exception, family: Family) -> Retryability:
    """Classify a failure to fetch. The request itself was not sent."""
    status: Any = getattr(getattr(error, "response", None), "status_code", None)
    cause = (
        classify_status(status)
        if isinstance(status, int)
        else classify_error(error, family)
    )
    return NEVER if cause is NEVER else ALWAYS
