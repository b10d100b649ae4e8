"""Forms with one file: what browsers send, and what nobody should."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from web.uploads import MOST_FIELD, ROOM, Upload, UploadError, parse_form, read_upload

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"


def part(head: str, content: bytes) -> bytes:
    return b"--" + BOUNDARY + b"\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"


def body(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


CSRF = part('Content-Disposition: form-data; name="csrf"', b"abc")


def file(content: bytes, name: str = "điểm cầu.csv") -> bytes:
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv'
    return part(head, content)


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n", b"a\r\n--b", b"--" + BOUNDARY[:-1], b"\x00\xff\r\n\r\n", b"x" * 100_000],
)
def test_a_form_as_browsers_send_it(content: bytes) -> None:
    sent = body(CSRF, file(content))
    assert parse_form(sent, BOUNDARY) == Upload({"csrf": "abc"}, "điểm cầu.csv", content)


@given(st.binary(max_size=300).filter(lambda data: BOUNDARY not in data))
def test_any_content_comes_back(content: bytes) -> None:
    assert parse_form(body(file(content), CSRF), BOUNDARY).data == content


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"x",
        b"--" + BOUNDARY + b"--\r\n",
        CSRF,
        body(CSRF)[:-6],
        body(file(b"1"), file(b"2")),
        body(part("Content-Disposition: form-data", b"")),
        body(part("", b"")),
        body(b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data; name=x\r\n"),
        body(part('Content-Disposition: form-data; name="a"', b"x" * (MOST_FIELD + 1))),
        body(part('Content-Disposition: form-data; name="a"' + "x" * MOST_FIELD, b"")),
        body(*[CSRF] * 21),
        body(*[CSRF] * 500),
    ],
)
def test_what_is_malformed_is_refused(sent: bytes) -> None:
    with pytest.raises(UploadError):
        parse_form(sent, BOUNDARY)


@given(st.binary(max_size=400))
def test_no_body_breaks_the_parser(sent: bytes) -> None:
    with contextlib.suppress(UploadError):
        parse_form(sent, b"b")


def request(chunks: list[bytes], headers: dict[str, str], read: list[int]) -> Request:
    """A request whose chunks are counted as they are read."""

    async def messages() -> AsyncIterator[dict[str, object]]:
        for chunk in chunks:
            read.append(len(chunk))
            yield {"type": "http.request", "body": chunk, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    coming = messages()

    async def receive() -> dict[str, object]:
        return await anext(coming)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


KIND = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}


async def test_an_announced_size_is_refused_before_anything_is_read() -> None:
    read: list[int] = []
    with pytest.raises(UploadError) as caught:
        await read_upload(request([b"x"] * 10, {**KIND, "Content-Length": "200000000"}, read), 1_000)
    assert (caught.value.too_large, caught.value.size, read) == (True, 200_000_000, [])


async def test_an_unannounced_one_is_cut_off_at_the_bound() -> None:
    read: list[int] = []
    with pytest.raises(UploadError) as caught:
        await read_upload(request([b"x" * 10_000] * 1_000, KIND, read), 1_000)
    assert caught.value.too_large
    assert sum(read) <= 1_000 + ROOM + 10_000


async def test_a_file_beyond_its_own_bound() -> None:
    read: list[int] = []
    with pytest.raises(UploadError) as caught:
        await read_upload(request([body(CSRF, file(b"x" * 1_001))], KIND, read), 1_000)
    assert caught.value.too_large
    good = await read_upload(request([body(CSRF, file(b"x" * 1_000))], KIND, read), 1_000)
    assert len(good.data) == 1_000


@pytest.mark.parametrize(
    "kind",
    ["", "text/csv", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"],
)
async def test_other_types_are_refused(kind: str) -> None:
    with pytest.raises(UploadError):
        await read_upload(request([b""], {"Content-Type": kind}, []), 1_000)
