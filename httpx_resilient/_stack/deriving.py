"""Deriving the classes of a binding: those that the clients of its library accept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from types import ModuleType, new_class
from typing import Any

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.family import Family
from httpx_resilient._stack import generic
from httpx_resilient._stack.lazy import FAMILY
from httpx_resilient._transport.base import ResilientTransport


def derived(name: str, home: ModuleType, library: str) -> Any:
    """
    Make the object that a binding offers by a name.

    Args:
        name: A public name, or that of the binding's `Family`.
        home: The binding, where the objects that this one consists of are found.
        library: The name of the HTTP library.
    """
    if name == FAMILY:
        return Family(import_module(library), home=home.__name__)
    if name == "standard_transport":
        stack = _class(generic.StandardStack, (), home, _binding=home)
        return _function(stack.standard_transport, home)
    family: Family = getattr(home, FAMILY)
    if name == "wrap":
        wrapper = _class(generic.ClientWrapper, (), home, _family=family)
        return _function(wrapper.wrap, home)
    if name == "download":
        own = {"_error": home.DownloadError, "_mismatch": home.ChecksumMismatch}
        downloader = _class(generic.Downloader, (), home, _family=family, **own)
        return _function(downloader.download, home)
    if name == "upload":
        uploader = _class(generic.Uploader, (), home, _family=family, _binding=home)
        return _function(uploader.upload, home)
    kind: Any = getattr(generic, name)
    if name == "ChecksumMismatch":
        return _class(kind, (home.DownloadError,), home)
    if issubclass(kind, Refusal):
        return _class(kind, (getattr(family, kind.library_base),), home)
    if issubclass(kind, ResilientTransport):
        return _transport(kind, family, home)
    return kind


def _transport(kind: Any, family: Family, home: Any) -> Any:
    members: dict[str, object] = {"_family": family}
    if refusal := getattr(kind, "_refusal", None):
        members["_refusal"] = getattr(home, refusal.__name__)
    if kind is ResilientTransport:
        bases = family.bases
    elif getattr(kind, "_asynchronous_only", False):
        bases = family.bases[:1]
    else:
        bases = (home.ResilientTransport,)
    return _class(kind, bases, home, **members)


def _class(
    kind: Any, bases: tuple[type, ...], home: ModuleType, **members: object
) -> Any:
    """Derive a class from a generic one, and from classes of the library."""
    members |= {"__doc__": kind.__doc__, "__module__": home.__name__}
    return new_class(
        kind.__name__, (kind, *bases), exec_body=lambda body: body.update(members)
    )


def _function(method: Callable[..., Any], home: ModuleType) -> Callable[..., Any]:
    """Make a function of a method that is bound to a library."""

    @functools.wraps(method)
    def function(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **kwargs)

    function.__module__, function.__qualname__ = home.__name__, method.__name__
    return function
