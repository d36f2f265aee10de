"""The function `download`, generic in the clients of a library."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar, overload

from httpx_resilient._core.family import Family
from httpx_resilient._core.origin import parse_url
from httpx_resilient._core.validation import check_switch, number
from httpx_resilient._transfers.download.arguments import (
    Choose,
    Target,
    check_listener,
    checked_path,
    request_options,
)
from httpx_resilient._transfers.download.checksum import parse_checksum
from httpx_resilient._transfers.download.errors import ChecksumMismatch, DownloadError
from httpx_resilient._transfers.download.flow import run_download
from httpx_resilient._transfers.download.job import Job, OnProgress
from httpx_resilient._transfers.download.patience import Patience
from httpx_resilient._transfers.download.result import Download
from httpx_resilient._transfers.io.start import check_client, start

SyncT = TypeVar("SyncT")
AsyncT = TypeVar("AsyncT")
UrlT = TypeVar("UrlT")


class Downloader(Generic[SyncT, AsyncT, UrlT]):
    """The function `download`, generic in the clients of a library."""

    _family: ClassVar[Family]
    _error: ClassVar[type[DownloadError]]
    _mismatch: ClassVar[type[ChecksumMismatch]]

    @overload
    @classmethod
    def download(
        cls,
        client: SyncT,
        url: UrlT,
        path: Target | Choose,
        *,
        overwrite: bool = ...,
        checksum: str | None = ...,
        connections: int = ...,
        headers: Mapping[str, str] | None = ...,
        extensions: Mapping[str, Any] | None = ...,
        follow_redirects: bool = ...,
        max_failures: int = ...,
        max_breaks: int = ...,
        backoff: float = ...,
        on_progress: OnProgress | None = ...,
    ) -> Download: ...
    @overload
    @classmethod
    def download(
        cls,
        client: AsyncT,
        url: UrlT,
        path: Target | Choose,
        *,
        overwrite: bool = ...,
        checksum: str | None = ...,
        connections: int = ...,
        headers: Mapping[str, str] | None = ...,
        extensions: Mapping[str, Any] | None = ...,
        follow_redirects: bool = ...,
        max_failures: int = ...,
        max_breaks: int = ...,
        backoff: float = ...,
        on_progress: OnProgress | None = ...,
    ) -> Coroutine[Any, Any, Download]: ...
    @classmethod
    def download(
        cls,
        client: Any,
        url: UrlT,
        path: Target | Choose,
        *,
        overwrite: bool = False,
        checksum: str | None = None,
        connections: int = 1,
        headers: Mapping[str, str] | None = None,
        extensions: Mapping[str, Any] | None = None,
        follow_redirects: bool = True,
        max_failures: int = 5,
        max_breaks: int = 20,
        backoff: float = 0.5,
        on_progress: OnProgress | None = None,
    ) -> Any:
        """
        Download a file: it is whole under its name, or not there at all.

        What has arrived is in a `.part` file meanwhile, beside a `.part.json` file that
        tells what it belongs to. A later call goes on with it, also in another process
        and after SIGKILL. Bytes are joined only with proof that they belong together: a
        strong ETag, a `Last-Modified` that is clearly older, or a checksum. Without
        one, or if the file has changed, it starts anew. The file is synced to the disk
        before it gets its name.

        Args:
            client: A client, with any transport. For an asynchronous one, await what
                this returns. A policy in it decides about failures before the first
                byte; later ones are counted here.
            url: The URL.
            path: The file to make; a symbolic link is followed. Or a function of the
                first response that returns it.
            overwrite: Whether to replace a file that is there.
            checksum: What the file must have: `sha-256=` and hexadecimal digits or
                base64. Also sha-512, sha-384, sha-224, sha-1 and md5. Without it, that
                of the headers `Repr-Digest` or `Content-Digest` counts (RFC 9530).
            connections: How many connections may fetch parts at the same time. There
                is one, unless the server has a strong validator and answers ranges
                right, and unless a part would have less than 1 MiB.
            headers: Of each request. `Accept-Encoding: identity` is added: a body that
                is encoded nevertheless is decoded, and cannot be gone on with.
            extensions: Of each request. A `DeadlineTransport` limits each request, not
                the download: `{"deadline": None}` lifts that.
            follow_redirects: Whether to follow them, whatever the client does.
            max_failures: How many requests in a row may bring no new byte, 1 or more.
            max_breaks: How many may fail in all, 1 or more.
            backoff: Seconds before the second failure in a row, from which further
                ones are doubled, up to 30. A random part of them is waited.
                `Retry-After` counts instead, up to 120 seconds.
            on_progress: Called with a `DownloadProgress`, ten times a second at most.
                It is not awaited.

        Returns:
            A `Download`, or a coroutine of it.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: An argument cannot be used.
            OSError: The file cannot be written. If one is there, or cannot be made, it
                is raised before anything is sent.
            DownloadError: It broke too often. The part stays.
            ChecksumMismatch: The file has another checksum. It was removed.
            HTTPStatusError: The server refuses, by its status. The part stays.
            TransportError: The first request has failed.

        Example:
            >>> import tempfile, httpx
            >>> def handler(request):
            ...     return httpx.Response(200, content=b"hello")
            >>> path = f"{tempfile.mkdtemp()}/hello.txt"
            >>> with httpx.Client(transport=httpx.MockTransport(handler)) as client:
            ...     result = download(client, "https://example.com/hello.txt", path)
            >>> result.path.read_bytes()
            b'hello'
        """
        check_client("download", client, cls._family)
        parse_url(url)
        check_listener(on_progress)
        check_switch("overwrite", overwrite)
        check_switch("follow_redirects", follow_redirects)
        job = Job(
            family=cls._family,
            error=cls._error,
            mismatch=cls._mismatch,
            url=url,
            path=checked_path(path, overwrite=overwrite),
            options=request_options(headers, extensions),
            overwrite=overwrite,
            checksum=parse_checksum(checksum),
            connections=number("connections", connections, least=1, whole=True),
            follow_redirects=follow_redirects,
            patience=Patience(
                number("max_failures", max_failures, least=1, whole=True),
                number("max_breaks", max_breaks, least=1, whole=True),
                number("backoff", backoff, least=0, unit="seconds"),
            ),
            on_progress=on_progress,
        )
        return start("download", client, cls._family, partial(run_download, job=job))
