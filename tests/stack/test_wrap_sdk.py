"""`wrap` finds the clients inside of an SDK's object, and calls nothing of it."""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import tenacity
from support.server import Server, close, reply
from support.world import LIBRARIES, World

pytestmark = pytest.mark.anyio


class Part:
    """An object of an SDK, with any attributes."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)


class Slotted:
    __slots__ = ("_http", "unset")

    def __init__(self, http: Any) -> None:
        self._http = http


class SlottedChild(Slotted):
    __slots__ = ()


class SDK(Part):
    """An SDK's main object."""


def retrying(world: World) -> Any:
    return lambda inner: world.ours.RetryingTransport(
        inner, wait=tenacity.wait_none(), retry=world.ours.retry_if_transient("POST")
    )


def stock(world: World, **options: Any) -> Any:
    kind = "Client" if world.sync else "AsyncClient"
    return getattr(world.library, kind)(**options)


@pytest.fixture
def sync_world(library: str) -> World:
    return World(*LIBRARIES[library], sync=True)


def is_wrapped(world: World, client: Any) -> bool:
    return isinstance(client._transport, world.ours.RetryingTransport)


# What is found.


async def test_requests_of_the_client_inside_are_retried(
    world: World, server: Server
) -> None:
    server.play(reply(503), close(), reply(200))
    sdk = SDK(_connection=Part(_client=stock(world)))
    assert world.ours.wrap(sdk, retrying(world)) is sdk
    async with world.awaited(sdk._connection._client) as client:
        assert (await client.post(server.url)).status_code == 200
    assert server.requests == 3


PLACES = {
    "an attribute": lambda client: SDK(_client=client),
    "an attribute of a part": lambda client: SDK(_requestor=Part(_http=client)),
    "a slot": lambda client: SDK(part=Slotted(client)),
    "a slot of a base class": lambda client: SlottedChild(client),
    "a list": lambda client: SDK(_clients=[None, client]),
    "a tuple": lambda client: SDK(_clients=(client,)),
    "a set": lambda client: SDK(_clients={client}),
    "a dictionary": lambda client: SDK(by_region={"eu": client}),
    "a dictionary with other keys": lambda client: SDK(by_region={1: client}),
    "a subclass of a dictionary": lambda client: SDK(by=OrderedDict(a=client)),
    "a part in a list": lambda client: SDK(parts=[Part(http=client)]),
    "a list itself": lambda client: [client],
    "an object of the standard library that is given": lambda client: SimpleNamespace(
        client=client
    ),
    "six attributes deep": lambda client: SDK(
        a=Part(b=Part(c=Part(d=Part(e=Part(f=client)))))
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_client_is_found_in(sync_world: World, place: str) -> None:
    client = stock(sync_world)
    sync_world.ours.wrap(PLACES[place](client), retrying(sync_world))
    assert is_wrapped(sync_world, client)


def test_every_client_is_wrapped_once_and_with_its_mounts(sync_world: World) -> None:
    library = sync_world.library
    shared = library.HTTPTransport()
    first = library.Client(
        transport=shared, mounts={"http://a": library.HTTPTransport()}
    )
    second, third = library.AsyncClient(), library.Client(transport=shared)
    made: list[Any] = []

    def layer(inner: Any) -> Any:
        made.append(inner)
        return retrying(sync_world)(inner)

    sync_world.ours.wrap(SDK(a=first, b=Part(c=[second, first]), d=third), layer)
    assert len(made) == len({*map(id, made)})
    assert first._transport is third._transport
    wrapped = [first._transport, *first._mounts.values(), second._transport]
    assert all(isinstance(each, sync_world.ours.RetryingTransport) for each in wrapped)


def test_a_cycle_ends(sync_world: World) -> None:
    sdk = SDK(client=stock(sync_world))
    sdk.itself, sdk.part = sdk, Part(parent=sdk)
    sync_world.ours.wrap(sdk, retrying(sync_world))
    assert is_wrapped(sync_world, sdk.client)


def test_an_instance_of_a_subclass_is_wrapped_and_not_searched(
    sync_world: World,
) -> None:
    class Special(sync_world.library.Client):  # type: ignore[name-defined,misc]  # made per world
        pass

    client, inside = Special(), stock(sync_world)
    client.inside = inside
    sync_world.ours.wrap(client, retrying(sync_world))
    assert is_wrapped(sync_world, client)
    assert not is_wrapped(sync_world, inside)


def test_each_wrapped_client_is_logged_with_its_place(
    sync_world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "httpx_resilient")
    sdk = SDK(_v2=Part(clients={"eu": stock(sync_world)}), http=stock(sync_world))
    sync_world.ours.wrap(sdk, retrying(sync_world))
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("INFO", "SDK.http: requests pass a RetryingTransport now"),
        ("INFO", "SDK._v2.clients['eu']: requests pass a RetryingTransport now"),
    ]


# What is not searched.


class Lively:
    """An object whose every access would be noticed."""

    def __getattribute__(self, name: str) -> Any:
        pytest.fail(f"{name} was read")

    @property
    def client(self) -> Any:
        pytest.fail("a property was evaluated")


class LivelyList(list[Any]):
    def __iter__(self) -> Any:
        pytest.fail("__iter__ was called")


def test_nothing_of_the_sdk_is_called(sync_world: World) -> None:
    lively = Lively()
    object.__getattribute__(lively, "__dict__")["http"] = client = stock(sync_world)
    sdk = SDK(lively=lively, values=LivelyList([1]))
    sync_world.ours.wrap(sdk, retrying(sync_world))
    assert is_wrapped(sync_world, client)


class Lazy:
    """A proxy whose class has a property where classes have a string."""

    @property
    def __module__(self) -> str:  # type: ignore[override]  # as proxies have it
        pytest.fail("a property was evaluated")


OUT_OF_REACH = {
    "a class": lambda client: SDK(kind=type("Kind", (), {"client": client})),
    "a module": lambda client: SDK(module=module_with(client)),
    "the standard library": lambda client: SDK(
        logger=with_attribute(logging.getLogger("sdk"), client),
        other=SimpleNamespace(client=client),
    ),
    "a transport": lambda client: SDK(
        transport=with_attribute(client._transport, client)
    ),
    "a long list": lambda client: SDK(rows=[client, *range(100)]),
    "a long dictionary": lambda client: SDK(rows=dict.fromkeys(range(101), client)),
    "seven attributes deep": lambda client: SDK(
        a=Part(b=Part(c=Part(d=Part(e=Part(f=Part(g=client))))))
    ),
    "a very large object": lambda client: SDK(
        a=[[*range(10_000 + n * 100, 10_000 + (n + 1) * 100)] for n in range(100)],
        b=Part(c=Part(d=Part(e=client))),
    ),
    "a proxy": lambda client: SDK(lazy=Lazy()),
}


def module_with(client: Any) -> ModuleType:
    module = ModuleType("sdk_module")
    vars(module)["client"] = client
    return module


def with_attribute(holder: Any, client: Any) -> Any:
    holder.client = client
    return holder


@pytest.mark.parametrize("place", OUT_OF_REACH)
def test_the_search_does_not_go_into(sync_world: World, place: str) -> None:
    client = stock(sync_world)
    with pytest.raises(TypeError, match=r"Client or AsyncClient(, got| in) SDK"):
        sync_world.ours.wrap(OUT_OF_REACH[place](client), retrying(sync_world))


# What is refused, and what is told.

NOTHING = [
    (lambda: object(), "wrap takes an {}.Client or AsyncClient, got object"),
    (lambda: "https://a", "wrap takes an {}.Client or AsyncClient, got str"),
    (lambda: SDK, "wrap takes a client, not a class: give an instance, SDK()"),
    (
        lambda: SDK(_connection=Part(_client=None, _pool=None), url="https://a"),
        (
            "no {}.Client or AsyncClient in SDK, whose attributes were searched: "
            "_connection (_connection._client: None so far). If it makes its client "
            "later (on first use, on connecting, in `with`), wrap it then; if it takes "
            "a client, give it a wrapped one; otherwise it does not use {}"
        ),
    ),
    (
        lambda: SDK(**{name: Part() for name in "abcdefg"}),
        "whose attributes were searched: a, b, c, d, e and 2 more. If it makes",
    ),
]


@pytest.mark.parametrize(("made", "message"), NOTHING)
def test_an_object_without_a_client_is_refused(
    sync_world: World, made: Any, message: str
) -> None:
    name = sync_world.library.__name__
    with pytest.raises(TypeError, match=re.escape(message.replace("{}", name))):
        sync_world.ours.wrap(made(), retrying(sync_world))


def test_a_transport_is_refused(sync_world: World) -> None:
    expected = "HTTPTransport is a transport, not a client: nest it, Retry"
    with pytest.raises(TypeError, match=expected):
        sync_world.ours.wrap(sync_world.http(), retrying(sync_world))


def session_of(library: str, name: str) -> Any:
    """An object that seems to be a session of a library, which need not be installed."""
    return type(
        f"Own{name}", (type(name, (), {"__module__": f"{library}.parts"}),), {}
    )()


@pytest.mark.parametrize(
    ("library_of_session", "name"),
    [("requests", "Session"), ("aiohttp", "ClientSession"), ("urllib3", "PoolManager")],
)
def test_a_session_of_an_unrelated_library_is_named(
    sync_world: World, library_of_session: str, name: str
) -> None:
    session, ours = session_of(library_of_session, name), sync_world.library.__name__
    message = f"SDK does not use {ours}: SDK.part.http is of {library_of_session}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        sync_world.ours.wrap(SDK(part=Part(http=session)), retrying(sync_world))
    message = (
        f"Own{name} is a session of {library_of_session}, which does not use {ours}"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        sync_world.ours.wrap(session, retrying(sync_world))


def other_than(library: str) -> tuple[Any, Any]:
    (other,) = LIBRARIES.keys() - {library}
    return LIBRARIES[other]


def test_clients_of_the_other_library_only_are_refused(
    sync_world: World, library: str
) -> None:
    theirs, home = other_than(library)
    client = theirs.AsyncClient()
    before = client._transport
    message = (
        f"SDK.part._client is a client of {theirs.__name__}: import wrap from "
        f"{home.__name__}, this one is for {library}"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        sync_world.ours.wrap(SDK(part=Part(_client=client)), retrying(sync_world))
    assert client._transport is before


def test_of_the_clients_of_both_libraries_the_own_are_wrapped(
    sync_world: World, library: str, caplog: pytest.LogCaptureFixture
) -> None:
    theirs, home = other_than(library)
    sdk = SDK(new=stock(sync_world), old=theirs.Client())
    before = sdk.old._transport
    sync_world.ours.wrap(sdk, retrying(sync_world))
    assert is_wrapped(sync_world, sdk.new)
    assert sdk.old._transport is before
    (warning,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert warning.getMessage() == (
        f"SDK.old is not wrapped: import wrap from {home.__name__}, this one is for "
        f"{library}"
    )


def test_a_client_that_retries_already_is_named_and_nothing_changes(
    sync_world: World,
) -> None:
    sdk = SDK(first=stock(sync_world), parts=[stock(sync_world)])
    sync_world.ours.wrap(sdk.parts[0], retrying(sync_world))
    before = sdk.first._transport, sdk.parts[0]._transport
    message = r"SDK\.parts\[0\]: the transport inside retries already, and attempts"
    with pytest.raises(ValueError, match=message):
        sync_world.ours.wrap(sdk, retrying(sync_world))
    assert (sdk.first._transport, sdk.parts[0]._transport) == before


def test_a_layer_that_fails_for_the_second_client_changes_nothing(
    sync_world: World,
) -> None:
    sdk = SDK(first=stock(sync_world), second=stock(sync_world))
    before = sdk.first._transport, sdk.second._transport
    answers = [sync_world.http()]
    with pytest.raises(IndexError):
        sync_world.ours.wrap(sdk, lambda _: answers.pop())
    assert (sdk.first._transport, sdk.second._transport) == before
