"""What several APIs say alike: a chat's question and its completion."""

from __future__ import annotations

from typing import Any

QUESTION: dict[str, Any] = {
    "model": "any",
    "messages": [{"role": "user", "content": "When will it work?"}],
}


def completion(text: str) -> dict[str, Any]:
    """A chat completion, as many other APIs have it too."""
    message = {"role": "assistant", "content": text}
    return {
        "id": "1", "object": "chat.completion", "created": 1, "model": "any",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip


def chunk(text: str) -> dict[str, Any]:
    """A piece of a chat completion that is streamed."""
    choice = {"index": 0, "delta": {"role": "assistant", "content": text}}
    return {
        "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "any",
        "choices": [{**choice, "finish_reason": None}],
    }  # fmt: skip
