"""Published tracks and their viewers: which layer goes to whom, and when a keyframe is asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from policy_harness import Stage

from media.ports import Kind
from media.sdp.types import EncodingInfo
from media.subscriptions import SubscriptionState


@pytest.fixture
def stage() -> Stage:
    return Stage()


def source(track, rid: str) -> int:
    return next(encoding.source for encoding in track.encodings if encoding.rid == rid)


def qualities(track) -> list[tuple[str, int]]:
    return [(encoding.rid, encoding.quality) for encoding in track.encodings]


def configure(stage: Stage, viewer, wanted=2, enabled=True) -> None:
    viewer.configure(enabled=enabled, wanted=wanted, priority=0, now=stage.now)


def test_negotiation_makes_a_source_of_each_encoding(stage):
    track = stage.track(rids="fhq")
    assert [(encoding.rid, encoding.quality) for encoding in track.encodings] == [
        ("q", 0),
        ("h", 1),
        ("f", 2),
    ]
    assert track.simulcast
    spec = stage.path.sources[source(track, "h")]
    assert (spec.rid, spec.mid, spec.transport, spec.rtx) == ("h", "1", 7, {97: 96})
    again = track.negotiated(track.section, 7, lambda: next(stage.numbers))
    assert again == [], "a second offer brings nothing new"


def test_names_of_layers_that_are_not_livekits_count_in_order(stage):
    track = stage.track(rids="xyz")
    assert [(encoding.rid, encoding.quality) for encoding in track.encodings] == [
        ("x", 0),
        ("y", 1),
        ("z", 2),
    ]
    assert stage.track(rids="").encodings[0].quality == 2


def test_started_tells_the_codec_once_and_a_change_of_it(stage):
    track = stage.track()
    stage.start(track)
    stage.start(track)
    assert stage.started == ["video/vp8"]
    track.source_started(source(track, "q"), "video/vp9", stage.now)
    assert stage.started == ["video/vp8", "video/vp9"]
    assert track.codecs == ("video/vp8",), "what was not negotiated is not offered"


def test_codecs_name_the_one_in_use_first(stage):
    track = stage.track(Kind.AUDIO, rids="")
    assert track.codecs == ("audio/opus", "audio/red")
    track.source_started(track.encodings[0].source, "audio/red", stage.now)
    assert track.codecs == ("audio/red", "audio/opus")


def test_a_viewer_gets_what_it_wants_at_once(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    assert stage.path.take() == [
        ("switch", viewer.number, source(track, "f")),
        ("keyframe", source(track, "f")),
    ]
    assert stage.path.subscriptions[viewer.number].rtx_ssrc == viewer.rtx_ssrc


@pytest.mark.parametrize(
    ("wanted", "rid"),
    [(0, "q"), (1, "h"), (2, "f"), ((300, 180), "q"), ((640, 360), "h"), ((1920, 1080), "f")],
)
def test_settings_choose_the_layer(stage, wanted, rid):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    configure(stage, viewer, wanted)
    assert viewer.wanted_source == source(track, rid)
    assert viewer.wanted_quality == "qhf".index(rid)


def test_nothing_flows_before_acceptance_and_connection(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track, connected=False, accept=False)
    assert stage.path.take() == []
    viewer.accepted(stage.answer(viewer), stage.now)
    assert stage.path.take() == [], "a keyframe asked for now would be lost"
    viewer.set_connected(True, stage.now)
    assert len(stage.path.take()) == 2
    viewer.accepted(stage.answer(viewer), stage.now)
    assert stage.path.take() == []


def test_a_refusal_ends_the_wish(stage):
    track = stage.track()
    viewer = stage.watch(track, accept=False)
    viewer.accepted(stage.answer(viewer, payload_types={}), stage.now)
    assert viewer.state is SubscriptionState.REFUSED
    stage.start(track)
    assert stage.path.take() == []
    viewer.close()
    assert stage.path.subscriptions == {}
    assert track.subscriptions == set()


def test_no_rtx_in_the_answer_means_no_rtx_stream(stage):
    track = stage.track()
    viewer = stage.watch(track, accept=False)
    viewer.accepted(stage.answer(viewer, rtx={}), stage.now)
    assert stage.path.subscriptions[viewer.number].rtx_ssrc is None


def test_many_late_joiners_are_one_request(stage):
    track = stage.track()
    stage.start(track)
    for _ in range(50):
        stage.watch(track)
    assert stage.path.take("keyframe") == [("keyframe", source(track, "f"))]
    stage.keyframe(track, 2)
    stage.tick(track, seconds=4.0)
    assert stage.path.take("keyframe") == []


def test_unanswered_requests_are_repeated_and_answered_ones_are_not(stage):
    track = stage.track()
    stage.start(track)
    stage.watch(track)
    stage.path.take()
    stage.tick(track, seconds=6.0)
    repeats = stage.path.take("keyframe")
    assert 3 <= len(repeats) <= 12
    assert set(repeats) == {("keyframe", source(track, "f"))}
    stage.keyframe(track, 2)
    stage.tick(track, seconds=6.0)
    assert stage.path.take("keyframe") == []


def test_who_leaves_is_waited_for_no_more(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    viewer.close()
    viewer.close()
    stage.path.take()
    stage.keyframe(track, 2)
    stage.tick(track, seconds=3.0)
    assert stage.path.take() == []


def test_an_unanswered_request_ends_with_the_last_who_wanted_it(stage):
    """A layer that nobody watches is not asked for ever: its sender may have stopped it."""
    track = stage.track()
    stage.start(track)
    viewer, other = stage.watch(track), stage.watch(track)
    configure(stage, other, 0)
    configure(stage, viewer, 1)
    stage.keyframe(track, 0)
    stage.keyframe(track, 1)
    stage.path.take()
    stage.tick(track, seconds=6.0)
    assert stage.path.take("keyframe") == []


def test_nobody_is_asked_for_keyframes_while_muted(stage):
    track = stage.track()
    stage.start(track)
    track.set_muted(True, stage.now)
    viewer = stage.watch(track)
    stage.path.take()
    stage.tick(track, seconds=6.0)
    track.want_keyframe(viewer.wanted_source, stage.now)
    assert stage.path.take("keyframe") == []
    track.set_muted(False, stage.now)
    assert stage.path.take("keyframe") == [("keyframe", viewer.wanted_source)]
    stage.tick(track, seconds=3.0)
    assert stage.path.take("keyframe"), "and repeated as ever"


def test_a_keyframe_that_did_not_reach_the_viewer_is_asked_for_again(stage):
    """A keyframe counts as an answer; who still waits after it asks anew."""
    track = stage.track()
    stage.start(track)
    stage.watch(track)
    stage.path.stats[source(track, "f")].keyframes += 1  # its start was lost for this viewer
    stage.path.take()
    stage.tick(track, seconds=1.0)
    assert stage.path.take("keyframe")


def test_fc_a09_a_layer_that_never_comes_is_replaced_at_once(stage):
    track = stage.track()
    stage.start(track, "qf")
    viewer = stage.watch(track)
    stage.keyframe(track, 2)
    configure(stage, viewer, 1)
    assert viewer.wanted_source == source(track, "q")
    stage.keyframe(track, 0)
    configure(stage, viewer, 2)
    assert viewer.wanted_source == source(track, "f")
    assert stage.path.take("switch")


def test_fc_a09_a_layer_that_falls_silent_and_returns(stage):
    """Down when f stops, and back within two seconds of its return, without a wish of the viewer."""
    track = stage.track()
    stage.start(track, "qf")
    viewer = stage.watch(track)
    stage.keyframe(track, 2)
    stage.path.take()
    track.source_idle(source(track, "f"), stage.now)
    assert stage.path.take() == [
        ("switch", viewer.number, source(track, "q")),
        ("keyframe", source(track, "q")),
    ]
    stage.keyframe(track, 0)
    stage.tick(track, seconds=3.0)
    returned = stage.now
    stage.start(track, "f")
    stage.tick(track, seconds=1.0)
    orders = stage.path.take()
    assert ("switch", viewer.number, source(track, "f")) in orders
    assert ("keyframe", source(track, "f")) in orders
    stage.keyframe(track, 2)
    assert viewer.source == source(track, "f")
    assert stage.now - returned < 2.0


def test_when_all_layers_are_silent_the_choice_stays(stage):
    """A muted or frozen sender is no reason to run through its layers."""
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    for rid in "qhf":
        track.source_idle(source(track, rid), stage.now)
    assert viewer.wanted_source == source(track, "f")
    stage.path.take()
    stage.start(track, "q")
    assert viewer.wanted_source == source(track, "q"), "the first that is back"
    stage.start(track, "f")
    assert viewer.wanted_source == source(track, "f")


def test_mute_stops_copying_and_unmute_asks_the_layers_that_are_watched(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    configure(stage, viewer, 0)
    stage.keyframe(track, 0)
    stage.path.take()
    track.set_muted(True, stage.now)
    assert set(stage.path.forwarding.values()) == {False}
    assert stage.path.take() == []
    stage.now += 5
    track.set_muted(False, stage.now)
    assert set(stage.path.forwarding.values()) == {True}
    assert stage.path.take() == [("keyframe", source(track, "q"))]


def test_fc_a19_published_while_muted_is_not_copied(stage):
    track = stage.track(muted=True)
    assert set(stage.path.forwarding.values()) == {False}
    track.set_muted(False, stage.now)
    assert set(stage.path.forwarding.values()) == {True}


def test_sound_has_one_encoding_and_no_keyframes(stage):
    track = stage.track(Kind.AUDIO, rids="")
    stage.start(track)
    viewer = stage.watch(track)
    only = track.encodings[0].source
    assert stage.path.take() == [("switch", viewer.number, only)]
    track.set_muted(True, stage.now)
    track.set_muted(False, stage.now)
    viewer.allow(None, stage.now)
    assert viewer.wanted_source == only, "sound is never paused"
    stage.tick(track, seconds=20)
    assert stage.path.take() == []
    assert stage.demands == [], "dynacast is for pictures"


def test_switched_off_and_on(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    stage.keyframe(track, 2)
    stage.path.take()
    configure(stage, viewer, enabled=False)
    assert stage.path.take() == [("switch", viewer.number, None)]
    assert viewer.wanted_quality is None
    stage.now += 1
    configure(stage, viewer)
    assert [order[0] for order in stage.path.take()] == ["switch", "keyframe"]


def test_back_to_the_source_that_still_feeds_needs_no_keyframe(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    stage.keyframe(track, 2)
    configure(stage, viewer, 0)
    stage.path.take()
    configure(stage, viewer, 2)
    assert stage.path.take() == [("switch", viewer.number, source(track, "f"))]


def test_the_line_pauses_and_resumes_and_says_so_once(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    for allowed in (2, 1, None, None, 0, 2):
        viewer.allow(allowed, stage.now)
    assert stage.paused == [(viewer.number, True), (viewer.number, False)]
    targets = [order[2] for order in stage.path.take("switch")]
    assert targets == [source(track, "f"), source(track, "h"), None, source(track, "q"), source(track, "f")]


def test_the_line_and_the_wish_both_limit(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    viewer.allow(0, stage.now)
    configure(stage, viewer, 2)
    assert viewer.wanted_source == source(track, "q")
    viewer.allow(2, stage.now)
    configure(stage, viewer, 1)
    assert viewer.wanted_source == source(track, "h")


def test_dynacast_tells_what_is_watched(stage):
    track = stage.track()
    stage.start(track)
    stage.tick(track)
    assert stage.demands == [[(0, True), (1, True), (2, True)]]
    viewer = stage.watch(track)
    configure(stage, viewer, 0)
    stage.tick(track, seconds=16)
    assert stage.demands[-1] == [(0, True), (1, False), (2, False)]
    configure(stage, viewer, 2)
    stage.tick(track)
    assert stage.demands[-1] == [(0, True), (1, True), (2, True)], "more is told at once"
    viewer.close()
    stage.tick(track, seconds=16)
    assert stage.demands[-1] == [(0, False), (1, False), (2, False)]


def test_bitrates_are_measured(stage):
    track = stage.track()
    stage.start(track)
    stage.tick(track, seconds=1.0)
    for _ in range(50):
        stage.path.stats[source(track, "h")].bytes += 20_000
        stage.tick(track)
    layers = track.layers()
    assert layers[1].bitrate == pytest.approx(800_000, rel=0.05)
    assert layers[0].bitrate == 150_000, "what is not measured is as announced"


def test_a_source_that_is_gone_is_chosen_anew(stage):
    track = stage.track()
    stage.start(track)
    viewer = stage.watch(track)
    stage.keyframe(track, 2)
    sources = track.close()
    for number in sources:
        viewer.source_gone(number, stage.now)
    assert (viewer.source, viewer.wanted_source) == (None, None)
    assert stage.path.sources == {}
    assert track.closed
    assert track.close() == []


def test_reports_are_kept_with_the_last_known_round_trip(stage):
    viewer = stage.watch(stage.track())
    viewer.reported(0.1, 0.02, 0.05)
    viewer.reported(0.2, 0.03, None)
    assert (viewer.fraction_lost, viewer.jitter, viewer.rtt) == (0.2, 0.03, 0.05)


def test_encodings_that_come_later_are_added(stage):
    track = stage.track(rids="qh")
    wider = replace(track.section, encodings=tuple(EncodingInfo(rid, None, None) for rid in "qhf"))
    assert len(track.negotiated(wider, 7, lambda: next(stage.numbers))) == 1
    assert qualities(track) == [("q", 0), ("h", 1), ("f", 2)]
