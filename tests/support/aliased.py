"""A pytest plugin: all of httpx is httpx2, as in an application that is migrating."""

import httpx2

httpx2.alias_httpx()
