"""The function `upload`, generic in the types of a library."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, ClassVar, Generic, TypedDict, TypeVar, Unpack, overload

from httpx_resilient._core.events.base import Listener
from httpx_resilient._core.family import Family
from httpx_resilient._core.http_types import ResponseT
from httpx_resilient._transfers.io.protocol import ClientIO
from httpx_resilient._transfers.io.start import start
from httpx_resilient._transfers.upload.flow import UploadFlow
from httpx_resilient._transfers.upload.given import UploadSource
from httpx_resilient._transfers.upload.options import (
    OnProgress,
    Protocol,
    Wait,
    options_of,
)

ClientT = TypeVar("ClientT")
AsyncClientT = TypeVar("AsyncClientT")


class UploadOptions(TypedDict, total=False):
    """The options of `upload`, for type checkers."""

    protocol: Protocol
    metadata: Mapping[str, str | bytes] | None
    method: str
    headers: Mapping[str, str] | None
    length: int | None
    resume_from: Any
    checksum: str | None
    piece_size: int
    wait: Wait | None
    max_stalls: int
    max_breaks: int
    timeout: Any
    extensions: Mapping[str, Any] | None
    on_progress: OnProgress | None
    on_event: Listener | None


class Uploader(Generic[ClientT, AsyncClientT, ResponseT]):
    """The function `upload`, generic in the clients of a library."""

    _family: ClassVar[Family]
    _binding: ClassVar[Any]

    @overload
    @classmethod
    def upload(
        cls,
        client: ClientT,
        url: Any,
        source: UploadSource,
        **options: Unpack[UploadOptions],
    ) -> ResponseT: ...

    @overload
    @classmethod
    def upload(
        cls,
        client: AsyncClientT,
        url: Any,
        source: UploadSource,
        **options: Unpack[UploadOptions],
    ) -> Coroutine[Any, Any, ResponseT]: ...

    @classmethod
    def upload(
        cls,
        client: Any,
        url: Any,
        source: UploadSource,
        *,
        protocol: Protocol = "tus",
        metadata: Mapping[str, str | bytes] | None = None,
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        length: int | None = None,
        resume_from: Any = None,
        checksum: str | None = None,
        piece_size: int = 8 * 1024 * 1024,
        wait: Wait | None = None,
        max_stalls: int = 3,
        max_breaks: int = 100,
        timeout: Any = None,
        extensions: Mapping[str, Any] | None = None,
        on_progress: OnProgress | None = None,
        on_event: Listener | None = None,
    ) -> Any:
        """
        Upload a body that goes on where it broke, by tus 1.0.0 or the IETF's draft.

        An empty request creates the upload, pieces follow. After a break it waits, asks
        the server by HEAD how much it has, and goes on there. An offset counts only if
        it is one that can be: nothing is lost or doubled without a word. Each request
        passes the client's transport as any other one.

        Args:
            client: A client, with any transport. With an asynchronous one, await what
                is returned.
            url: Where uploads are created; relative to the `base_url` of the client.
            source: What to upload: a `Path`, bytes, a file in binary mode, from its
                position on, or an iterator of bytes, also an asynchronous one. Of an
                iterator one piece is stored. A file behind a `Path` must not change.
            protocol: `"tus"`, or `"draft"` for draft-ietf-httpbis-resumable-upload-12,
                interop version 8.
            metadata: `Upload-Metadata` of tus, such as `{"filename": "video.mp4"}`.
            method: The method of the request that creates the upload, for the draft.
            headers: Headers of all requests. Those that describe the content, such as
                `Content-Type`, are of the first one only.
            length: The bytes of an iterator, if they are known.
            resume_from: The URL of an upload that another process has begun, from
                `Upload.location`. The content must be the same.
            checksum: The algorithm of a checksum of each piece, such as `"sha1"`. The
                server must list it (tus), as others ignore it.
            piece_size: The bytes of a piece, at most. Servers may ask for less.
            wait: The wait after a break, in tenacity's form. By default 0.5 to 1 s,
                then about 1 s, 2 s, 4 s ... 30 s. A `Retry-After` counts if it is
                longer.
            max_stalls: The upload ends after so many breaks without progress.
            max_breaks: It ends after so many breaks in any case.
            timeout: The timeout of each request, as for the client. By default it is
                that of the client, with 30 s for reading at least.
            extensions: The extensions of each request, such as `{"deadline": 60}`.
            on_progress: Is called with an `Upload` after the creation, and each time
                that the server has more. To store its `location` allows to resume.
            on_event: Is called with `UploadBroke` and `UploadResumed`.

        Returns:
            The response to the last piece, read: for the draft, that of the
            application, whatever its status. If it was lost on the way and a HEAD tells
            that the upload is complete, the response to that. `upload_of` returns the
            record of either, `explain` the history.

        Raises:
            UploadError: The upload has ended before it was complete. Its `upload`
                tells where, and whether that is unknown; its `response` is the answer
                that has ended it.
            TypeError: An option is of the wrong kind.
            ValueError: An option has a value that it cannot have.

        Another origin than that of `url`, which a `Location` may name, gets no
        credentials: none of the client's own headers, cookies, parameters and `auth`.

        Example:
            >>> response = upload(client, "/files", b"content")  # doctest: +SKIP
        """
        given = {name: value for name, value in locals().items() if name != "cls"}
        options = options_of(source, given)
        family, binding = cls._family, cls._binding

        def flow(io: ClientIO) -> Coroutine[Any, Any, Any]:
            if not io.asynchronous:
                options.emit.refuse_asynchronous()
                if options.source.asynchronous:
                    msg = "an asynchronous iterator needs an AsyncClient"
                    raise TypeError(msg)
            return UploadFlow(options, url, family, binding.UploadError, io).run()

        return start("upload", client, family, flow)
