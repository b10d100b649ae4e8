"""Identifiers: form, alphabet, no repeats."""

import pytest

from signaling import ids


@pytest.mark.parametrize("prefix", [ids.ROOM, ids.PARTICIPANT, ids.TRACK, ids.EVENT, ids.NODE])
def test_form(prefix: str) -> None:
    sid = ids.new_sid(prefix)
    assert sid.startswith(prefix)
    rest = sid.removeprefix(prefix)
    assert len(rest) == 12
    assert set(rest) <= set("23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    assert ids.is_sid(sid, prefix)


def test_alphabet_leaves_out_look_alikes() -> None:
    assert len(ids.ALPHABET) == len(set(ids.ALPHABET)) == 57
    assert not set("01IOl") & set(ids.ALPHABET)


def test_no_repeats_and_every_letter_comes() -> None:
    sids = [ids.new_sid("PA_") for _ in range(5000)]
    assert len(set(sids)) == len(sids)
    assert set("".join(sid[3:] for sid in sids)) == set(ids.ALPHABET)


@pytest.mark.parametrize(
    ("text", "prefix", "good"),
    [
        ("PA_9BGdcdGouP55", "PA_", True),
        ("TR_AMKsEUGaaMfFHa", "TR_", True),
        ("PA_9BGdcdGouP55", "RM_", False),
        ("PA_", "PA_", False),
        ("PA_0BGdcdGouP55", "PA_", False),
        ("PA_9BGdcdGouP5\n", "PA_", False),
        ("PA_" + "2" * 65, "PA_", False),
        ("", "PA_", False),
    ],
)
def test_is_sid(text: str, prefix: str, good: bool) -> None:
    assert ids.is_sid(text, prefix) is good
