"""Choice of the simulcast layer, and which layers are alive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.streams.layers import LayerInfo, choose_layer, preference, quality_for_size
from media.streams.video_quality import VideoQuality

LOW, MEDIUM, HIGH, OFF = VideoQuality

HD = (
    LayerInfo(LOW, 320, 180, 150_000),
    LayerInfo(MEDIUM, 640, 360, 500_000),
    LayerInfo(HIGH, 1280, 720, 1_700_000),
)


def alive(*qualities: int) -> list[LayerInfo]:
    return [
        LayerInfo(layer.quality, layer.width, layer.height, layer.bitrate, layer.quality in qualities)
        for layer in HD
    ]


@pytest.mark.parametrize(
    ("track", "size", "quality"),
    [
        ((1080, 720), (120, 120), LOW),
        ((1080, 720), (300, 200), LOW),
        ((1080, 720), (200, 250), MEDIUM),
        ((1080, 720), (700, 480), HIGH),
        ((1080, 720), (500, 1000), HIGH),
        ((540, 960), (200, 400), LOW),
        ((540, 960), (400, 400), MEDIUM),
        ((540, 960), (400, 700), MEDIUM),
        ((540, 960), (600, 900), HIGH),
        ((0, 0), (10, 10), HIGH),
    ],
)
def test_size_without_announced_layers(
    track: tuple[int, int], size: tuple[int, int], quality: VideoQuality
) -> None:
    assert quality_for_size([], *size, track_size=track) == quality
    unsized = [LayerInfo(LOW), LayerInfo(MEDIUM), LayerInfo(HIGH)]
    assert quality_for_size(unsized, *size, track_size=track) == quality


@pytest.mark.parametrize(
    ("heights", "size", "quality"),
    [
        ((270, 540, 720), (120, 120), LOW),
        ((270, 540, 720), (300, 300), LOW),
        ((270, 540, 720), (800, 500), MEDIUM),
        ((270, 540, 720), (1000, 700), HIGH),
        ((270, 540, 720), (9999, 9999), HIGH),
        ((270, 540, 720), (0, 0), LOW),
        # Of two layers of one size the higher is taken.
        ((270, 720, 720), (300, 300), LOW),
        ((270, 720, 720), (800, 500), HIGH),
        ((270, 270, 720), (120, 120), MEDIUM),
        ((720, 720, 720), (120, 120), HIGH),
        # A tenth is forgiven.
        ((180, 360, 720), (640, 400), MEDIUM),
        ((180, 360, 720), (640, 403), HIGH),
    ],
)
def test_size_with_announced_layers(
    heights: tuple[int, ...], size: tuple[int, int], quality: VideoQuality
) -> None:
    layers = [LayerInfo(index, height * 16 // 9, height) for index, height in enumerate(heights)]
    assert quality_for_size(layers, *size) == quality
    assert quality_for_size(layers[::-1], *size) == quality


def test_a_size_names_a_layer_that_was_announced() -> None:
    layers = [LayerInfo(LOW, 320, 180), LayerInfo(HIGH, 1280, 720)]
    assert quality_for_size(layers, 640, 360) == HIGH


@pytest.mark.parametrize(
    ("active", "wanted", "chosen"),
    [
        ((LOW, MEDIUM, HIGH), HIGH, HIGH),
        ((LOW, MEDIUM, HIGH), MEDIUM, MEDIUM),
        ((LOW, MEDIUM, HIGH), LOW, LOW),
        ((LOW, HIGH), MEDIUM, LOW),
        ((HIGH,), MEDIUM, HIGH),
        ((HIGH,), LOW, HIGH),
        ((MEDIUM, HIGH), LOW, MEDIUM),
        ((LOW,), HIGH, LOW),
        ((LOW, MEDIUM), HIGH, MEDIUM),
        ((), HIGH, None),
        ((LOW, MEDIUM, HIGH), OFF, None),
        ((LOW, MEDIUM, HIGH), None, None),
        ((LOW, MEDIUM, HIGH), -1, None),
        ((LOW, MEDIUM, HIGH), (640, 360), MEDIUM),
        ((LOW, HIGH), (640, 360), LOW),
        ((LOW, MEDIUM, HIGH), (100, 100), LOW),
    ],
)
def test_choice(active: tuple[int, ...], wanted: int | tuple[int, int] | None, chosen: int | None) -> None:
    assert choose_layer(alive(*active), wanted) == chosen


@pytest.mark.parametrize(
    ("limit", "chosen"),
    [(5_000_000, HIGH), (1_700_000, HIGH), (1_699_999, MEDIUM), (200_000, LOW), (100_000, None), (0, None)],
)
def test_choice_under_a_limit(limit: float, chosen: int | None) -> None:
    assert choose_layer(HD, HIGH, limit) == chosen


def test_an_unknown_bitrate_passes_every_limit() -> None:
    assert choose_layer([LayerInfo(HIGH, 1280, 720)], HIGH, 1.0) == HIGH


layer_sets = st.lists(
    st.builds(
        LayerInfo,
        st.integers(0, 2),
        st.integers(0, 4000),
        st.integers(0, 4000),
        st.integers(0, 5_000_000),
        st.booleans(),
    ),
    max_size=3,
    unique_by=lambda layer: layer.quality,
)
wishes = st.one_of(st.none(), st.integers(-2, 5), st.tuples(st.integers(0, 5000), st.integers(0, 5000)))


@given(layer_sets, wishes, st.one_of(st.none(), st.floats(0, 6e6)))
def test_the_chosen_layer_is_alive_and_within_the_limit(
    layers: list[LayerInfo], wanted: int | tuple[int, int] | None, limit: float | None
) -> None:
    chosen = choose_layer(layers, wanted, limit)
    usable = [layer for layer in layers if layer.active and (limit is None or layer.bitrate <= limit)]
    if chosen is None:
        assert not usable or wanted is None or (isinstance(wanted, int) and wanted not in (0, 1, 2))
    else:
        assert chosen in [layer.quality for layer in usable]


@given(layer_sets, st.integers(0, 5000), st.integers(0, 5000), st.integers(0, 500))
def test_more_pixels_never_mean_a_lower_quality(
    layers: list[LayerInfo], width: int, height: int, more: int
) -> None:
    by_size = sorted(layers, key=lambda layer: layer.height)
    ordered = [LayerInfo(index, layer.width, layer.height) for index, layer in enumerate(by_size)]
    assert quality_for_size(ordered, width, height) <= quality_for_size(ordered, width, height + more)


@pytest.mark.parametrize(("wanted", "order"), [(0, (0, 1, 2)), (1, (1, 0, 2)), (2, (2, 1, 0))])
def test_preference_names_each_layer_once(wanted: int, order: tuple[int, ...]) -> None:
    assert preference(wanted) == order
