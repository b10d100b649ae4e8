"""The client's ICE agent against a lite responder and against another full agent, in virtual time."""

from __future__ import annotations

import random

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from signaling.client.ice import CONSENT_INTERVAL, Credentials, IceAgent, IceState, Path

SERVER = Path(4, "10.0.0.1", 7882)
OTHER = Path(4, "10.0.0.2", 7882)
OURS = ("192.0.2.5", 4000)
REMOTE = Credentials("server00", "server-password-of-24ch")


class Lite:
    """Answers checks as an ICE-lite relay does. ``deaf`` answers nothing."""

    def __init__(self) -> None:
        self.deaf: set[Path] = set()
        self.nominations: list[Path] = []
        self.checks = 0
        self.pwd = REMOTE.pwd

    def answer(self, data: bytes, path: Path) -> bytes | None:
        message = stun.parse_message(data)
        self.checks += 1
        assert message.check_message_integrity(REMOTE.pwd.encode())
        assert message.attributes["USERNAME"].startswith(REMOTE.ufrag + ":")
        if path in self.deaf:
            return None
        if "USE-CANDIDATE" in message.attributes:
            self.nominations.append(path)
        reply = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, message.transaction_id)
        reply.attributes["XOR-MAPPED-ADDRESS"] = OURS
        reply.add_message_integrity(self.pwd.encode())
        return bytes(reply)


def run(agent: IceAgent, lite: Lite, now: float, until: float) -> float:
    """Drive the agent in virtual time; the time after which nothing was due before ``until``."""
    while now < until:
        due = agent.poll(now)
        for data, path in agent.outgoing():
            reply = lite.answer(data, path)
            if reply is not None:
                agent.receive(reply, path, now + 0.01)
        now = max(now + 0.005, min(due, until))
    return now


def agent_with(*candidates: tuple[Path, int]) -> IceAgent:
    agent = IceAgent(rng=random.Random(1))
    agent.set_remote(REMOTE)
    for path, priority in candidates:
        assert agent.add_candidate(path.host, path.port, priority)
    return agent


def test_connects_and_nominates_one_path() -> None:
    agent, lite = agent_with((SERVER, 100)), Lite()
    run(agent, lite, 0.0, 0.2)
    assert agent.state is IceState.CONNECTED
    assert agent.selected == SERVER
    assert lite.nominations == [SERVER]


def test_the_better_of_two_paths_is_nominated() -> None:
    agent, lite = agent_with((OTHER, 100), (SERVER, 200)), Lite()
    run(agent, lite, 0.0, 1.0)
    assert agent.selected == SERVER


def test_a_deaf_better_path_does_not_hold_up_the_other() -> None:
    agent, lite = agent_with((SERVER, 200), (OTHER, 100)), Lite()
    lite.deaf = {SERVER}
    run(agent, lite, 0.0, 0.3)
    assert agent.selected == OTHER


def test_candidates_that_come_before_the_description_count() -> None:
    agent, lite = IceAgent(), Lite()
    agent.add_candidate(SERVER.host, SERVER.port, 1)
    assert agent.poll(0.0) == float("inf")
    agent.set_remote(REMOTE)
    run(agent, lite, 0.0, 0.2)
    assert agent.selected == SERVER


@pytest.mark.parametrize(
    ("host", "port", "protocol"),
    [
        ("5f1e2d3c.local", 7882, "udp"),
        ("0.0.0.0", 7882, "udp"),
        ("224.0.0.1", 7882, "udp"),
        ("10.0.0.1", 0, "udp"),
        ("10.0.0.1", 70000, "udp"),
        ("10.0.0.1", 9, "tcp"),
        ("", 1, "udp"),
    ],
)
def test_fc_a16_unusable_candidates_are_read_over(host: str, port: int, protocol: str) -> None:
    agent = IceAgent()
    agent.set_remote(REMOTE)
    assert not agent.add_candidate(host, port, 1, protocol)
    agent.poll(0.0)
    assert agent.outgoing() == []


def test_the_number_of_candidates_is_bounded() -> None:
    agent = agent_with()
    taken = [agent.add_candidate(f"10.0.{n // 200}.{n % 200 + 1}", 1000, 1) for n in range(100)]
    assert sum(taken) == 32


def test_consent_keeps_the_path_and_its_loss_is_noticed() -> None:
    agent, lite = agent_with((SERVER, 100)), Lite()
    now = run(agent, lite, 0.0, 60.0)
    assert agent.state is IceState.CONNECTED
    assert lite.checks > 60 / CONSENT_INTERVAL / 1.3
    lite.deaf = {SERVER}
    now = run(agent, lite, now, now + 10)
    assert agent.state is IceState.CONNECTED
    now = run(agent, lite, now, now + 5)
    assert agent.state is IceState.LOST
    lite.deaf = set()
    run(agent, lite, now, now + 2)
    assert agent.state is IceState.CONNECTED


def test_when_the_path_dies_another_one_is_taken() -> None:
    agent, lite = agent_with((SERVER, 200), (OTHER, 100)), Lite()
    now = run(agent, lite, 0.0, 1.0)
    assert agent.selected == SERVER
    lite.deaf = {SERVER}
    run(agent, lite, now, now + 9)
    assert agent.selected == OTHER


def test_a_change_of_address_is_checked_at_once() -> None:
    agent, lite = agent_with((SERVER, 100)), Lite()
    now = run(agent, lite, 0.0, 1.0)
    before = len(lite.nominations)
    agent.moved(now)
    for data, path in agent.outgoing():
        lite.answer(data, path)
    assert len(lite.nominations) == before + 1


def test_a_restart_takes_new_credentials_and_keeps_the_path() -> None:
    agent, lite = agent_with((SERVER, 100)), Lite()
    now = run(agent, lite, 0.0, 1.0)
    old = agent.local
    agent.restart()
    assert agent.local != old
    assert agent.selected == SERVER
    run(agent, lite, now, now + 0.5)
    assert agent.state is IceState.CONNECTED


def test_an_answer_with_a_wrong_key_is_none() -> None:
    agent, lite = agent_with((SERVER, 100)), Lite()
    lite.pwd = "another-password-of-24-c"
    run(agent, lite, 0.0, 2.0)
    assert agent.state is IceState.CHECKING
    assert agent.rejected > 0


def exchange(a: IceAgent, b: IceAgent, steps: int = 400, *, lost: float = 0.0) -> None:
    """Two full agents over a line that loses packets."""
    rng = random.Random(7)
    here, there = Path(4, "10.0.0.1", 1), Path(4, "10.0.0.2", 2)
    for step in range(steps):
        now = step * 0.01
        for agent, other, source in ((a, b, here), (b, a, there)):
            agent.poll(now)
            for data, _ in agent.outgoing():
                if rng.random() >= lost:
                    other.receive(data, source, now)


@pytest.mark.parametrize("lost", [0.0, 0.3])
@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (True, True), (False, False)])
def test_two_full_agents_agree_whatever_roles_they_begin_with(first: bool, second: bool, lost: float) -> None:
    a, b = IceAgent(rng=random.Random(1)), IceAgent(rng=random.Random(2))
    a.set_remote(b.local, controlling=first)
    b.set_remote(a.local, controlling=second)
    a.add_candidate("10.0.0.2", 2, 100)
    b.add_candidate("10.0.0.1", 1, 100)
    exchange(a, b, lost=lost)
    assert a.state is IceState.CONNECTED
    assert b.state is IceState.CONNECTED
    assert a.controlling is not b.controlling


def test_a_check_from_an_unknown_address_is_answered_and_checked_back() -> None:
    a, b = IceAgent(rng=random.Random(1)), IceAgent(rng=random.Random(2))
    a.set_remote(b.local)
    b.set_remote(a.local, controlling=False)
    a.add_candidate("10.0.0.2", 2, 100)
    exchange(a, b)
    assert b.selected == Path(4, "10.0.0.1", 1)


@given(st.binary(max_size=300))
def test_garbage_is_counted_and_never_raises(data: bytes) -> None:
    agent = agent_with((SERVER, 100))
    agent.receive(b"\x00\x01" + data, SERVER, 1.0)
    assert agent.rejected == 1
    assert agent.outgoing() == []


def test_the_password_is_not_in_the_repr() -> None:
    assert REMOTE.pwd not in repr(REMOTE)
