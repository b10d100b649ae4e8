import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.tokens import KeyRing
from web.errors import Refusal
from web.joining import WRONG_KEY_BURST, Admission, Joining, JoinRequest, OpenRoom, clean_name, parse_join

ROOM = OpenRoom("giao-ban", "Giao ban", "right-key")
RING = KeyRing({"key": "secret-of-the-tests-with-32-characters"})
WALL = 1_800_000_000.0


def joining(room: OpenRoom | None = ROOM, signed: str = "signing") -> Joining:
    return Joining(RING, "key", signed, room, 600.0)


def ask(
    door: Joining,
    key: str = "right-key",
    ticket: str = "",
    room: str = "giao-ban",
    address: str = "192.0.2.1",
    now: float = 0.0,
) -> Admission:
    return door.admit(JoinRequest(room, "Hà Nội", key, ticket), address, now, WALL)


def refused(door: Joining, **asked: object) -> str:
    with pytest.raises(Refusal) as caught:
        ask(door, **asked)  # type: ignore[arg-type]
    return caught.value.code


def test_the_right_key_gives_a_token_for_this_room_only() -> None:
    admission = ask(joining())
    grants = RING.verify(admission.token, WALL)
    assert grants.identity == admission.identity
    assert grants.name == "Hà Nội"
    assert grants.video is not None
    assert grants.video.room_join
    assert grants.video.room == "giao-ban"
    assert not grants.video.room_admin
    assert not grants.video.room_create
    assert grants.expires_at == WALL + 600


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"key": "wrong"}, "key_invalid"),
        ({"key": ""}, "key_invalid"),
        ({"room": "another"}, "room_not_found"),
        ({"room": ""}, "room_not_found"),
        ({"key": "right-key\ud800"}, "key_invalid"),
    ],
)
def test_wrong_requests_are_refused(asked: dict[str, str], code: str) -> None:
    assert refused(joining(), **asked) == code


def test_without_an_open_room_nobody_joins() -> None:
    assert refused(joining(None), room="", key="") == "room_not_found"


def test_everybody_gets_a_place_of_their_own() -> None:
    door = joining()
    assert len({ask(door).identity for _ in range(200)}) == 200


def test_a_ticket_brings_its_browser_back_into_its_place_without_the_key() -> None:
    door = joining()
    first = ask(door)
    again = ask(door, key="", ticket=first.ticket)
    assert again.identity == first.identity
    after_restart = ask(joining(), key="", ticket=first.ticket)
    assert after_restart.identity == first.identity


def test_a_new_key_ends_what_the_old_one_allowed_but_keeps_the_place() -> None:
    first = ask(joining())
    renewed = joining(OpenRoom("giao-ban", "", "new-key"))
    assert refused(renewed, key="", ticket=first.ticket) == "key_invalid"
    assert ask(renewed, key="new-key", ticket=first.ticket).identity == first.identity


def test_an_identity_alone_takes_nobodys_place() -> None:
    door = joining()
    victim = ask(door)
    place = victim.identity.removeprefix("person:")
    own = ask(door)
    signatures = own.ticket.split(".")[1:]
    for forged in (place, f"{place}..", ".".join([place, *signatures]), f"{place}.{'0' * 32}.{'0' * 32}"):
        assert ask(door, ticket=forged).identity != victim.identity
    assert ask(joining(signed="another"), ticket=victim.ticket).identity != victim.identity


@given(st.text(max_size=120))
def test_no_text_is_a_ticket(text: str) -> None:
    assert refused(joining(), key="", ticket=text) == "key_invalid"


def test_wrong_keys_are_slowed_down_for_their_address_only() -> None:
    door = joining()
    earlier = ask(door)
    for _ in range(int(WRONG_KEY_BURST)):
        assert refused(door, key="guess") == "key_invalid"
    with pytest.raises(Refusal) as caught:
        ask(door, key="right-key")
    assert caught.value.code == "too_many"
    assert caught.value.status == 429
    assert caught.value.retry_after > 0
    # Who has been in, and who comes from elsewhere, is not kept out.
    ask(door, key="", ticket=earlier.ticket)
    ask(door, address="192.0.2.2")
    ask(door, now=caught.value.retry_after)


def test_a_city_behind_one_address_may_join_at_once() -> None:
    door = joining()
    for _ in range(600):
        ask(door)
    for _ in range(100):
        ask(door)
    assert refused(door) == "too_many"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Phường   Phúc Xá ", "Phường Phúc Xá"),
        ("Hà Nội", "Hà Nội"),
        ("Đ", "Đ"),
    ],
)
def test_names_are_composed_and_trimmed(text: str, name: str) -> None:
    assert clean_name(text) == name


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "name_required"),
        (" \t ", "name_required"),
        ("a" * 81, "name_invalid"),
        ("a\u202eb", "name_invalid"),
        ("a\x00b", "name_invalid"),
        ("\ud800", "name_invalid"),
        ("a" * 10_000, "name_invalid"),
    ],
)
def test_names_that_cannot_be_shown_are_refused(text: str, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        clean_name(text)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {"room": 1, "name": "a"},
        {"room": "a", "name": ["b"]},
        {"room": "a", "name": "b", "k": {}},
        {"room": "a" * 300, "name": "b"},
    ],
)
def test_bodies_of_another_shape_are_refused(body: object) -> None:
    with pytest.raises(Refusal, match="bad_request"):
        parse_join(body, "")


def test_secrets_stay_out_of_representations() -> None:
    request = JoinRequest("giao-ban", "Hà Nội", "right-key", "ticket")
    admission = ask(joining())
    shown = repr(request) + repr(admission) + repr(ROOM)
    for secret in ("right-key", "ticket", admission.token, admission.ticket):
        assert secret not in shown
