"""Names compared without diacritics, and sorted as Vietnamese names are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory.search import given_name_key, matches, search_key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Phường Ô Chợ Dừa", "phuong o cho dua"),
        ("  ĐÔNG   Anh ", "dong anh"),
        (unicodedata.normalize("NFD", "Xã Yên Hòa"), "xa yen hoa"),
        ("Xã Yên Hoà", "xa yen hoa"),
        ("TT. Trâu Quỳ", "tt trau quy"),
        ("Phường Tương-Mai (cũ)", "phuong tuong mai cu"),
        ("", ""),
        ("...", ""),
        ("ﬁ", "fi"),
    ],
)
def test_keys(text: str, key: str) -> None:
    assert search_key(text) == key


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("o cho dua", True),
        ("Ô Chợ", True),
        ("dua cho", True),
        ("00178", True),
        ("178", False),
        ("ho dua", False),
        ("dong da", True),
        ("Đống Đa", True),
        ("", True),
    ],
)
def test_queries(query: str, found: bool) -> None:
    assert matches(query, search_key("00178", "Phường Ô Chợ Dừa", "Quận Đống Đa")) is found


@given(st.text(max_size=60))
def test_a_key_is_its_own_key_and_finds_itself(text: str) -> None:
    key = search_key(text)
    assert search_key(key) == key
    assert matches(text, key)


def test_names_of_persons_are_sorted_by_the_given_name() -> None:
    names = ["Trần Văn Bình", "Nguyễn Thị Ánh", "Lê Ân", "Nguyễn Văn Ánh", "Đỗ Bình"]
    assert sorted(names, key=given_name_key) == [
        "Lê Ân",
        "Nguyễn Thị Ánh",
        "Nguyễn Văn Ánh",
        "Đỗ Bình",
        "Trần Văn Bình",
    ]
