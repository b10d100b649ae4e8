"""Which packets belong to which layer, and moving a viewer from one layer to another."""

from __future__ import annotations

from itertools import pairwise

import pytest
from path_harness import IN_EXTENSIONS, OpusSender, Packet, Vp8Sender, World, consecutive

from media.ports import Extension, KeyframeWanted, Kind, SourceStarted, Switched
from media.rtp.header import parse_header
from media.rtp.ntp import to_ntp
from media.rtp.rtcp import pack_sender_report

MID, RID, REPAIRED = 4, 10, 11


class Simulcast:
    """A publisher of rids q, h and f, each payload marked with its layer, and one viewer."""

    def __init__(self, world: World, extensions=IN_EXTENSIONS, **options) -> None:
        self.world = world
        self.publisher, self.viewer = world.peer(), world.peer()
        self.source = {
            rid: world.source(self.publisher, mid="1", rid=rid, extensions=extensions) for rid in "qhf"
        }
        self.layer = {
            rid: Vp8Sender(
                self.publisher,
                0x100 + index,
                rid.encode(),
                sequence=65000 * (index + 1),
                timestamp=1_000_000_000 * (index + 1),
                picture_id=5000 * (index + 1),
                tl0=70 * index,
                rtx_ssrc=0x200 + index,
                extensions=[(MID, b"1"), (RID, rid.encode())],
            )
            for index, rid in enumerate("qhf")
        }
        self.spec = world.subscription(self.viewer, **options)

    def order(self, rid: str | None) -> None:
        self.world.path.switch(self.spec.subscription, self.source[rid] if rid else None)

    def frames(self, rids: str = "qhf", *, key: str = "", count: int = 1) -> None:
        for _ in range(count):
            self.world.pass_time(1 / 30)
            for rid in rids:
                self.layer[rid].frame(key=rid in key, count="qhf".index(rid) + 1)

    @property
    def got(self) -> list[Packet]:
        return self.viewer.of(self.spec.ssrc)

    @property
    def marks(self) -> str:
        """Layers seen, without repeats."""
        text = "".join(packet.body[-1:].decode() for packet in self.got)
        return "".join(mark for index, mark in enumerate(text) if index == 0 or text[index - 1] != mark)

    def check_continuity(self) -> None:
        """One stream without seams: numbers, time stamps, picture ids, TL0PICIDX; no frame of two layers."""
        packets = self.got
        assert consecutive(packets)
        frames: dict[int, list[Packet]] = {}
        for packet in packets:
            frames.setdefault(packet.timestamp, []).append(packet)
        for frame in frames.values():
            assert len({packet.body[-1:] for packet in frame}) == 1
            assert len({packet.vp8.picture_id for packet in frame}) == 1
        stamps = list(frames)
        for before, after in pairwise(stamps):
            assert 0 < (after - before) & 0xFFFFFFFF < 90000 * 5
            first, second = frames[before][0].vp8, frames[after][0].vp8
            assert (second.picture_id - first.picture_id) & 0x7FFF == 1
            assert (second.tl0_picture_index - first.tl0_picture_index) & 0xFF == 1
            if frames[before][0].body[-1:] != frames[after][0].body[-1:]:
                assert second.keyframe


@pytest.fixture
def simulcast() -> Simulcast:
    return Simulcast(World())


def test_layers_are_told_apart_by_rid(simulcast):
    simulcast.order("h")
    simulcast.frames(key="qhf")
    simulcast.frames(count=3)
    assert simulcast.marks == "h"
    started = {event.source for event in simulcast.world.happened(SourceStarted)}
    assert started == set(simulcast.source.values())


def test_rids_are_read_when_sound_was_published_first():
    """The sound's section has no RID extension; the transport as a whole does."""
    world = World()
    publisher = world.peer()
    few = {1: Extension.AUDIO_LEVEL, 4: Extension.MID}
    world.source(publisher, Kind.AUDIO, mid="0", ssrc=77, extensions=few)
    source = world.source(publisher, mid="1", rid="q")
    other = world.source(publisher, mid="1", rid="f")
    viewer = world.peer()
    spec = world.subscription(viewer, source=other)
    for rid, ssrc in ((b"q", 5), (b"f", 6)):
        Vp8Sender(publisher, ssrc, rid, extensions=[(MID, b"1"), (RID, rid)]).frame(key=True)
    assert [packet.body[-1:] for packet in viewer.of(spec.ssrc)] == [b"f", b"f"]
    assert world.path.source_stats(source).packets == 2


def test_rid_in_two_byte_extensions():
    world = World()
    extensions = IN_EXTENSIONS | {20: Extension.RID}
    del extensions[10]
    simulcast = Simulcast(world, extensions)
    for rid, sender in simulcast.layer.items():
        sender.extensions = [(MID, b"1"), (20, rid.encode())]
    simulcast.order("f")
    simulcast.frames(key="qhf")
    assert simulcast.marks == "f"


def test_ssrcs_stay_known_when_extensions_end(simulcast):
    """A browser leaves MID and RID out once its packets were acknowledged."""
    simulcast.order("q")
    simulcast.frames(key="q")
    for sender in simulcast.layer.values():
        sender.extensions = []
    simulcast.frames(count=2)
    assert len(simulcast.got) == 3


def test_unknown_rid_and_unknown_mid_are_dropped(simulcast):
    simulcast.order("q")
    sender = simulcast.layer["q"]
    for extensions in ([(MID, b"1"), (RID, b"x")], [(MID, b"9"), (RID, b"q")], [(RID, b"\xff")], []):
        sender.extensions = extensions
        sender.frame(key=True)
    assert simulcast.got == []
    assert simulcast.world.counter("dropped_unknown_ssrc") == 8


def test_repaired_rid_leads_to_the_layer(simulcast):
    """RTX of a layer on an SSRC that nothing but the repaired RID explains (RFC 8852)."""
    simulcast.order("f")
    simulcast.frames(key="f")
    sender = simulcast.layer["f"]
    lost, *rest = sender.packets(count=3)
    for packet in rest:
        simulcast.publisher.rtp(packet)
    sender.retransmit(sender.sequence - 3, extensions=[(MID, b"1"), (REPAIRED, b"f")])
    numbers = [packet.sequence - simulcast.got[0].sequence for packet in simulcast.got]
    assert numbers == [0, 1, 2, 4, 5, 3]
    assert simulcast.world.path.source_stats(simulcast.source["f"]).recovered == 1
    assert lost


def test_only_source_of_a_payload_type_needs_no_mid():
    world = World()
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, Kind.AUDIO)
    spec = world.subscription(viewer, Kind.AUDIO, source)
    OpusSender(publisher, 1234).send()
    assert len(viewer.of(spec.ssrc)) == 1


def test_switches_at_keyframes_only(simulcast):
    simulcast.order("q")
    simulcast.frames(key="qhf")
    simulcast.frames(count=5)
    simulcast.order("f")
    simulcast.frames(count=5)
    assert simulcast.marks == "q"
    simulcast.frames(key="f")
    simulcast.frames(count=5)
    simulcast.order("h")
    simulcast.frames(key="qf", count=2)
    simulcast.frames(key="h")
    simulcast.frames(count=2)
    assert simulcast.marks == "qfh"
    simulcast.check_continuity()
    switched = [event.source for event in simulcast.world.happened(Switched)]
    assert switched == [simulcast.source[rid] for rid in "qfh"]


def test_the_newest_order_wins_and_the_old_source_can_be_kept(simulcast):
    simulcast.order("q")
    simulcast.frames(key="q")
    simulcast.order("h")
    simulcast.order("f")
    simulcast.frames(key="h")
    assert simulcast.marks == "q"
    simulcast.order("q")
    simulcast.frames(key="f")
    simulcast.frames(key="h")
    assert simulcast.marks == "q"
    simulcast.check_continuity()


def test_pause_and_resume_continue_the_stream(simulcast):
    simulcast.order("q")
    simulcast.frames(key="q", count=3)
    simulcast.order(None)
    simulcast.frames(count=60)
    seen = len(simulcast.got)
    simulcast.order("q")
    simulcast.frames(count=3)
    assert len(simulcast.got) == seen
    simulcast.frames(key="q")
    simulcast.frames(count=3)
    assert len(simulcast.got) == seen + 4
    simulcast.check_continuity()
    gap = simulcast.got[seen].timestamp - simulcast.got[seen - 1].timestamp
    assert gap == 64 * 3000, "the source's own clock goes on over the pause"


@pytest.mark.parametrize("late", [0.05, 0.4])
def test_keyframe_whose_first_packet_was_lost(simulcast, late):
    """Recovered in time it starts the viewers, who get at once what had come behind it."""
    simulcast.order("q")
    simulcast.frames(key="qf", count=2)
    simulcast.order("f")
    sender = simulcast.layer["f"]
    made = sender.packets(key=True, count=3)
    for packet in made[1:]:
        simulcast.publisher.rtp(packet)
    simulcast.frames("f", count=round(late * 30))
    assert simulcast.marks == "q"
    sender.retransmit(sender.sequence - 3 - 3 * round(late * 30), [(MID, b"1"), (REPAIRED, b"f")])
    simulcast.frames("f", count=2)
    assert simulcast.marks == "qf"
    assert next(packet for packet in simulcast.got if packet.body[-1:] == b"f").vp8.keyframe
    simulcast.check_continuity()


def test_keyframe_recovered_long_after_its_time_starts_nobody(simulcast):
    simulcast.order("f")
    simulcast.frames(key="f")
    simulcast.order(None)
    simulcast.order("f")
    sender = simulcast.layer["f"]
    first = sender.sequence
    for packet in sender.packets(key=True, count=3)[1:]:
        simulcast.publisher.rtp(packet)
    for _ in range(60):
        sender.frame(count=3)
    seen = len(simulcast.got)
    sender.retransmit(first, [(MID, b"1"), (REPAIRED, b"f")])
    assert len(simulcast.got) == seen


def test_padding_and_unreadable_packets_are_left_out_of_what_is_caught_up(simulcast):
    simulcast.order("q")
    simulcast.frames(key="q")
    sender = simulcast.layer["q"]
    simulcast.order(None)
    simulcast.order("q")
    first = sender.sequence
    for packet in sender.packets(key=True, count=2)[1:]:
        simulcast.publisher.rtp(packet)
    sender.padding()
    broken = sender.packets(count=1)[0]
    header = parse_header(broken)
    simulcast.publisher.rtp(broken[: header.payload_offset] + b"\x90")
    sender.frame(count=1)
    sender.retransmit(first, [(MID, b"1"), (REPAIRED, b"q")])
    assert consecutive(simulcast.got)
    assert len(simulcast.got) == 4


def test_fc_a09_a_layer_is_left_out_and_another_comes_and_goes(simulcast):
    """Packets on q and f only; the viewer goes down and up; f stops and returns."""
    simulcast.order("f")
    simulcast.frames("qf", key="qf")
    simulcast.frames("qf", count=10)
    simulcast.order("q")
    simulcast.frames("qf", count=3)
    simulcast.frames("qf", key="q")
    simulcast.frames("qf", count=10)
    simulcast.order("f")
    simulcast.frames("qf", key="f")
    simulcast.frames("q", count=90)
    simulcast.order("q")
    simulcast.frames("q", key="q")
    simulcast.frames("q", count=5)
    simulcast.order("f")
    simulcast.frames("qf")
    simulcast.frames("qf", key="f")
    simulcast.frames("qf", count=5)
    assert simulcast.marks == "fqfqf"
    simulcast.check_continuity()


def test_a_source_that_begins_anew_under_another_ssrc(simulcast):
    """Another SSRC under the same RID: everything about the old numbering is forgotten."""
    simulcast.order("q")
    simulcast.frames("q", key="q", count=4)
    sender = simulcast.layer["q"]
    sender.ssrc, sender.sequence, sender.timestamp = 0x999, 10, 77
    sender.frame()
    wanted = simulcast.world.happened(KeyframeWanted)
    assert wanted == [KeyframeWanted(simulcast.source["q"], 0)]
    assert len(simulcast.got) == 4
    simulcast.frames("q", key="q")
    simulcast.frames("q", count=2)
    assert len(simulcast.got) == 7
    simulcast.check_continuity()


def test_sound_that_begins_anew_goes_on_at_once():
    world = World()
    publisher, viewer = world.peer(), world.peer()
    source = world.source(publisher, Kind.AUDIO, mid="0", ssrc=5)
    spec = world.subscription(viewer, Kind.AUDIO, source)
    sender = OpusSender(publisher, 5)
    sender.send()
    sender.ssrc, sender.sequence, sender.timestamp = 6, 3, 17
    world.now += 0.02
    sender.send(extensions=[(MID, b"0")])
    sender.send()
    assert len(viewer.of(spec.ssrc)) == 3
    assert consecutive(viewer.packets)


def test_clocks_of_layers_are_matched_by_sender_reports(simulcast):
    """Layers of one instant get one outgoing time stamp across a switch, whatever their own clocks say."""
    simulcast.order("q")
    simulcast.frames(key="qhf")
    for rid in "qf":
        sender = simulcast.layer[rid]
        stamp = (sender.timestamp - 3000) & 0xFFFFFFFF
        simulcast.publisher.control(pack_sender_report(sender.ssrc, to_ntp(1_700_000_000.0), stamp, 1, 1))
    simulcast.frames("q", count=2)
    before = simulcast.got[-1].timestamp
    simulcast.order("f")
    simulcast.world.now += 0.3  # late on the line, not in the camera
    simulcast.layer["f"].timestamp += 2 * 3000
    simulcast.layer["f"].frame(key=True, count=1)
    assert simulcast.got[-1].body[-1:] == b"f"
    assert (simulcast.got[-1].timestamp - before) & 0xFFFFFFFF == 3000
