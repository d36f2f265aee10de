"""The text of an exception, as logs, traces and the command line may show it."""

from __future__ import annotations

import re

from httpx_resilient._core.errors import Refusal
from httpx_resilient._core.redaction import MARK, redact_tokens
from httpx_resilient._core.tokens import looks_like_token

_QUOTED = re.compile(
    r"(?:bytearray\()?(?<!\w)(?:b(?=['\"]))?(['\"])(?:.*\1|.*\Z)\)?", re.DOTALL
)
"""
All from the first quotation mark to the last: what is quoted may have some, too.

An apostrophe follows a letter, as in `can't`. One that is not closed quotes the rest.
"""

_URL = re.compile(r"(\w[\w+.-]*://)(?:\S*@)?([^\s?#]*)(?:[?#]\S*)?")
_WORD = re.compile(r"[^\s,;()\[\]{}<>]+")

_OF_SYSTEM = ("[SSL", "[Errno ")
"""How the texts of TLS and of the system begin. They quote names of hosts and files."""


def error_text(error: BaseException) -> str:
    """
    Return the text of an exception without what it quotes and what looks secret.

    The libraries inside quote what they were given and what they received: a malformed
    header line with its cookie, the value of a header that cannot be sent, a part of a
    URL. The library's own refusals quote nothing of this kind.
    """
    text = str(error)
    if isinstance(error, Refusal):
        return text
    if not text.startswith(_OF_SYSTEM):
        text = _QUOTED.sub(MARK, text)
    return _WORD.sub(_shown_word, _URL.sub(_shown_url, text))


def describe_error(error: BaseException) -> str:
    """Return the name of an exception and its text, if it has one."""
    name, text = type(error).__name__, error_text(error)
    return f"{name}: {text}" if text else name


def _shown_url(found: re.Match[str]) -> str:
    return redact_tokens(found[1] + found[2])


def _shown_word(found: re.Match[str]) -> str:
    word = found[0]
    return MARK if "://" not in word and looks_like_token(word) else word
