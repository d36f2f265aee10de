"""The question and the completion of a chat, which several APIs have in common."""

from __future__ import annotations

from typing import Any

QUESTION: dict[str, Any] = {
    "model": "any",
    "messages": [{"role": "user", "content": "When will it work?"}],
}


def completion(text: str) -> dict[str, Any]:
    """Return a chat completion."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "any",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip


def chunk(text: str) -> dict[str, Any]:
    """Return a piece of a chat completion that is streamed."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}}
    return {
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "any",
        "choices": [{**choice, "finish_reason": None}],
    }  # fmt: skip
