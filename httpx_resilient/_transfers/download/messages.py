"""What downloads say: reasons, and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from httpx_resilient._core.origin import safe_url
from httpx_resilient._transfers.download.decoding import KNOWN
from httpx_resilient._transfers.download.result import DownloadBreak

if TYPE_CHECKING:
    from httpx_resilient._transfers.download.answer import Version
    from httpx_resilient._transfers.download.checksum import Checksum
    from httpx_resilient._transfers.download.errors import DownloadError
    from httpx_resilient._transfers.download.transfer import Transfer


def range_in(request: Any) -> str:
    """Say which bytes a request asks for, if not for all."""
    asked = request.headers.get("range", "")
    if not asked:
        return ""
    headers = request.headers
    validator = headers.get("if-range") or headers.get("if-unmodified-since")
    return f"{asked} if {validator}" if validator else f"{asked}, to be checked"


def restart(received: int, old: Version, new: Version) -> DownloadBreak:
    """Record that a whole answer has come instead of a part."""
    was, is_now = old.told.described, new.told.described
    reason = f"the file has changed: {was} became {is_now}"
    if was == is_now:
        reason = f"the server sent everything again, and {was} is no proof"
    return DownloadBreak(received, reason, "", 0.0)


def reason_of(judged: Any) -> str:
    """Return the reason of a judgement."""
    return str(getattr(judged, "reason", "sent other bytes than asked for"))


def unknown_coding(transfer: Transfer, coding: str) -> str:
    """Say that a body cannot be decoded."""
    return (
        f"GET {safe_url(transfer.request)}: the server sends Content-Encoding "
        f"{coding}, although identity was asked for. Of encodings, {KNOWN} can be "
        "removed: read it by client.stream"
    )


def no_file(transfer: Transfer, status: int) -> str:
    """Say that a success has no file."""
    return f"GET {safe_url(transfer.request)}: the answer {status} has no file"


def given_up(transfer: Transfer, reason: str, wait: float) -> DownloadError:
    """Make the error for a download that has ended for now."""
    patience = transfer.patience
    if not patience.is_over:
        why = f"the server asks for a wait of {wait:.0f} s"
    elif patience.in_a_row >= patience.failures:
        why = (
            f"{patience.in_a_row} requests in a row brought no new byte (max_failures)"
        )
    else:
        why = f"it broke {patience.total} times (max_breaks)"
    name, more = safe_url(transfer.request), ""
    if transfer.is_kept:
        more = f". {kept(transfer)}"
    received = transfer.received if transfer.is_kept else 0
    return transfer.job.error(
        f"GET {name}: {why}; the last failure: {reason}{more}",
        part=transfer.part.path if received else None,
        received=received,
        total=transfer.total,
    )


def kept(transfer: Transfer) -> str:
    """Say what of a file stays, and how to go on."""
    of = "" if transfer.total is None else f" of {transfer.total:,}"
    return (
        f"{transfer.received:,}{of} bytes are in {transfer.part.path.name}: the same "
        "call goes on with them"
    )


def mismatch(transfer: Transfer, expected: Checksum, found: str) -> DownloadError:
    """Make the error for a file with another checksum."""
    told = "checksum" if expected.source == "the user" else expected.source
    return transfer.job.mismatch(
        f"GET {safe_url(transfer.request)}: the file has {found}, not {expected} as "
        f"{told} says: it was removed"
    )
