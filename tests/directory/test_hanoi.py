import unicodedata
from collections import Counter

import pytest

from directory.hanoi import districts, new_units, spread, units


def test_579_units_in_30_districts() -> None:
    kinds = Counter(unit.kind for unit in units())
    assert kinds == {"xa": 383, "phuong": 175, "thi_tran": 21}
    assert len({unit.code for unit in units()}) == 579
    counted = Counter(unit.district_code for unit in units())
    assert {d.code: d.units for d in districts()} == counted
    assert len(districts()) == 30


def test_codes_keep_their_zeros_and_names_are_composed() -> None:
    assert all(len(unit.code) == 5 and unit.code.isdigit() for unit in units())
    assert all(unicodedata.is_normalized("NFC", unit.title) for unit in units())


def test_a_name_that_occurs_twice_has_two_titles() -> None:
    names = Counter(unit.name for unit in units())
    assert names.most_common(1)[0][1] > 1
    assert len({unit.title for unit in units()}) == 579


def test_126_new_units_come_from_known_old_ones() -> None:
    old = {unit.code for unit in units()}
    assert len(new_units()) == 126
    assert all(set(unit.old_codes) <= old for unit in new_units())
    assert set().union(*(unit.old_codes for unit in new_units())) == old


def test_districts_have_places_of_their_own_on_the_map() -> None:
    assert len({(d.tile_column, d.tile_row) for d in districts()}) == 30
    assert all(20.5 < d.latitude < 21.5 and 105 < d.longitude < 106.1 for d in districts())


@pytest.mark.parametrize(("count", "distinct"), [(0, 0), (6, 6), (30, 30), (40, 30), (579, 30)])
def test_spread_takes_many_districts(count: int, distinct: int) -> None:
    chosen = spread(count)
    assert len({unit.code for unit in chosen}) == count
    assert len({unit.district_code for unit in chosen}) == distinct


def test_spread_has_an_end() -> None:
    with pytest.raises(ValueError, match="there are 579"):
        spread(580)
