"""
The rows of the matrix: every SDK and its facts.

This module needs the standard library only: the SDKs have environments of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SCENARIOS = {
    "503 twice": "503, 503",
    "429 with Retry-After": "429",
    "reset before the response": "reset",
    "close before the response": "close",
    "read timeout": "timeout",
    "stream after two 503": "SSE",
    "upload": "upload",
    "own retries off": "off",
    "own retries on": "on",
    "recipe": "recipe",
}
"""Each scenario, and the head of its column."""


@dataclass(frozen=True)
class Row:
    """
    One SDK.

    Args:
        name: The name of the row, and of its file in `requirements`.
        package: On the package index.
        family: The library whose client it takes.
        environment: Rows with the same one are installed together.
        driver: Module in `drivers`, if it is not the name.
        example: In `examples`, without `.py`.
        off: The setting that turns off its own retries. `None` if it has none.
        requests: Number of requests while everything fails, with its own retries on.
        uncovered: Failures that our transport cannot cover.
        absent: Scenarios that do not apply to it, each with the reason.
        fails: Scenarios that fail, each with the reason. docs/sdks.md shows both.
    """

    name: str
    package: str
    family: Literal["httpx", "httpx2"]
    uncovered: str
    off: str | None = None
    requests: int = 3
    environment: Literal["newest", "httpx line"] = "newest"
    driver: str = ""
    example: str = ""
    absent: Mapping[str, str] = field(default_factory=dict)
    fails: Mapping[str, str] = field(default_factory=dict)

    def scenarios(self) -> list[str]:
        """Return the scenarios of this row."""
        absent = {"recipe"} - ({"recipe"} if self.example else set())
        return [each for each in SCENARIOS if each not in {*self.absent, *absent}]


ROWS = [
    Row(
        name="anthropic",
        package="anthropic",
        family="httpx2",
        example="with_anthropic",
        off="`max_retries=0`",
        requests=5,
        uncovered="a stream that breaks midway",
    ),
    Row(
        name="authlib",
        package="authlib",
        family="httpx2",
        example="with_authlib",
        uncovered=("a refresh token that a lost answer has spent already"),
    ),
    Row(
        name="cohere",
        package="cohere",
        family="httpx",
        example="with_cohere",
        off="`max_retries=0`",
        requests=9,
        uncovered=(
            "a stream that breaks midway; left on, its own retries multiply with ours"
        ),
    ),
    Row(
        name="firecrawl",
        package="firecrawl-py",
        family="httpx",
        example="with_firecrawl",
        off="`max_retries=1`",
        uncovered="the synchronous `Firecrawl`, which uses requests; left on, its own "
        "retries of 502 and lost connections multiply with ours",
        absent={"stream after two 503": "it reads every response whole"},
    ),
    Row(
        name="githubkit",
        package="githubkit",
        family="httpx",
        example="with_githubkit",
        off="`auto_retry=False`",
        requests=12,
        uncovered=(
            "left on, its own retries multiply with ours; with `http_cache` on, nothing "
            "times out, and a body is sent once unless `buffer_request_body` is set"
        ),
    ),
    Row(
        name="google-genai",
        package="google-genai",
        family="httpx2",
        driver="google_genai",
        example="with_google_genai",
        uncovered=(
            "a stream that breaks midway; a piece of an upload goes out"
            " up to 9 times, for the SDK has no switch for its 3; `retry_options`, if you"
            " give some, multiply with ours"
        ),
    ),
    Row(
        name="groq",
        package="groq",
        family="httpx",
        example="with_groq",
        off="`max_retries=0`",
        requests=5,
        uncovered="a stream that breaks midway",
    ),
    Row(
        name="huggingface_hub",
        package="huggingface_hub",
        family="httpx2",
        example="with_huggingface_hub",
        uncovered="all but `AsyncInferenceClient`, which is synchronous (below); "
        "a stream that breaks midway",
    ),
    Row(
        name="huggingface_hub-sync",
        package="huggingface_hub",
        family="httpx2",
        driver="huggingface_hub_sync",
        example="with_huggingface_hub_sync",
        off="there is no switch",
        requests=18,
        uncovered="what its own backoff repeats, six times: that multiplies until the "
        "budget of retries is spent; commits, as they are POST; xet transfers, which "
        "have a client of their own",
        absent={"own retries off": "they have no switch"},
    ),
    Row(
        name="langchain-openai",
        package="langchain-openai",
        family="httpx2",
        driver="langchain_openai",
        example="with_langchain_openai",
        off="`max_retries=0`",
        requests=5,
        uncovered="synchronous calls, unless they are given `http_client=` too; "
        "a stream that breaks midway",
        absent={"upload": "files go along in its JSON"},
    ),
    Row(
        name="mcp",
        package="mcp",
        family="httpx2",
        example="with_mcp",
        uncovered="a POST that is repeated after a timeout can run a tool twice; "
        "a stream that breaks midway",
        absent={"upload": "all that it sends is JSON"},
    ),
    Row(
        name="mistralai",
        package="mistralai",
        family="httpx2",
        example="with_mistralai",
        uncovered=(
            "a stream that breaks midway; a `retry_config`, if you give"
            " one, multiplies with ours; the sync calls need `client=` as well"
        ),
    ),
    Row(
        name="ollama",
        package="ollama",
        family="httpx",
        example="with_ollama",
        uncovered="`create_blob` of more than `buffer_request_body`; "
        "a pull or a stream that breaks midway",
    ),
    Row(
        name="openai",
        package="openai",
        family="httpx2",
        example="with_openai",
        off="`max_retries=0`",
        requests=5,
        uncovered="a stream that breaks midway",
    ),
    Row(
        name="postgrest",
        package="postgrest",
        family="httpx",
        example="with_postgrest",
        off="`retry_enabled=False`",
        requests=6,
        uncovered="inserts, updates and procedures: a POST or PATCH that is repeated may "
        "be done twice",
        absent={
            "stream after two 503": "it reads every response whole",
            "upload": "all that it sends is JSON",
        },
    ),
    Row(
        name="pydantic-ai",
        package="pydantic-ai-slim",
        family="httpx2",
        driver="pydantic_ai",
        example="with_pydantic_ai",
        off="`max_retries=0` in the model's settings",
        requests=5,
        uncovered="a stream that breaks midway",
        absent={"upload": "files go along in its JSON"},
    ),
    Row(
        name="python-telegram-bot",
        package="python-telegram-bot",
        family="httpx",
        driver="python_telegram_bot",
        example="with_python_telegram_bot",
        uncovered=(
            "a POST that is repeated after a timeout can send a message twice; "
            "`connection_pool_size=` is lost, and `proxy=` goes around the transport"
        ),
        absent={"stream after two 503": "it reads every response whole"},
    ),
    Row(
        name="qdrant-client",
        package="qdrant-client",
        family="httpx",
        driver="qdrant_client",
        example="with_qdrant_client",
        uncovered=(
            "gRPC, and the version check, which goes around the transport; "
            "`upload_points` and `upload_collection` multiply, but for `max_retries=0`"
        ),
        absent={"stream after two 503": "it reads every response whole"},
    ),
    Row(
        name="replicate",
        package="replicate",
        family="httpx",
        example="with_replicate",
        off='`mounts={"all://": ...}`, and no `transport=`',
        uncovered=(
            "a stream that breaks midway; an upload, or a prediction with `wait=False`,"
            " that stalls: they have no timeout; as `transport=`, ours is inside its own"
            " retries: 3 requests for a POST, but up to 20 for a GET, PUT or DELETE"
        ),
    ),
    Row(
        name="stripe",
        package="stripe",
        family="httpx",
        example="with_stripe",
        off="a `StripeClient` has none by default",
        uncovered="synchronous calls without an `HTTPXClient`: they use requests; calls "
        "without a `StripeClient` have retries of their own, which multiply",
    ),
    Row(
        name="supabase",
        package="supabase",
        family="httpx",
        example="with_supabase",
        off="`AsyncClientOptions(postgrest_client_retry=False)`",
        requests=6,
        uncovered=("realtime, which is a websocket"),
        absent={"stream after two 503": "it reads every response whole"},
    ),
    Row(
        name="together",
        package="together",
        family="httpx",
        example="with_together",
        off="`max_retries=0`",
        requests=5,
        uncovered=(
            "a stream that breaks midway; an upload larger than `buffer_request_body`"
            " gets one attempt, for the SDK sends it from a generator"
        ),
    ),
    Row(
        name="weaviate",
        package="weaviate-client",
        family="httpx",
        example="with_weaviate",
        uncovered="gRPC, which searches and batches use; what it sends to connect",
        absent={
            "stream after two 503": "it reads every response whole",
            "upload": "all that it sends is JSON",
        },
    ),
    Row(
        name="anthropic-httpx",
        package="anthropic",
        family="httpx",
        environment="httpx line",
        driver="anthropic",
        off="`max_retries=0`",
        requests=5,
        uncovered="as anthropic",
    ),
    Row(
        name="huggingface_hub-httpx",
        package="huggingface_hub",
        family="httpx",
        environment="httpx line",
        driver="huggingface_hub",
        uncovered="as huggingface_hub",
    ),
    Row(
        name="mcp-httpx",
        package="mcp",
        family="httpx",
        environment="httpx line",
        driver="mcp",
        uncovered="as mcp; if the last attempt fails too, its whole session ends",
        absent={"upload": "all that it sends is JSON"},
    ),
    Row(
        name="mistralai-httpx",
        package="mistralai",
        family="httpx",
        environment="httpx line",
        driver="mistralai",
        uncovered="as mistralai",
    ),
    Row(
        name="openai-httpx",
        package="openai",
        family="httpx",
        environment="httpx line",
        driver="openai",
        off="`max_retries=0`",
        requests=5,
        uncovered="as openai",
    ),
    Row(
        name="pydantic-ai-httpx",
        package="pydantic-ai-slim",
        family="httpx",
        environment="httpx line",
        driver="pydantic_ai",
        off="`max_retries=0` of its `AsyncOpenAI`",
        requests=5,
        uncovered="as pydantic-ai",
        absent={"upload": "files go along in its JSON"},
    ),
]
