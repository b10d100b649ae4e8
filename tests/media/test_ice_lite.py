"""The ICE-lite agent in virtual time: who is answered, and where media goes."""

from __future__ import annotations

import pytest
from aioice import stun
from hypothesis import given, settings
from hypothesis import strategies as st

from media.errors import TransportClosedError
from media.ice.lite import IceLiteAgent, pair_priority
from media.ice.probes import MAX_PENDING, Probes
from media.ice.records import IceCredentials, IceSettings, IceState
from media.streams.limits import TokenBucket

A = (0, "192.0.2.1", 1000)
B = (0, "192.0.2.2", 2000)
A_REBOUND = (0, "192.0.2.1", 1001)
A_OTHER_SOCKET = (1, "192.0.2.1", 1000)
REMOTE = "them"
NOMINATE = {"USE-CANDIDATE": None}


def check(
    credentials: IceCredentials, *, remote: str = REMOTE, priority: int = 100, pwd: str = "", **attributes
) -> bytes:
    message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    message.attributes["USERNAME"] = f"{credentials.ufrag}:{remote}"
    message.attributes["PRIORITY"] = priority
    message.attributes.update(attributes)
    message.add_message_integrity((pwd or credentials.pwd).encode())
    return bytes(message)


def flipped(data: bytes) -> bytes:
    """With a wrong fingerprint."""
    return data[:-1] + bytes([data[-1] ^ 1])


class Bench:
    """An agent with one transport whose peer is described, and its clock."""

    def __init__(self, **settings) -> None:
        self.agent = IceLiteAgent((200, 100), IceSettings(**settings))
        self.now = 100.0
        self.ours = self.agent.generate()
        self.agent.add(1, self.ours, self.now)
        self.agent.set_remote(1, REMOTE, "x" * 24, self.now)

    def check(self, address, *, after: float = 0.0, nominate: bool = True, ours=None, **options):
        self.now += after
        options.update(NOMINATE if nominate else {})
        return self.agent.handle(check(ours or self.ours, **options), address, self.now)


def test_valid_check_is_answered_and_selected():
    bench = Bench()
    result = bench.check(A)
    assert (result.transport, result.selected, result.state) == (1, A, IceState.CONNECTED)
    answer = stun.parse_message(result.response)
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == A[1:]
    again = bench.check(A)
    assert again.response
    assert (again.selected, again.state) == (None, None)


@pytest.mark.parametrize(
    ("counter", "data"),
    [
        ("other", lambda ours: b"\x00\x01"),
        ("other", lambda ours: b""),
        ("unknown", lambda ours: check(IceCredentials("nobody", ours.pwd))),
        ("unauthentic", lambda ours: check(ours, pwd="wrong")),
        ("outdated", lambda ours: check(ours, remote="somebody")),
        ("malformed", lambda ours: flipped(check(ours))),
    ],
)
def test_all_else_is_silence(counter, data):
    bench = Bench()
    result = bench.agent.handle(data(bench.ours), A, bench.now)
    assert result == (None, None, None, None, ())
    assert bench.agent.counters == {counter: 1}
    assert bench.agent.state(1) is IceState.CHECKING
    assert bench.agent.selected(1) is None


def test_check_before_the_description_is_answered_and_remembered():
    agent = IceLiteAgent()
    ours = agent.generate()
    agent.add(7, ours, 0.0)
    result = agent.handle(check(ours, remote="anyone", **NOMINATE), A, 1.0)
    assert result.response
    assert agent.selected(7) == A
    agent.set_remote(7, "someone", "x", 2.0)
    assert agent.handle(check(ours, remote="anyone"), A, 3.0).response is None
    assert agent.selected(7) == A


def test_controlled_peer_gets_487_and_changes_nothing():
    bench = Bench()
    result = bench.check(A, **{"ICE-CONTROLLED": 1})
    assert stun.parse_message(result.response).error_code == 487
    assert bench.agent.selected(1) is None


# Each step: (seconds since the last, address, nominated, PRIORITY) -> selected afterwards.
CHOICES = {
    "first valid one, before any nomination": [(0, A, False, 1, A), (0, B, False, 9, A)],
    "nominated beats provisional, whatever its priority": [(0, A, False, 9, A), (0, B, True, 1, B)],
    "aggressive nomination: the highest stays": [
        (0, A, True, 5, A),
        (0.1, B, True, 9, B),
        (0.1, A, True, 5, B),
        (0.1, B, True, 9, B),
        (0.1, A, True, 5, B),
    ],
    "our own candidate's priority breaks a tie": [
        (0, A, True, 300, A),
        (0.1, A_OTHER_SOCKET, True, 300, A),
        (0.1, A, True, 300, A),
    ],
    "on a true tie the newest nomination counts, once": [
        (0, A, True, 5, A),
        (0.1, B, True, 5, B),
        (0.1, A, True, 5, B),
        (0.1, B, True, 5, B),
    ],
    "nominated pair of lower priority after silence": [
        (0, A, True, 9, A),
        (2.4, B, True, 5, A),
        (0.2, B, True, 5, B),
        (0.1, A, True, 9, A),
    ],
    "a peer that moved nominates the new and only checks the old": [
        (0, A, True, 9, A),
        (1.5, A, False, 9, A),
        (0.1, B, True, 5, A),
        (1.4, A, False, 9, A),
        (0.1, B, True, 5, B),
    ],
    "backup pair of a browser does not take over": [
        (0, A, True, 9, A),
        (2.6, B, False, 5, A),
        (0.2, A, True, 9, A),
        (2.7, B, False, 5, A),
    ],
    "without nomination after a longer silence": [
        (0, A, True, 9, A),
        (3.4, B, False, 9, A),
        (0.2, B, False, 9, B),
    ],
    "another port, nominated: at once": [(0, A, True, 9, A), (0.2, A_REBOUND, True, 9, A_REBOUND)],
    "another port, not nominated": [
        (0, A, True, 9, A),
        (1.1, A_REBOUND, False, 9, A_REBOUND),
    ],
    "another port at the beginning is another candidate": [
        (0, A, True, 9, A),
        (0.5, A_REBOUND, False, 9, A),
        (2.0, A_REBOUND, False, 9, A),
    ],
}


@pytest.mark.parametrize("name", CHOICES)
def test_choice_of_address(name):
    bench = Bench()
    for step, (after, address, nominate, priority, expected) in enumerate(CHOICES[name]):
        before = bench.agent.selected(1)
        result = bench.check(address, after=after, nominate=nominate, priority=priority)
        assert bench.agent.selected(1) == expected, f"step {step}"
        assert result.selected == (expected if expected != before else None)


def test_pair_priority_is_that_of_the_rfc():
    assert pair_priority(3, 5) == (3 << 32) + 10
    assert pair_priority(5, 3) == (3 << 32) + 11


# -- restart -----------------------------------------------------------------------


def test_restart_keeps_the_old_until_the_new_is_validated():
    bench = Bench()
    bench.check(A)
    new = bench.agent.restart(1, bench.now)
    assert bench.agent.credentials(1) == new
    assert bench.agent.remote_ufrag(1) == REMOTE
    assert bench.check(A, after=5).response
    assert bench.agent.selected(1) == A
    bench.agent.set_remote(1, "anew", "y" * 24, bench.now)
    result = bench.check(B, ours=new, remote="anew", priority=1)
    # A nomination of the new generation wins over the old one's, whatever its priority.
    assert result.selected == B
    assert bench.check(A).response is None
    assert bench.agent.counters["unknown"] == 1


def test_old_credentials_end_after_their_time():
    bench = Bench()
    bench.check(A)
    bench.agent.restart(1, bench.now)
    assert bench.check(A, after=29.9).response
    assert bench.check(A, after=0.2).response is None
    bench.agent.poll(bench.now)
    assert bench.check(A).response is None
    assert bench.agent.counters == {"valid": 2, "outdated": 1, "unknown": 1}


def test_unanswered_restarts_replace_each_other():
    bench = Bench()
    bench.check(A)
    first = bench.agent.restart(1, bench.now)
    second = bench.agent.restart(1, bench.now)
    assert bench.check(A, ours=first).response is None
    assert bench.check(A).response
    assert bench.check(A, ours=second, remote="any").response
    assert len(bench.agent._by_ufrag) == 1


def test_remove_forgets_all():
    bench = Bench()
    bench.check(A)
    bench.agent.restart(1, bench.now)
    bench.agent.remove(1)
    bench.agent.remove(1)
    assert (len(bench.agent), bench.agent._by_ufrag, bench.agent._owners) == (0, {}, {})
    with pytest.raises(TransportClosedError):
        bench.agent.state(1)


# -- silence -----------------------------------------------------------------------


def test_silence_disconnects_then_fails_and_a_check_brings_it_back():
    bench = Bench()
    bench.check(A)
    assert bench.agent.poll(bench.now + 14.9) == []
    assert [c.state for c in bench.agent.poll(bench.now + 15)] == [IceState.DISCONNECTED]
    assert bench.agent.poll(bench.now + 16) == []
    assert bench.check(A, after=20).state is IceState.CONNECTED
    assert IceState.FAILED not in [c.state for c in bench.agent.poll(bench.now + 29.9)]
    assert [c.state for c in bench.agent.poll(bench.now + 30)] == [IceState.FAILED]


def test_peer_that_never_checks_fails_only_after_its_description():
    agent = IceLiteAgent()
    agent.add(1, agent.generate(), 0.0)
    assert agent.poll(1000.0) == []
    agent.set_remote(1, REMOTE, "x", 1000.0)
    assert agent.poll(1029.0) == []
    assert [change.state for change in agent.poll(1030.0)] == [IceState.FAILED]


# -- bounds ------------------------------------------------------------------------


def test_sixteen_addresses_the_silent_one_goes():
    bench = Bench()
    bench.check((0, "192.0.2.9", 1), priority=1)
    bench.check(A, priority=99)
    for port in range(2, 16):
        bench.check((0, "192.0.2.9", port), nominate=False, after=0.1)
    result = bench.check(B, nominate=False)
    # The first had been selected once, so the path is told; the second goes unheard.
    assert result.released == ((0, "192.0.2.9", 1),)
    assert bench.check((0, "192.0.2.3", 1), nominate=False).released == ()
    assert bench.agent.selected(1) == A
    assert len(bench.agent._owners) == 16


def test_silent_addresses_are_released_in_time():
    bench = Bench()
    bench.check(A, priority=1)
    bench.check(B, priority=2)
    for _ in range(7):
        bench.check(B, after=10)
    assert [c.released for c in bench.agent.poll(bench.now)] == [(A,)]
    assert bench.agent.poll(bench.now) == []


def test_strangers_cannot_use_up_what_the_peer_needs():
    bench = Bench()
    bench.check(A)
    for port in range(1000):
        bench.check((0, "203.0.113.1", port), pwd="wrong")
    assert bench.agent.counters["unauthentic"] < 61
    assert bench.agent.counters["limited"] > 939
    assert bench.check(A).response


def test_one_address_cannot_check_without_end():
    bench = Bench()
    answered = sum(bench.check(A).response is not None for _ in range(500))
    assert 100 <= answered <= 102
    assert bench.check(A, after=1.0).response


def test_address_of_a_live_transport_cannot_be_taken():
    bench = Bench()
    thief = bench.agent.generate()
    bench.agent.add(2, thief, bench.now)
    bench.check(A)
    assert bench.check(A, ours=thief, after=2.9).response is None
    assert bench.agent.selected(1) == A
    assert bench.agent.counters["contested"] == 1
    # Silent for longer: its owner may have gone and the port be in new hands.
    assert bench.check(A, ours=thief, after=0.2).selected == A
    assert bench.agent.selected(1) is None
    assert bench.agent.selected(2) == A


def test_token_bucket():
    bucket = TokenBucket(rate=2.0, burst=3.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(10.5), bucket.take(10.5), bucket.take(9.0)] == [True, False, False]
    assert [bucket.take(1000.0) for _ in range(4)] == [True, True, True, False]


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([A, B, A_REBOUND, A_OTHER_SOCKET]),
            st.booleans(),
            st.integers(0, 3),
            st.floats(0, 5),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_books_agree_whatever_comes(steps):
    bench = Bench(max_addresses=2, connect_within=1e9)
    other = bench.agent.generate()
    bench.agent.add(2, other, bench.now)
    bound: set = set()
    for address, nominate, priority, after, second in steps:
        ours, remote = (other, "else") if second else (bench.ours, REMOTE)
        result = bench.check(
            address, after=after, nominate=nominate, priority=priority, ours=ours, remote=remote
        )
        bound -= set(result.released)
        if result.selected:
            assert result.selected == address
            bound.add(address)
        for change in bench.agent.poll(bench.now):
            bound -= set(change.released)
        owners = bench.agent._owners
        pairs = [(a, p) for p in bench.agent._peers.values() for a in p.pairs]
        assert dict(pairs) == owners
        assert len(pairs) == len(owners)
        for peer in bench.agent._peers.values():
            assert len(peer.pairs) <= 2
            if peer.selected is not None:
                assert peer.pairs[peer.selected.address] is peer.selected
                assert peer.selected.address in bound


# -- probes ------------------------------------------------------------------------


def answer(data: bytes, pwd: str = "x" * 24) -> bytes:
    """What a peer says to a check of ours."""
    request = stun.parse_message(data)
    assert request.message_class is stun.Class.REQUEST
    assert request.check_message_integrity(b"x" * 24)
    assert "ICE-CONTROLLED" in request.attributes
    message = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, request.transaction_id)
    message.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.100", 1)
    message.add_message_integrity(pwd.encode())
    return bytes(message)


def test_answered_probe_moves_the_path_at_once():
    bench = Bench()
    bench.check(A)
    data = bench.agent.probe(1, A_REBOUND, bench.now)
    assert stun.parse_message(data).attributes["USERNAME"] == f"{REMOTE}:{bench.ours.ufrag}"
    assert bench.agent.selected(1) == A
    result = bench.agent.handle(answer(data), A_REBOUND, bench.now)
    assert (result.transport, result.response, result.selected) == (1, None, A_REBOUND)
    # The same again is no answer to anything.
    assert bench.agent.handle(answer(data), A_REBOUND, bench.now).transport is None
    assert bench.check(A_REBOUND, after=2.5).selected is None
    assert bench.agent.selected(1) == A_REBOUND


@pytest.mark.parametrize(
    ("change", "address", "after", "counter"),
    [
        (lambda data: answer(data, "wrong"), A_REBOUND, 0, "unauthentic"),
        (answer, B, 0, "other"),
        (answer, A_REBOUND, 2.1, "other"),
        (lambda data: answer(data)[:-1], A_REBOUND, 0, "other"),
        (lambda data: flipped(answer(data)), A_REBOUND, 0, "unauthentic"),
        (lambda data: data, A_REBOUND, 0, "unknown"),
    ],
)
def test_other_answers_move_nothing(change, address, after, counter):
    bench = Bench()
    bench.check(A)
    data = bench.agent.probe(1, A_REBOUND, bench.now)
    result = bench.agent.handle(change(data), address, bench.now + after)
    assert result == (None, None, None, None, ())
    assert bench.agent.counters[counter] == 1
    assert bench.agent.selected(1) == A


def test_when_no_probe_is_sent():
    bench = Bench()
    bench.check(A)
    assert bench.agent.probe(1, A, bench.now) is None
    assert bench.agent.probe(2, B, bench.now) is None
    second = bench.agent.generate()
    bench.agent.add(2, second, bench.now)
    assert bench.agent.probe(2, B, bench.now) is None  # its password is not known
    bench.agent.set_remote(2, "else", "z" * 24, bench.now)
    assert bench.agent.probe(2, A, bench.now) is None  # another's
    assert sum(bench.agent.probe(1, B, bench.now) is not None for _ in range(10)) == 3


def test_probe_after_the_transport_is_gone():
    bench = Bench()
    bench.check(A)
    data = bench.agent.probe(1, B, bench.now)
    bench.agent.remove(1)
    assert bench.agent.handle(answer(data), B, bench.now).transport is None


def test_pending_probes_are_bounded():
    probes = Probes()
    first = probes.make(1, 1, A, "a:b", "p", 0.0)
    for _ in range(MAX_PENDING):
        last = probes.make(1, 1, A, "a:b", "p", 0.0)
    assert len(probes) == MAX_PENDING
    assert probes.find(first[8:20], A, 0.0) is None
    assert probes.find(last[8:20], A, 2.0)
