"""Find the option that is meant by a name that does not exist."""

from __future__ import annotations

from difflib import get_close_matches

from httpx_resilient._core.foreign_options import (
    FOREIGN_OPTIONS,
    OWN_OPTIONS,
    STATES,
    Answer,
)


def meant(owner: str, name: str, own: list[str], http: list[str]) -> str:
    """
    Return what to do instead of giving an option; nothing if that is not known.

    Args:
        owner: The name of the class or function.
        name: The option, which it does not have.
        own: The options that it has.
        http: Those of its default inner transport, if it has one.
    """
    plain = _in_snake_case(name)
    if text := _instead(owner, plain, is_http=bool(http)):
        return f"instead of {name}=, {text}"
    close = get_close_matches(plain, [*own, *http], n=1, cutoff=0.75)
    return f"did you mean {close[0]}=?" if close else ""


def _instead(owner: str, name: str, *, is_http: bool) -> str:
    answer = _foreign(owner, name) or (_foreign("HTTP", name) if is_http else None)
    if answer is None:
        return _of_another(owner, name)
    return answer if isinstance(answer, str) else f"give {'='.join(answer)}"


def _foreign(owner: str, name: str) -> Answer | None:
    """Return the answer to another tool's name for an option of this class."""
    for answer, names in FOREIGN_OPTIONS.get(owner, {}).items():
        if name in names.split():
            return answer
    return None


def _of_another(owner: str, name: str) -> str:
    """Return the answer for what is an option of another class, by either name."""
    places = {kind: place for place, kind in STATES.get(owner, {}).items()}
    for kind in [*places, *(each for each in OWN_OPTIONS if each not in places)]:
        answer = _foreign(kind, name)
        if name in OWN_OPTIONS[kind].split():
            answer = (name, "...")
        if answer is None:
            continue
        if isinstance(answer, str):
            return answer
        option, value = answer
        if kind not in places:
            return f"give {option}={value} to {kind}"
        if kind == "RetryingTransport":
            return f'give {places[kind]}={{"{option}": {value}}}'
        return f"give {places[kind]}={kind}({option}={value})"
    return ""


def _in_snake_case(name: str) -> str:
    """Write a name of Polly or resilience4j as Python does."""
    words = (f"_{each.lower()}" if each.isupper() else each for each in name)
    return "".join(words).lstrip("_")
