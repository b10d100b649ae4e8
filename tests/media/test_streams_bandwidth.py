"""Estimate, allocation and probing against a modelled line and a modelled receiver."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.ports import Kind
from media.streams.allocator import Demand, Option, total_bitrate
from media.streams.bandwidth import Bandwidth

K = 1000
SIMULCAST = (Option(0, 150 * K), Option(1, 500 * K), Option(2, 1700 * K))
TICK = 0.25


def sound(subscription: int = 99) -> Demand:
    return Demand(subscription, Kind.AUDIO, (Option(0, 30 * K),), 0)


def camera(subscription: int, wanted: int | None = 2) -> Demand:
    return Demand(subscription, Kind.VIDEO, SIMULCAST, wanted)


@dataclass
class Line:
    """A line of some capacity and a receiver that estimates as libwebrtc does, roughly.

    While the line is over-full the REMB is 85 % of what arrives; else it grows
    by 8 % a second, up to one and a half times what arrives. A line without
    ``remb`` tells of its loss only, of which up to a tenth is passed over.
    """

    capacity: float
    remb: bool = True
    ambient: float = 0.0
    lossy: bool = True
    bandwidth: Bandwidth = field(default_factory=Bandwidth)
    now: float = 0.0
    estimate: float = 300.0 * K
    overfull: float = 0.0
    layers: dict[int, int | None] = field(default_factory=dict)
    history: list[dict[int, int | None]] = field(default_factory=list)

    def run(self, demands: list[Demand], seconds: float) -> None:
        self.overfull = 0.0
        self.history = []
        for tick in range(round(seconds / TICK)):
            self.now += TICK
            choices = self.bandwidth.update(demands, self.now)
            self.layers = {subscription: choice.layer for subscription, choice in choices.items()}
            self.history.append(self.layers)
            sending = float(total_bitrate(demands, choices))
            self.bandwidth.sent(sending, self.now)
            received = min(sending, self.capacity) * (1.0 - self.ambient)
            if sending > self.capacity:
                self.overfull += TICK * (self.remb or sending * 0.9 > self.capacity)
                self.estimate = min(self.estimate, 0.85 * received)
            else:
                self.estimate = max(
                    min(self.estimate, received), min(self.estimate * 1.08**TICK, 1.5 * received + 10 * K)
                )
            if tick % 4 == 3:
                if self.remb and received:
                    self.bandwidth.remb(self.estimate, self.now)
                congestion = max(0.0, 1.0 - self.capacity / sending) if sending and self.lossy else 0.0
                self.bandwidth.loss(1.0 - (1.0 - congestion) * (1.0 - self.ambient), self.now)


@pytest.mark.parametrize("picture", [5 * K, 20 * K, 200 * K])
def test_a_remb_without_the_sound_is_no_congestion(picture: float) -> None:
    """What Chromium says while a dark picture and a clear voice go through: hardly more than the picture."""
    bandwidth = Bandwidth()
    demands = [sound(), camera(1, 0)]
    for tick in range(200):
        now = tick * 0.25
        bandwidth.sent(picture + 45 * K, now, sound=45 * K)
        bandwidth.remb(picture * 0.97, now)
        choices = bandwidth.update(demands, now)
        assert not choices[1].paused
    assert bandwidth.estimate.congested_at is None


def test_a_remb_below_the_pictures_is_congestion_beside_sound_too() -> None:
    bandwidth = Bandwidth()
    for tick in range(20):
        bandwidth.sent(545 * K, tick * 0.25, sound=45 * K)
        bandwidth.remb(300 * K, tick * 0.25)
    assert bandwidth.estimate.congested_at is not None
    assert bandwidth.estimate.value(5.0) == 345 * K


def test_nine_new_pictures_on_a_good_line_are_all_there_at_once() -> None:
    """A REMB that was small because little was sent keeps nobody waiting."""
    line = Line(100_000 * K)
    line.run([sound(), camera(1, 0)], 20.0)
    demands = [sound(), *(camera(number, 0) for number in range(1, 10))]
    line.run(demands, 20.0)
    assert all(None not in layers.values() for layers in line.history)


def test_a_good_line_is_never_limited() -> None:
    line = Line(100_000 * K)
    line.run([sound(), *(camera(number) for number in range(1, 6))], 60.0)
    assert all(set(layers.values()) == {0, 2} for layers in line.history)


@pytest.mark.parametrize("remb", [True, False])
@pytest.mark.parametrize("capacity", [250 * K, 700 * K, 1000 * K, 2500 * K])
def test_a_thin_line_is_filled_and_seldom_over_full(capacity: int, remb: bool) -> None:
    demands = [sound(), camera(1), camera(2), camera(3)]
    line = Line(capacity, remb)
    line.run(demands, 5.0)
    assert line.overfull <= 4.0
    line.run(demands, 300.0)
    assert line.overfull <= 30.0
    shown = sum(layers[1] is not None for layers in line.history)
    assert shown >= 0.95 * len(line.history)
    used = sum(
        sum(SIMULCAST[layer].bitrate for key, layer in layers.items() if layer is not None and key != 99)
        for layers in line.history
    ) / len(line.history)
    assert used >= 0.4 * capacity


def test_buffering_without_loss_is_noticed_by_the_remb() -> None:
    line = Line(400 * K, lossy=False)
    demands = [sound(), camera(1), camera(2)]
    line.run(demands, 10.0)
    assert line.overfull <= 5.0
    line.run(demands, 120.0)
    assert line.overfull <= 15.0


@pytest.mark.parametrize("remb", [True, False])
def test_a_line_that_recovers_is_used_again(remb: bool) -> None:
    demands = [sound(), camera(1), camera(2)]
    line = Line(250 * K, remb)
    line.run(demands, 60.0)
    assert line.layers[2] is None or line.layers[1] == 0
    line.capacity = 20_000 * K
    line.run(demands, 120.0)
    assert line.layers == {99: 0, 1: 2, 2: 2}


def test_sound_goes_on_whatever_happens() -> None:
    line = Line(10 * K)
    line.run([sound(), camera(1), camera(2)], 120.0)
    assert all(layers[99] == 0 for layers in line.history)
    assert line.overfull == 120.0


@pytest.mark.parametrize("ambient", [0.02, 0.05, 0.09])
def test_moderate_loss_is_no_congestion(ambient: float) -> None:
    line = Line(100_000 * K, ambient=ambient)
    line.run([sound(), camera(1), camera(2)], 60.0)
    assert all(layers == {99: 0, 1: 2, 2: 2} for layers in line.history)


@pytest.mark.parametrize("ambient", [0.15, 0.2, 0.3])
def test_heavy_loss_that_does_not_depend_on_us_does_not_end_the_picture(ambient: float) -> None:
    line = Line(100_000 * K, ambient=ambient)
    demands = [sound(), camera(1), camera(2)]
    line.run(demands, 60.0)
    line.run(demands, 60.0)
    assert all(layers == {99: 0, 1: 2, 2: 2} for layers in line.history)


def test_a_large_screen_that_cannot_fit_does_not_stop_the_cameras_from_rising() -> None:
    screen = Demand(7, Kind.VIDEO, (Option(2, 4000 * K),), 2, screen=True)
    line = Line(1500 * K)
    line.run([sound(), screen, camera(1)], 180.0)
    assert line.layers[1] == 1


def test_an_old_limit_fades_while_all_are_content() -> None:
    line = Line(250 * K)
    line.run([sound(), camera(1)], 30.0)
    line.capacity = 50_000 * K
    line.run([sound(), camera(1, 0)], 240.0)
    assert line.bandwidth.estimate.value(line.now) is None
    line.run([sound(), *(camera(number) for number in range(1, 6))], 1.0)
    assert line.layers == {99: 0, **dict.fromkeys(range(1, 6), 2)}


def test_a_recent_limit_still_holds_when_more_is_asked_for() -> None:
    line = Line(400 * K)
    line.run([sound(), camera(1)], 30.0)
    line.run([sound(), camera(1, 0)], 12.0)
    line.run([sound(), *(camera(number) for number in range(1, 10))], 2.0)
    assert line.overfull <= 1.0


reports = st.lists(
    st.tuples(
        st.floats(0.0, 2.0),
        st.sampled_from(["remb", "loss", "sent", "update"]),
        st.floats(allow_nan=False, min_value=-1e12, max_value=1e12),
        st.integers(0, 3),
    ),
    max_size=60,
)


@settings(max_examples=60)
@given(reports)
def test_no_report_whatever_takes_the_sound(script: list[tuple[float, str, float, int]]) -> None:
    bandwidth = Bandwidth()
    now = 0.0
    for wait, what, value, count in script:
        now += wait
        if what == "remb":
            bandwidth.remb(value, now)
        elif what == "loss":
            bandwidth.loss(value, now)
        elif what == "sent":
            bandwidth.sent(value, now)
        demands = [sound(), *(camera(number) for number in range(count))]
        choices = bandwidth.update(demands, now)
        assert choices.keys() == {demand.subscription for demand in demands}
        assert choices[99].layer == 0
