"""Objects of other retry tools, which are given here by mistake."""

from __future__ import annotations

_TOOLS = {
    "aiohttp_retry": "aiohttp-retry",
    "backoff": "backoff",
    "httpx_retries": "httpx-retries",
    "pydantic_ai": "pydantic-ai",
    "stamina": "stamina",
    "tenacity": "tenacity",
    "urllib3": "urllib3",
}


def tool_of(given: object) -> str:
    """Return the name of the tool that an object or its class is of, or nothing."""
    homes = getattr(given, "__module__", None), type(given).__module__
    packages = (str(home).partition(".")[0] for home in homes)
    return next((_TOOLS[each] for each in packages if each in _TOOLS), "")


def migration(tool: str) -> str:
    """Tell where the options of another tool are translated."""
    return f"docs/migration.md translates the options of {tool}"
