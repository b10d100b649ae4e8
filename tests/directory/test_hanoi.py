import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from directory.hanoi import (
    UnitListError,
    hanoi_districts,
    hanoi_new_units,
    hanoi_units,
    parse_units,
    read_units,
    spread,
)


def test_579_units_in_30_districts() -> None:
    kinds = Counter(unit.kind for unit in hanoi_units())
    assert kinds == {"xa": 383, "phuong": 175, "thi_tran": 21}
    assert len({unit.code for unit in hanoi_units()}) == 579
    counted = Counter(unit.district_code for unit in hanoi_units())
    assert {d.code: d.units for d in hanoi_districts()} == counted
    assert len(hanoi_districts()) == 30


def test_codes_keep_their_zeros_and_names_are_composed() -> None:
    assert all(len(unit.code) == 5 and unit.code.isdigit() for unit in hanoi_units())
    assert all(unicodedata.is_normalized("NFC", unit.name + unit.district) for unit in hanoi_units())


def test_a_name_that_occurs_twice_differs_by_district() -> None:
    names = Counter(unit.name for unit in hanoi_units())
    assert names.most_common(1)[0][1] > 1
    assert len({(unit.name, unit.district) for unit in hanoi_units()}) == 579


def test_126_new_units_come_from_known_old_ones() -> None:
    old = {unit.code for unit in hanoi_units()}
    assert len(hanoi_new_units()) == 126
    assert all(set(unit.old_codes) <= old for unit in hanoi_new_units())
    assert set().union(*(unit.old_codes for unit in hanoi_new_units())) == old


def test_districts_have_places_of_their_own_on_the_map() -> None:
    assert len({(d.tile_column, d.tile_row) for d in hanoi_districts()}) == 30
    assert all(20.5 < d.latitude < 21.5 and 105 < d.longitude < 106.1 for d in hanoi_districts())


@pytest.mark.parametrize(("count", "distinct"), [(0, 0), (6, 6), (30, 30), (40, 30), (579, 30)])
def test_spread_takes_many_districts(count: int, distinct: int) -> None:
    chosen = spread(hanoi_units(), count)
    assert len({unit.code for unit in chosen}) == count
    assert len({unit.district_code for unit in chosen}) == distinct


def test_spread_gives_what_there_is() -> None:
    assert len(spread(hanoi_units(), 580)) == 579
    assert spread((), 3) == []


HEAD = "code,name,kind,district_code,district\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("code,name,kind,district_code\n1,a,xa,1\n", "column district is missing"),
        (HEAD + ",Xã A,xa,1,Huyện B\n", "line 2: code and name are needed"),
        (HEAD + "1,Xã A,lang,1,Huyện B\n", "line 2: kind 'lang' is none of"),
        (HEAD + "1,Xã A,xa,1,Huyện B\n1,Xã C,xa,1,Huyện B\n", "line 3: code 1 stands twice"),
    ],
)
def test_a_malformed_list_is_refused_with_its_line(text: str, complaint: str) -> None:
    with pytest.raises(UnitListError, match=complaint):
        parse_units(text)


def test_another_city_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("\ufeff" + HEAD + "00001,Xã A,xa,001,Huyện B\n", "utf-8")
    assert [unit.name for unit in read_units(path)] == ["Xã A"]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UnitListError, match="not UTF-8"):
        read_units(path)
