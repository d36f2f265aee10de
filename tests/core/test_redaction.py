"""What texts show of a path: words and identifiers stay, what looks like a token goes."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from httpx_resilient import redact_tokens
from httpx_resilient._core.tokens import looks_like_token

BASE62 = string.ascii_letters + string.digits

TOKENS = [
    # by their issuers' marks
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0_abc",
    "glpat-XsyZ1cUd8wQp2r5tVbNm",
    "xoxb-17653672481-19874698323-pdFZKVeTuE8sk7oOcHrzqqgy",
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_test_1",
    "whsec_abc",
    "npm_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "hf_aBcDeFgHiJkLmNoPqRsTuV",
    "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",
    "sk-proj-abcdefghijklmnop",
    "AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "dXNlcjpwYXNzd29yZA==",
    "dXNlcjpwYXNzd29yZA%3D%3D",
    # by what is around them
    "page;jsessionid=1A2B",
    "token=abc",
    "user:hunter2@host",
    # by their digits and letters
    "0123456789abcdef0123456789abcdef",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "app-da39a3ee5e6b4b0d3255bfef95601890afd80709.js",
    "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
    "Zt7Xk0aQm2cV9bL4",
    "JBSWY3DPEHPK3PXPJBSWY3DP",
    "a8-Xk0aQ_m2cV-9bL4_zP0",
]

KEPT = [
    "",
    "v1",
    "users",
    "42",
    "123456789012345678901234567890123456789012",
    "my-long-title-about-http-2024-11-30",
    "2024-11-30T12:00:00Z",
    "20241130T194201Z",
    "550e8400-e29b-41d4-a716-446655440000",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "507f1f77bcf86cd799439011",
    "a1b2c3d",
    "httpx_resilient-0.1.0-py3-none-any.whl",
    "numpy-1.26.4-cp312-cp312-manylinux_2_17_x86_64.whl",
    "gpt-4o-mini-2024-07-18",
    "models%2Fgemini-1.5-flash:generateContent",
    "getCustomerPaymentProfileTransactionHistoryList",
    "antidisestablishmentarianism",
    "dQw4w9WgXcQ",
    "%E4%BD%A0%E5%A5%BD",
    "arn:aws:iam::123456789012:role",
    "@me",
    "q=1",
]


@pytest.mark.parametrize("segment", TOKENS)
def test_a_token_is_hidden(segment: str) -> None:
    url = f"https://api.example.com/v1/{segment}/items"
    assert redact_tokens(url) == "https://api.example.com/v1/…/items"


@pytest.mark.parametrize("segment", KEPT)
def test_a_name_or_an_identifier_is_shown(segment: str) -> None:
    url = f"https://api.example.com:8443/v1/{segment}/items"
    assert redact_tokens(url) == url


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/bot123456:S3CR3T/sendMessage", "/…/sendMessage"),
        ("/file/bot123456:S3CR3T/photos/1.jpg", "/file/…/photos/1.jpg"),
        ("/services/T000/B000/XXXXXXXX", "/services/T000/B000/…"),
        ("/api/webhooks/81234/hunter2/slack", "/api/webhooks/81234/…/slack"),
        ("/api/v10/webhooks/81234/hunter2", "/api/v10/webhooks/81234/…"),
        ("/robot1:2", "/robot1:2"),
        ("/services/Tea/now", "/services/Tea/now"),
    ],
)
def test_a_token_is_known_by_the_route_of_its_service(path: str, shown: str) -> None:
    assert redact_tokens(path) == shown
    assert redact_tokens(f"https://a.test{path}") == f"https://a.test{shown}"


@given(seed=st.integers(), length=st.integers(48, 80))
def test_a_random_key_is_hidden(seed: int, length: int) -> None:
    """Of 20,000 keys with 40 characters none passed for a name, with 24 there were 12."""
    key = "".join(random.Random(seed).choices(BASE62, k=length))
    assert looks_like_token(key)


@given(words=st.lists(st.text(string.ascii_lowercase, max_size=15), max_size=9))
def test_words_with_hyphens_are_shown(words: list[str]) -> None:
    assert not looks_like_token("-".join(words))


@given(path=st.text())
def test_a_redacted_path_is_shown_as_it_is(path: str) -> None:
    once = redact_tokens(f"https://a.test/{path}")
    assert once.startswith("https://a.test/")
    assert redact_tokens(once) == once
