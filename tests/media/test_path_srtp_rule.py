"""The rule of RFC 7714, 8.2, under any sequence of events: one index, one content, under one key.

A spy stands before libsrtp's own guard, so that what is judged is what the path
tries, not what the library still refuses.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from path_harness import OpusSender, Vp8Sender, World

from media.ports import Kind
from media.rtp.ntp import to_ntp
from media.rtp.rtcp import pack_nack, pack_pli, pack_sender_report


class Spy:
    """Records each plain packet by SSRC and 48-bit index (RFC 3711, 3.3.1), and refuses the second."""

    def __init__(self, pair) -> None:
        self._pair = pair
        self.protect_rtcp = pair.protect_rtcp
        self.unprotect = pair.unprotect
        self.unprotect_rtcp = pair.unprotect_rtcp
        self.highest: dict[int, int] = {}
        self.seen: dict[tuple[int, int], bytes] = {}

    def protect(self, packet: bytes) -> bytes:
        sequence = int.from_bytes(packet[2:4], "big")
        ssrc = int.from_bytes(packet[8:12], "big")
        highest = self.highest.get(ssrc, sequence)
        index = highest + ((sequence - highest + 0x8000) & 0xFFFF) - 0x8000
        assert index >= 0
        assert (ssrc, index) not in self.seen, "an index is protected twice"
        self.seen[ssrc, index] = packet
        self.highest[ssrc] = max(highest, index)
        return self._pair.protect(packet)


LAYERS = st.integers(0, 1)
FATES = st.lists(st.sampled_from("sldh"), min_size=1, max_size=4)
ACTION = st.one_of(
    st.tuples(
        st.just("frame"), LAYERS, st.booleans(), st.lists(st.sampled_from("sldh"), min_size=1, max_size=4)
    ),
    st.tuples(st.just("padding"), LAYERS, st.integers(1, 3)),
    st.tuples(st.just("release"), LAYERS, st.integers(0, 5)),
    st.tuples(st.just("rtx"), LAYERS, st.integers(1, 60)),
    st.tuples(st.just("speak"), st.integers(1, 3)),
    st.tuples(st.just("switch"), st.integers(0, 2)),
    st.tuples(st.just("mute"), LAYERS, st.booleans()),
    st.tuples(st.just("nack"), st.booleans(), st.lists(st.integers(0, 80), max_size=8)),
    st.tuples(st.just("move"), st.integers(0, 3)),
    st.tuples(st.just("lose"), st.booleans()),
    st.tuples(st.just("restart"), LAYERS, st.integers(0, 65535)),
    st.tuples(st.just("jump"), LAYERS, st.sampled_from([-70, -3, 1, 40, 400, 2900, 3500, 40000])),
    st.tuples(st.just("report"), LAYERS),
    st.tuples(st.just("wait"), st.sampled_from([0.02, 0.3, 1.6])),
    st.tuples(st.just("rekey")),
)


class Meeting:
    """Two layers and a sound to two viewers, of whom the second has no RTX."""

    def __init__(self) -> None:
        self.world = world = World()
        self.publisher = world.peer()
        self.viewers = [world.peer(), world.peer()]
        self.sources = [world.source(self.publisher, ssrc=None, mid=f"v{n}", nack=True) for n in (0, 1)]
        self.sound_source = world.source(self.publisher, Kind.AUDIO, ssrc=50)
        self.layers = [
            Vp8Sender(
                self.publisher,
                10 + n,
                str(n).encode(),
                sequence=65500 * n + 20,
                rtx_ssrc=20 + n,
                short_ids=n == 1,
                extensions=[(4, f"v{n}".encode())],
            )
            for n in (0, 1)
        ]
        self.sound = OpusSender(self.publisher, 50)
        self.held: list[list[bytes]] = [[], []]
        self.specs = [
            world.subscription(viewer, rtx_ssrc=None if index else 7000, rtx={} if index else {120: 121})
            for index, viewer in enumerate(self.viewers)
        ]
        for viewer in self.viewers:
            world.subscription(viewer, Kind.AUDIO, self.sound_source)
        self.spies = []
        for viewer in self.viewers:
            state = world.path._transports[viewer.number]
            spy = Spy(state.srtp)
            state.srtp = spy
            self.spies.append(spy)
        self.homes = [viewer.address for viewer in self.viewers]

    def act(self, action) -> None:
        getattr(self, action[0])(*action[1:])

    def frame(self, layer, key, fates) -> None:
        """Fates of its packets: sent, lost, doubled, held back."""
        for packet, fate in zip(self.layers[layer].packets(key=key, count=len(fates)), fates, strict=True):
            if fate == "h":
                self.held[layer].append(packet)
            for _ in range({"s": 1, "d": 2}.get(fate, 0)):
                self.publisher.inject(packet)

    def padding(self, layer, count) -> None:
        sender = self.layers[layer]
        for _ in range(count):
            real, self.publisher.rtp = self.publisher.rtp, self.publisher.inject
            sender.padding()
            self.publisher.rtp = real

    def release(self, layer, index) -> None:
        held = self.held[layer]
        if held:
            self.publisher.inject(held.pop(index % len(held)))

    def rtx(self, layer, back) -> None:
        sender = self.layers[layer]
        number = (sender.sequence - back) & 0xFFFF
        if number in sender.sent:
            real, self.publisher.rtp = self.publisher.rtp, self.publisher.inject
            sender.retransmit(number)
            self.publisher.rtp = real

    def speak(self, count) -> None:
        for _ in range(count):
            self.sound.send()

    def switch(self, choice) -> None:
        for spec in self.specs:
            self.world.path.switch(spec.subscription, self.sources[choice] if choice < 2 else None)

    def mute(self, layer, on) -> None:
        self.world.path.set_forwarding(self.sources[layer], not on)

    def nack(self, second, backs) -> None:
        viewer, spec = self.viewers[second], self.specs[second]
        highest = self.spies[second].highest.get(spec.ssrc, 0)
        numbers = [(highest - back) & 0xFFFF for back in backs]
        viewer.control(pack_pli(1, spec.ssrc), *pack_nack(1, spec.ssrc, numbers), address=self.homes[second])

    def move(self, port) -> None:
        self.viewers[0].address = self.homes[0] = (0, "192.0.2.9", 100 + port)
        self.world.path.bind_address(self.viewers[0].number, self.homes[0])

    def lose(self, back) -> None:
        self.world.path.release_address(self.homes[1])
        if back:
            self.world.path.bind_address(self.viewers[1].number, self.homes[1])

    def restart(self, layer, sequence) -> None:
        sender = self.layers[layer]
        sender.ssrc += 100
        sender.sequence = sequence
        sender.sent.clear()
        self.held[layer].clear()

    def jump(self, layer, step) -> None:
        self.layers[layer].sequence += step

    def report(self, layer) -> None:
        sender = self.layers[layer]
        stamp = sender.timestamp & 0xFFFFFFFF
        self.publisher.control(pack_sender_report(sender.ssrc, to_ntp(self.world.now), stamp, 1, 1))

    def wait(self, seconds) -> None:
        self.world.pass_time(seconds)

    def rekey(self) -> None:
        for viewer in self.viewers:
            keys = self.world.path._transports[viewer.number].keys
            self.world.path.set_keys(viewer.number, keys)


@settings(max_examples=150)
@given(st.lists(ACTION, min_size=5, max_size=60))
def test_no_index_is_protected_twice(actions):
    meeting = Meeting()
    meeting.frame(0, True, "ss")
    meeting.switch(0)
    meeting.frame(0, True, "ss")
    for action in actions:
        meeting.act(action)
    assert meeting.world.counter("dropped_protect") == 0
    for viewer, spy in zip(meeting.viewers, meeting.spies, strict=True):
        assert meeting.world.path._transports[viewer.number].srtp is spy, "no key begins anew"
