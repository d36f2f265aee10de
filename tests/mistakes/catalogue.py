"""All mistakes, by what is wrong."""

from __future__ import annotations

from mistakes import options, strategies, transports

MISTAKES = {
    "a strategy of the wrong kind": strategies.KINDS,
    "a wrong value in a strategy": strategies.VALUES,
    "a strategy that answers wrongly": strategies.ANSWERS,
    "an option of another tool": options.OF_OTHER_TOOLS,
    "a misspelt option": options.MISSPELT,
    "a value in the wrong place or out of range": options.PLACES,
    "an inner transport that is none": transports.INNER,
    "a wrong option of the HTTP transport": transports.HTTP,
    "retries inside of retries": transports.NESTED,
    "a wrong listener or extension": transports.LISTENERS,
}
