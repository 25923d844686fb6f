"""Decompress the bodies of requests, as clients that save bandwidth send them."""

from __future__ import annotations

import zlib

from git_datmo.serving.named_tensors import RefusedRequest

# The window sizes of zlib that name the format: 32 and more also read the header of gzip.
_WINDOW_BITS = {"gzip": 31, "deflate": 15}


def decompress_body(body: bytes, encoding: str, limit: int) -> bytes:
    """Return the content of a body with the header `Content-Encoding`; '' for no encoding.

    Raises `RefusedRequest` if the encoding is not known, the body is damaged, or its content has
    more than `limit` bytes.
    """
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW_BITS:
        raise RefusedRequest(
            f"the content encoding '{name}' is neither gzip nor deflate",
            status=415,
            headers={"Accept-Encoding": ", ".join(_WINDOW_BITS)},
        )
    reader = zlib.decompressobj(_WINDOW_BITS[name])
    try:
        # A small body can have a huge content, so no more than the limit is made of it.
        content = reader.decompress(body, limit + 1)
    except zlib.error as error:
        raise RefusedRequest(f"the request is not {name}: {error}") from error
    if len(content) > limit:
        raise too_large(limit)
    if not reader.eof or reader.unused_data:
        raise RefusedRequest(f"the request is not {name}: it is incomplete, or has other bytes")
    return content


def too_large(limit: int) -> RefusedRequest:
    """Return the error of a request with more bytes than `limit`."""
    return RefusedRequest(f"the request has more than {limit} bytes", status=413)
