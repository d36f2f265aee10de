"""The error codes by which the services of AWS refuse a request that they throttle."""

from __future__ import annotations

_THROTTLED = frozenset(
    {
        "bandwidthlimitexceeded",
        "ec2throttledexception",
        "limitexceededexception",
        "priorrequestnotcomplete",
        "provisionedthroughputexceededexception",
        "requestlimitexceeded",
        "requestthrottled",
        "requestthrottledexception",
        "slowdown",
        "throttledexception",
        "throttling",
        "throttlingexception",
        "toomanyrequestsexception",
        "transactioninprogressexception",
    }
)
"""The codes that botocore's `standard` mode retries as throttled, in lower case."""


def is_throttling(code: str) -> bool:
    """
    Whether a code says that the service receives too many requests.

    Args:
        code: The code, such as `ThrottlingException`. It may follow a namespace, as in
            `com.amazon.coral.availability#ThrottlingException`, or precede one, as in
            `ThrottlingException:http://internal.amazon.com/`.
    """
    name = code.rpartition("#")[2].partition(":")[0].strip().lower()
    return name in _THROTTLED or "throttl" in name
