"""Sentences of the API's errors in both languages, by code and by a field's problem.

They are said by the server alone, and so stand here and not in the pages' catalogue. ``{name}`` is
filled from the details of an error.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import Final

from web.errors import Words

CODES: Final = {
    "invalid": Words("Có trường chưa đúng.", "Some fields are not right."),
    "malformed": Words("Nội dung gửi lên không phải JSON hợp lệ.", "The body is not valid JSON."),
    "media_type": Words(
        "Nội dung gửi lên phải là application/json.", "The body must be of type application/json."
    ),
    "too_slow": Words("Nội dung gửi lên đến quá chậm.", "The body came too slowly."),
    "not_found": Words("Không có mục này.", "There is no such thing."),
    "forbidden": Words("Bạn không có quyền làm việc này.", "You may not do this."),
    "sign_in_wrong": Words(
        "Tên đăng nhập, mật khẩu hoặc khóa không đúng.", "The login, password or key is wrong."
    ),
    "too_many_tries": Words(
        "Đã thử đăng nhập quá nhiều lần. Xin thử lại sau {retry_after} giây.",
        "Sign-in was tried too often. Please try again in {retry_after} seconds.",
    ),
    "version_needed": Words(
        "Cần gửi tiêu đề If-Match với phiên bản đã đọc.", "The header If-Match with the version is needed."
    ),
    "version_malformed": Words(
        'If-Match phải là một phiên bản trong dấu ngoặc kép, ví dụ "3".',
        'If-Match must be one version in quotes, such as "3".',
    ),
    "changed": Words(
        "Người khác vừa thay đổi mục này. Xin đọc lại rồi gửi lại.",
        "Somebody else has just changed this. Please read it again and send it once more.",
    ),
    "taken": Words("Giá trị này đã được dùng.", "This value is in use already."),
    "last_administrator": Words(
        "Phải còn ít nhất một quản trị viên.", "There must be an administrator left."
    ),
    "unavailable": Words(
        "Dịch vụ tạm thời không đọc được dữ liệu. Xin thử lại sau ít giây.",
        "The service cannot read its data at the moment. Please try again in a few seconds.",
    ),
}
"""Codes of whole answers. Others are the pages' (``web.errors.words``)."""

PROBLEMS: Final = {
    "missing": Words("Thiếu trường này.", "This field is needed."),
    "unknown_field": Words("Không có trường này.", "There is no such field."),
    "type": Words(
        "Giá trị không đúng kiểu: cần {wanted}.", "The value is of the wrong type: {wanted} wanted."
    ),
    "unknown": Words("Không có giá trị này.", "There is no such value."),
    "twice": Words("Trường này chỉ được có một giá trị.", "This field may have one value only."),
    "malformed": Words("Giá trị không đúng dạng.", "The value is malformed."),
    "out_of_range": Words("Số ngoài khoảng cho phép.", "The number is out of range."),
    "too_long": Words("Dài quá {most} ký tự.", "Longer than {most} characters."),
    "too_short": Words("Quá ngắn.", "Too short."),
    "too_many": Words("Nhiều hơn {most} mục.", "More than {most} items."),
    "too_many_lines": Words("Danh sách dài quá {most} dòng.", "The list has more than {most} lines."),
    "lines": Words(
        "Có dòng không rõ là điểm cầu nào: {unknown} dòng không có, {ambiguous} dòng có thể là nhiều nơi.",
        "Some lines mean no certain site: {unknown} none, {ambiguous} several.",
    ),
    "characters": Words(
        "Có ký tự điều khiển hoặc ký tự đổi chiều chữ.", "It has controls or marks that turn text around."
    ),
    "formula": Words(
        "Không được bắt đầu như công thức bảng tính (=, +, -, @).",
        "It must not begin as a formula of a spreadsheet (=, +, -, @).",
    ),
    "date_malformed": Words(
        "Ngày giờ phải theo ISO 8601, ví dụ 2026-12-01T08:30:00+07:00.",
        "Dates and times are ISO 8601, such as 2026-12-01T08:30:00+07:00.",
    ),
    "date_impossible": Words("Không có ngày này trong lịch.", "There is no such day."),
    "date_out_of_range": Words(
        "Năm phải từ {first} đến {most}.", "The year must be between {first} and {most}."
    ),
    "time_impossible": Words("Không có giờ này.", "There is no such time of day."),
    "time_without_zone": Words(
        "Giờ phải kèm độ lệch múi giờ, ví dụ +07:00.", "A time needs its offset, such as +07:00."
    ),
    "zone_unknown": Words("Không có múi giờ này.", "There is no such time zone."),
    "before_start": Words("Kết thúc phải sau khi bắt đầu.", "The end must be after the start."),
    "span_too_long": Words(
        "Khoảng thời gian không quá {most} ngày.", "The span must not be longer than {most} days."
    ),
    "meeting_too_long": Words(
        "Cuộc họp không được dài quá 24 giờ.", "A meeting must not be longer than 24 hours."
    ),
    "past": Words("Thời điểm này đã qua.", "This time has passed."),
    "login": Words(
        "Tên đăng nhập gồm 2 đến 64 ký tự a-z, 0-9, . _ -.", "A login has 2 to 64 of a-z, 0-9, . _ -."
    ),
    "phone": Words("Không phải số điện thoại.", "This is no telephone number."),
    "email": Words("Không phải địa chỉ thư điện tử.", "This is no address of mail."),
    "in_use": Words("Giá trị này đã được dùng.", "This value is in use already."),
    "step": Words("Trạng thái này không thể theo sau trạng thái hiện nay.", "This state may not follow."),
    "retired": Words("Điểm cầu đã ngừng dùng thì không sửa được.", "A retired site does not change."),
}
"""What can be wrong with a field."""


def fill(words: Words, details: Mapping[str, object]) -> Words:
    """The sentences with their values; one that is not told is an ellipsis."""
    return Words(_fill(words.vi, details), _fill(words.en, details))


def _fill(text: str, details: Mapping[str, object]) -> str:
    return string.Formatter().vformat(text, (), _Told(details))


class _Told(dict[str, object]):
    def __missing__(self, key: str) -> object:
        return "…"
