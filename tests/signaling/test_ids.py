"""Identifiers: form, alphabet, no repeats."""

import pytest

from signaling import ids


@pytest.mark.parametrize("prefix", [ids.ROOM, ids.PARTICIPANT, ids.TRACK, ids.EVENT])
def test_form(prefix: str) -> None:
    sid = ids.new_sid(prefix)
    assert sid.startswith(prefix)
    rest = sid.removeprefix(prefix)
    assert len(rest) == 12
    assert set(rest) <= set("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")


def test_alphabet_leaves_out_look_alikes() -> None:
    assert len(ids.ALPHABET) == len(set(ids.ALPHABET)) == 57
    assert not set("01IOl") & set(ids.ALPHABET)


def test_no_repeats_and_every_letter_comes() -> None:
    sids = [ids.new_sid("PA_") for _ in range(5000)]
    assert len(set(sids)) == len(sids)
    assert set("".join(sid[3:] for sid in sids)) == set(ids.ALPHABET)
