"""How a token is told from a name: by its issuer's mark, its place, or its digits."""

from __future__ import annotations

import re
from urllib.parse import unquote

_ORIGIN = re.compile(r"[A-Za-z][\w+.-]*://[^/]*")

_ROUTES = re.compile(
    r"(/(?:file/)?)bot\d+:[^/]+"  # Telegram, /bot<id>:<token>/sendMessage
    r"|(/services/T\w+/B\w+/)[^/]+"  # Slack
    r"|(/webhooks/\d+/)[^/]+"  # Discord
)
"""Routes whose token is known by its place."""

_MARKED = re.compile(
    # GitHub, GitLab, Slack, Stripe, npm, PyPI, Hugging Face, Shopify, DigitalOcean,
    # SendGrid, OpenAI and Anthropic, Google, AWS
    r"gh[a-z]_\w|github_pat_|gl[a-z]{1,4}-\w{16}|xox[a-z]-|xapp-"
    r"|(?:sk|pk|rk)_(?:live|test)_|whsec_|npm_\w{20}|pypi-\w{20}|hf_\w{20}"
    r"|shp[a-z]{2}_\w{20}|do[a-z]_v1_|SG\.[\w-]{16}|sk-[\w-]{16}|AIza[\w-]{20}|ya29\."
    r"|A(?:KI|SI)A[A-Z0-9]{12}"
    # a JSON Web Token; base64 with its padding
    r"|eyJ[\w-]{8,}\.|(?:[\w+/-]{4})+[\w+/-]{2,3}={1,2}\Z"
)
"""How tokens begin that show what they are."""

_ASSIGNED = re.compile(
    r"(?:auth|key|pass(?:wd|word)?|secret|session(?:id)?|sig(?:nature)?|token)=.",
    re.IGNORECASE,
)
"""A parameter in a path, such as `;jsessionid=...`."""

_USERINFO = re.compile(r":[^:]*@")

_KNOWN_IDENTIFIERS = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"  # a UUID
    r"|[0-9a-f]{24}"  # an ObjectId of MongoDB
    r"|0[0-9A-HJKMNP-TV-Z]{25}"  # a ULID
    r"|\d{8}T\d{6}(?:\d{3,6})?Z?"  # a date, by ISO 8601
    r")(?![A-Za-z0-9])"
)
_HEX = re.compile(r"(?<![A-Za-z0-9])[0-9A-Fa-f]{32,}(?![A-Za-z0-9])")
_WORD = re.compile(r"[A-Za-z0-9]+")
_PIECE = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_EDGE = re.compile(r"(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")

_SHORTEST = 16
"""Characters. Shorter tokens can be guessed, and look like names."""


def without_tokens(url: str, mark: str) -> str:
    """Replace each segment of a path that looks like a token by a mark."""
    url = _ROUTES.sub(lambda found: f"{found[1] or found[2] or found[3]}{mark}", url)
    found = _ORIGIN.match(url)
    origin = found[0] if found else ""
    segments = url.removeprefix(origin).split("/")
    shown = (mark if looks_like_token(each) else each for each in segments)
    return origin + "/".join(shown)


def looks_like_token(segment: str) -> bool:
    """Whether a segment of a path, or a word of a text, looks like a secret."""
    if len(segment) < _SHORTEST and segment.isalnum():
        return False
    text = unquote(segment)
    if _MARKED.match(text) or is_secret_parameter(text) or _USERINFO.search(text):
        return True
    if len(text) < _SHORTEST:
        return False
    if any(not each.group().isdigit() for each in _HEX.finditer(text)):
        return True
    words = _WORD.findall(_KNOWN_IDENTIFIERS.sub(" ", text))
    return any(map(_is_random, words)) or _are_random(words)


def is_secret_parameter(text: str) -> bool:
    """Whether a text such as `api_key=abc` gives a value to what is called a secret."""
    return _ASSIGNED.search(text) is not None


def _is_random(word: str) -> bool:
    """
    Whether no name is mixed of letters and digits in this way.

    Names have few numbers and long parts, as `iPhone15Pro` and `getLastOrder`. Of
    random words with 24 characters in base 62 or base 36, 0.1 % pass for a name.
    """
    length, edges = len(word), len(_EDGE.findall(word))
    if length < _SHORTEST or word.isdigit():
        return False
    return edges >= 3 - (length >= 20) or length / len(_PIECE.findall(word)) < 3.5


def _are_random(words: list[str]) -> bool:
    """Whether a token of base64url is cut into short words by `-` and `_`."""
    edges = sum(len(_PIECE.findall(word)) - 1 for word in words)
    return edges >= max(0.3 * sum(map(len, words)), 5)
