"""What the ready readers find in the bodies of services."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient import (
    BodyAnswer,
    BodyHints,
    aws_errors,
    discord_errors,
    google_errors,
    openai_errors,
    telegram_errors,
)

READERS = [aws_errors, discord_errors, google_errors, openai_errors, telegram_errors]
REQUEST = httpx.Request("GET", "https://example.org/")
REFUSED: dict[str, Any] = {"throttled": True, "unprocessed": True}


def answer(body: Any, status: int = 429, **headers: str) -> BodyAnswer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = httpx.Headers({key.replace("_", "-"): v for key, v in headers.items()})
    return BodyAnswer(status, named, content, REQUEST)


def google(*details: Any, message: str = "", **more: Any) -> Any:
    return {"error": {"message": message, "details": list(details), **more}}


def retry_info(delay: Any) -> Any:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def quota(name: str) -> Any:
    kind = "type.googleapis.com/google.rpc.QuotaFailure"
    return {"@type": kind, "violations": [{"quotaId": name}]}


class TestGoogle:
    @pytest.mark.parametrize(
        ("delay", "seconds"),
        [("7.5s", 7.5), ("34.074824224s", 34.074824224), ("3600s", 3600), ("1s", 1)],
    )
    def test_the_delay_is_a_duration(self, delay: str, seconds: float) -> None:
        body = google({"@type": "other"}, retry_info(delay))
        assert google_errors(answer(body)) == BodyHints(retry_after=seconds)

    def test_an_error_in_a_list_is_read(self) -> None:
        body = [google(retry_info("2s"))]
        assert google_errors(answer(body)) == BodyHints(retry_after=2)

    @pytest.mark.parametrize("delay", ["0s", "soon", "-1s", 7, None, ["1s"]])
    def test_another_delay_says_nothing(self, delay: Any) -> None:
        assert google_errors(answer(google(retry_info(delay)))) is None

    @pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
    def test_a_403_may_be_a_refusal(self, reason: str) -> None:
        expected = BodyHints(**REFUSED, reason=reason)
        assert google_errors(answer(google({"reason": reason}), 403)) == expected
        body = google(errors=[{"reason": "other"}, {"reason": reason}])
        assert google_errors(answer(body, 403)) == expected
        assert google_errors(answer(body, 404)) is None

    @pytest.mark.parametrize("reason", ["dailyLimitExceeded", "forbidden", None, []])
    def test_any_other_403_is_final(self, reason: Any) -> None:
        body = google(errors=[{"reason": reason}])
        assert google_errors(answer(body, 403)) is None

    def test_a_quota_of_a_day_ends_the_request_whatever_the_delay(self) -> None:
        name = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
        found = google_errors(answer(google(quota(name), retry_info("27s"))))
        assert found is not None
        assert found.should_retry is False

    def test_a_quota_of_a_minute_is_waited_for(self) -> None:
        body = google(quota("GenerateRequestsPerMinute"), retry_info("27s"))
        assert google_errors(answer(body)) == BodyHints(retry_after=27)

    def test_a_quota_of_nothing_ends_the_request(self) -> None:
        message = "* Quota exceeded for metric: requests, limit: 0, model: pro"
        found = google_errors(answer(google(retry_info("9s"), message=message)))
        assert found is not None
        assert found.should_retry is False
        less = message.replace("limit: 0", "limit: 05")
        found = google_errors(answer(google(retry_info("9s"), message=less)))
        assert found == BodyHints(retry_after=9)


class TestOpenAI:
    @pytest.mark.parametrize("name", ["code", "type"])
    @pytest.mark.parametrize("code", ["credit_balance_exhausted", "insufficient_quota"])
    def test_a_balance_that_is_spent_ends_the_request(
        self, name: str, code: str
    ) -> None:
        found = openai_errors(answer({"error": {"code": None, name: code}}))
        assert found == BodyHints(should_retry=False, reason=code)

    def test_slow_down_is_throttling(self) -> None:
        found = openai_errors(answer({"error": {"code": "slow_down"}}, 503))
        assert found == BodyHints(throttled=True, reason="slow_down")

    @pytest.mark.parametrize("error", [{"code": "rate_limit_exceeded"}, "no", None])
    def test_any_other_error_says_nothing(self, error: Any) -> None:
        assert openai_errors(answer({"error": error})) is None


class TestAWS:
    @pytest.mark.parametrize(
        "body",
        [
            {"__type": "com.amazon.coral.availability#ThrottlingException"},
            {"code": "ThrottlingException"},
            {"Code": "ThrottlingException"},
            {"__type": "ThrottlingException:http://internal.amazon.com/"},
            (
                b"<ErrorResponse><Error><Type>Sender</Type>"
                b"<Code>ThrottlingException</Code></Error></ErrorResponse>"
            ),
        ],
    )
    def test_a_code_of_throttling_is_found_in_json_and_xml(self, body: Any) -> None:
        expected = BodyHints(**REFUSED, reason="ThrottlingException")
        assert aws_errors(answer(body, 400)) == expected

    @pytest.mark.parametrize(
        "code",
        [
            "SlowDown", "RequestLimitExceeded", "BandwidthLimitExceeded",
            "ProvisionedThroughputExceededException", "PriorRequestNotComplete",
            "TooManyRequestsException", "EC2ThrottledException",
        ],
    )  # fmt: skip
    def test_the_codes_are_those_that_botocore_retries(self, code: str) -> None:
        xml = f"<Error>\n <Code> {code} </Code>\n</Error>".encode()
        assert aws_errors(answer(xml, 503)) == BodyHints(**REFUSED, reason=code)

    @pytest.mark.parametrize(
        "body",
        [
            {"__type": "ValidationException"}, {"code": 429}, {"code": None}, [],
            b"<Error><Code>AccessDenied</Code></Error>", b"<Code>SlowDown",
        ],
    )  # fmt: skip
    def test_any_other_body_says_nothing(self, body: Any) -> None:
        assert aws_errors(answer(body, 400)) is None


class TestTelegram:
    def test_the_wait_is_among_the_parameters(self) -> None:
        body = {"ok": False, "error_code": 429, "parameters": {"retry_after": 6}}
        assert telegram_errors(answer(body)) == BodyHints(retry_after=6)

    @pytest.mark.parametrize("parameters", [None, {}, {"retry_after": "6"}, [6]])
    def test_any_other_body_says_nothing(self, parameters: Any) -> None:
        assert telegram_errors(answer({"parameters": parameters})) is None


class TestDiscord:
    def test_the_wait_is_in_the_body(self) -> None:
        body = {"message": "limited", "retry_after": 1.337, "global": False}
        assert discord_errors(answer(body)) == BodyHints(retry_after=1.337)
        assert discord_errors(answer(body, 400)) is None

    @pytest.mark.parametrize(
        ("body", "headers"),
        [(b"", {"content_type": "text/html"}), (b"\n<!doctype html>", {})],
    )
    def test_html_that_came_from_no_proxy_of_theirs_is_a_ban(
        self, body: bytes, headers: dict[str, str]
    ) -> None:
        expected = BodyHints(should_retry=False, reason="banned")
        assert discord_errors(answer(body, **headers)) == expected
        assert discord_errors(answer(body, via="1.1 google", **headers)) is None

    @pytest.mark.parametrize("body", [b"", {"retry_after": True}, {}])
    def test_any_other_body_says_nothing(self, body: Any) -> None:
        assert discord_errors(answer(body)) is None


NAMES = st.sampled_from(
    ["error", "errors", "details", "code", "type", "__type", "reason", "violations",
     "quotaId", "retryDelay", "retry_after", "parameters", "message"]
)  # fmt: skip
VALUES = st.sampled_from(["7s", "rateLimitExceeded", "insufficient_quota", "limit: 0"])
LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | VALUES | st.text()
BODIES = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)
)


@given(BODIES, st.sampled_from([200, 400, 403, 429, 503]))
def test_no_reader_raises_whatever_the_body_is(body: Any, status: int) -> None:
    for reader in READERS:
        found = reader(answer(body, status))
        assert found is None or isinstance(found, BodyHints)


@given(st.binary())
def test_no_reader_raises_for_what_is_no_json(content: bytes) -> None:
    for reader in READERS:
        reader(answer(content))
