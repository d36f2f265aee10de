"""What texts show of a URL: no segment of its path that looks like a token."""

from __future__ import annotations

from collections.abc import Callable

from httpx_resilient._core.public import public

MARK = "…"
"""What stands in place of a secret."""

Redactor = Callable[[str], str]
"""
The type of `redact`: a function of a URL without user, query and fragment, such as
`https://api.example.com/orders/1`, that returns what texts show of it.
"""


@public()
def redact_tokens(url: str) -> str:
    """
    Replace each segment of a path that looks like a token by `…`.

    This is what logs, events, `explain` and notes show of a URL by default.

    Args:
        url: A URL, or its path.

    What is hidden: the tokens of Telegram, Slack and Discord, by their place; what
    begins as the keys of well-known issuers, such as `ghp_` and `sk_live_`; JSON Web
    Tokens; 32 or more hexadecimal digits; and 16 or more letters and digits that are
    mixed as in no word. Among those are commit hashes and random identifiers, because
    they cannot be told from keys. What stays: words, numbers, dates, versions, UUIDs.

    Example:
        >>> redact_tokens("https://api.telegram.org/bot123456:S3CR3T/sendMessage")
        'https://api.telegram.org/…/sendMessage'
        >>> redact_tokens("/users/42/orders/2024-11-30")
        '/users/42/orders/2024-11-30'
    """
    from httpx_resilient._core.tokens import without_tokens  # noqa: PLC0415 - its patterns take 1 ms to compile, and few programs need them

    return without_tokens(url, MARK)
