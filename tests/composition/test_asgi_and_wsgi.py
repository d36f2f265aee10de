"""Applications in this process as the inner transport, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.validate import validator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from support.world import World

from httpx_resilient import attempts_of

pytestmark = pytest.mark.anyio

URL = "http://app/"
asynchronous = pytest.mark.parametrize("runtime", ["asyncio", "trio"])
synchronous = pytest.mark.parametrize("runtime", ["sync"])


class Application:
    """An ASGI and WSGI application that fails twice, or raises."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.bodies: list[bytes] = []
        self.asgi = Starlette(
            routes=[Route("/", self._endpoint, methods=["GET", "PUT"])]
        )
        self.wsgi = validator(self._wsgi)

    async def _endpoint(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        if self.error is not None:
            raise self.error
        return PlainTextResponse("body", status_code=self._status())

    def _wsgi(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        self.bodies.append(environ["wsgi.input"].read(size))
        if self.error is not None:
            raise self.error
        start_response(f"{self._status()} Status", [("Content-Type", "text/plain")])
        return [b"body"]

    def _status(self) -> int:
        return 200 if len(self.bodies) == 3 else 503


def inner(world: World, application: Application, **options: Any) -> Any:
    if world.sync:
        return world.library.WSGITransport(app=application.wsgi, **options)
    return world.library.ASGITransport(app=application.asgi, **options)


async def test_a_request_to_an_application_is_retried_until_it_succeeds(
    world: World,
) -> None:
    application = Application()
    async with world.client(world.transport(inner(world, application))) as client:
        response = await client.get(URL)
    assert (response.status_code, response.text) == (200, "body")
    assert [str(attempt) for attempt in attempts_of(response)] == ["503", "503", "200"]


async def test_each_attempt_brings_the_same_body(world: World) -> None:
    application = Application()
    async with world.client(world.transport(inner(world, application))) as client:
        await client.put(URL, json={"a": 1})
    assert application.bodies == [b'{"a":1}'] * 3


async def test_an_exception_of_the_application_is_not_retried(world: World) -> None:
    application = Application(error := ConnectionError("of the application itself"))
    async with world.client(world.transport(inner(world, application))) as client:
        with pytest.raises(ConnectionError) as caught:
            await client.get(URL)
    assert (caught.value is error, len(application.bodies)) == (True, 1)


@asynchronous
async def test_an_exception_that_becomes_a_500_is_retried(world: World) -> None:
    application = Application(ValueError("a bug"))
    app = inner(world, application, raise_app_exceptions=False)
    async with world.client(world.transport(app)) as client:
        response = await client.get(URL)
    assert (response.status_code, len(application.bodies)) == (500, 3)


@asynchronous
async def test_an_asynchronous_client_refuses_a_wsgi_application(world: World) -> None:
    app = world.library.WSGITransport(app=Application().wsgi)
    with pytest.raises(TypeError, match="WSGITransport is sync and cannot serve"):
        async with world.client(world.transport(app)):
            pytest.fail("the client was entered")


@synchronous
async def test_a_synchronous_client_refuses_an_asgi_application(world: World) -> None:
    app = world.library.ASGITransport(app=Application().asgi)
    with pytest.raises(TypeError, match="ASGITransport is async and cannot serve"):
        async with world.client(world.transport(app)):
            pytest.fail("the client was entered")
