"""What goes wrong, said to people in Vietnamese and English, and to programs by a code.

Codes of joining have their words in the pages' catalogue, since the page shows
them too. The others are said by the server alone, and stand here.
"""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from web import i18n


@dataclass(frozen=True, slots=True)
class Words:
    """One sentence in both languages."""

    vi: str
    en: str


_OWN: Final = {
    "not_found": Words("Không có trang này.", "There is no such page."),
    "method_not_allowed": Words(
        "Địa chỉ này không nhận yêu cầu kiểu đó.", "This address does not take such a request."
    ),
    "bad_request": Words("Yêu cầu không đúng dạng.", "The request is malformed."),
    "too_large": Words("Yêu cầu quá lớn.", "The request is too large."),
    "too_many": Words(
        "Có quá nhiều yêu cầu từ máy này. Xin đợi một lát rồi thử lại.",
        "Too many requests came from this machine. Please wait a moment and try again.",
    ),
    "wrong_origin": Words(
        "Yêu cầu đến từ một trang web khác nên bị từ chối.",
        "The request came from another web site and was refused.",
    ),
    "forbidden": Words("Bạn không có quyền xem nội dung này.", "You may not see this."),
    "sign_in_needed": Words("Xin đăng nhập trước.", "Please sign in first."),
    "password_first": Words("Xin đặt mật khẩu riêng trước.", "Please choose your own password first."),
    "form_refused": Words(
        "Biểu mẫu này không còn hiệu lực. Xin mở lại trang và gửi lại.",
        "This form is no longer valid. Please open the page again and send it once more.",
    ),
    "no_meeting": Words("Không có cuộc họp này.", "There is no such meeting."),
    "not_of_this_meeting": Words(
        "Bạn không thuộc thành phần dự cuộc họp này.", "You are not among those who attend this meeting."
    ),
    "meeting_over": Words("Cuộc họp đã bế mạc.", "The meeting has ended."),
    "meeting_not_open": Words("Cuộc họp chưa mở.", "The meeting is not open yet."),
    "meeting_full": Words(
        "Cuộc họp đã quá đông. Xin thử lại sau ít phút.",
        "The meeting is too crowded. Please try again in a few minutes.",
    ),
    "meeting_changed": Words(
        "Cuộc họp vừa thay đổi. Xin thử lại.", "The meeting has just changed. Please try again."
    ),
    "removed_from_meeting": Words(
        "Chủ trì đã mời bạn ra khỏi phòng họp. Xin chờ được chấp nhận lại.",
        "The chair has removed you from the meeting. Please wait to be admitted again.",
    ),
    "not_admitted": Words(
        "Bạn đang ở phòng chờ. Xin đợi được chấp nhận.",
        "You are in the waiting room. Please wait to be admitted.",
    ),
    "unavailable": Words(
        "Dịch vụ tạm thời không đọc được dữ liệu. Xin thử lại sau ít giây.",
        "The service cannot read its data at the moment. Please try again in a few seconds.",
    ),
    "internal": Words(
        "Máy chủ gặp lỗi. Xin thử lại sau ít phút.",
        "The server met an error. Please try again in a few minutes.",
    ),
}
_BY_STATUS: Final = {
    400: "bad_request",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "too_many",
}


ShowError = Callable[[Request, str, int], Response]
"""Makes the page for people from a code and its status."""


class Refusal(Exception):
    """A request is refused: ``code`` for programs, ``status`` of HTTP, seconds to wait where that helps."""

    def __init__(self, code: str, status: int, retry_after: float = 0.0) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.retry_after = retry_after


def words(code: str) -> Words:
    """The sentence of a code. KeyError for one that nobody has written."""
    if code in _OWN:
        return _OWN[code]
    key = f"error.{code}"
    return Words(i18n.translate("vi", key), i18n.translate("en", key))


def json_error(refusal: Refusal) -> JSONResponse:
    """``{code, vi, en}`` with its status."""
    said = words(refusal.code)
    headers = {"Cache-Control": "no-store"}
    if refusal.retry_after > 0:
        headers["Retry-After"] = str(int(refusal.retry_after) + 1)
    return JSONResponse(
        {"code": refusal.code, "vi": said.vi, "en": said.en}, status_code=refusal.status, headers=headers
    )


def error_answer(
    request: Request,
    status: int,
    headers: dict[str, str] | None = None,
    show: ShowError | None = None,
) -> Response:
    """The answer to a request that no handler answered, in the form that its caller reads.

    People get the page that ``show`` makes; without it, a plain one in both languages.
    """
    code = _BY_STATUS.get(status, "internal" if status >= 500 else "bad_request")
    if request.url.path.startswith("/api/"):
        answer: Response = json_error(Refusal(code, status))
    elif "text/html" in request.headers.get("accept", ""):
        answer = (show or _plain)(request, code, status)
    else:
        answer = PlainTextResponse(words(code).en + "\n", status_code=status)
    answer.headers["Cache-Control"] = "no-store"
    for name, value in (headers or {}).items():
        answer.headers[name] = value
    return answer


def error_page(code: str, status: int) -> HTMLResponse:
    """The plain page that says a code in both languages."""
    return HTMLResponse(_page(words(code), status), status_code=status)


def _plain(request: Request, code: str, status: int) -> Response:
    return error_page(code, status)


def _page(said: Words, status: int) -> str:
    """A page that needs nothing else: it is shown when something is missing."""
    return f"""<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{status} – Điểm Cầu</title>
</head>
<body>
<main>
<h1>{html.escape(said.vi)}</h1>
<p lang="en">{html.escape(said.en)}</p>
<p><a href="/">Về trang đầu <span lang="en">/ To the start page</span></a></p>
</main>
</body>
</html>
"""
