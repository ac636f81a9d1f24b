"""Reading request bodies within the limits of the platform."""

from __future__ import annotations

import json
import math
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from sunco.emulator.api.operation import Upload
from sunco.emulator.errors import ApiError, bad_request

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable

    from starlette.requests import Request

BODY_BYTES = 100 * 1024
UPLOAD_BYTES = 50 * 1024 * 1024
# For boundaries, headers and the other fields.
_ENVELOPE_BYTES = 64 * 1024


async def read_content(request: Request, limit: int = BODY_BYTES) -> bytes:
    """Read a JSON body.

    Args:
        request: The request.
        limit: Its size in bytes, 100 kB as on the platform.

    Raises:
        ApiError: 413 if it is larger.
    """
    chunks: list[bytes] = []
    size = 0
    # It is read to its end in any case, since many clients read the response only after sending.
    async for chunk in request.stream():
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    if size > limit:
        kilobytes = limit // 1024
        raise ApiError(413, "payload_too_large", f"The request body must not exceed {kilobytes}kb")
    return b"".join(chunks)


def parse_object(content: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises:
        ApiError: 400 if it is not one.
    """
    try:
        body = json.loads(content, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise bad_request("The request body is not valid JSON") from None
    if not isinstance(body, dict):
        raise bad_request("The request body must be a JSON object")
    return cast("dict[str, Any]", body)


def parse_form(content: bytes) -> dict[str, Any]:
    """Parse a URL-encoded form. Of repeated fields, the last one counts."""
    return dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))


async def read_upload(request: Request) -> Upload:
    """Read the file in the field `source` of a form.

    It is buffered in a temporary file, so that a large one is in memory only once.

    Raises:
        ApiError: 400 if the form or the file is missing, 413 if the file is too large.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "multipart/form-data":
        raise bad_request("The content-type must be multipart/form-data")
    try:
        async with aclosing(request.stream()) as stream, aclosing(_limited(stream)) as limited:
            form = await _parse_form(request, limited)
    except _TooLargeError:
        raise _too_large() from None
    try:
        source = form.get("source")
        if not isinstance(source, UploadFile):
            raise bad_request("source is required")
        content = await source.read()
        if len(content) > UPLOAD_BYTES:
            raise _too_large()
        kind = source.content_type or "application/octet-stream"
        return Upload(source.filename or "file", kind, content)
    finally:
        await form.close()


async def _parse_form(request: Request, stream: AsyncGenerator[bytes, None]) -> FormData:
    try:
        return await MultiPartParser(request.headers, stream, max_files=1).parse()
    except _TooLargeError:
        raise
    except (MultiPartException, KeyError, ValueError):
        async for _ in stream:
            # It is read to its end, like JSON.
            pass
        raise bad_request("The request body is not a valid form") from None


class _TooLargeError(MultiPartException):
    """A subclass, because the parser closes its files only on this kind of error."""


def _too_large() -> ApiError:
    return ApiError(413, "payload_too_large", "The file must not exceed 50mb")


async def _limited(stream: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    size, most = 0, UPLOAD_BYTES + _ENVELOPE_BYTES
    async for chunk in stream:
        size += len(chunk)
        if size <= most:
            yield chunk
    if size > most:
        raise _TooLargeError("")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number
