"""Generated pictures and sound: whose they are, what they cost nobody, and that they begin together."""

from __future__ import annotations

import asyncio
import itertools
import unicodedata
from collections.abc import Callable

import av
import pytest
from judges import as_samples, brightness, dominant_colour, dominant_frequency, nearest_colour, onsets, rms

from media.ports import Kind
from signaling.client.encoders import OpusDecoder, VideoDecoder, VideoEncoder
from signaling.client.lettering import ASCENT, bitmap
from signaling.client.lipsync import LENGTH, PERIOD, BeepMicrophone, FlashCamera
from signaling.client.looped import LoopedCamera, LoopedMicrophone, LoopSpec
from signaling.client.picture import Painter, PictureSpec, clock_text, site_colour
from signaling.client.sources import SILENCE, EncodedFrame, Layer, Media, MediaSource
from signaling.client.strokes import strokes_of
from signaling.client.synthetic import SyntheticCamera, SyntheticMicrophone
from signaling.client.tone import QUIET, Tone, ToneSpec, level_of, site_frequency

VIETNAMESE = "aăâeêioôơuưyđbcdghkmnpqrstvxAĂÂEÊIOÔƠUƯYĐ"
TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
SMALL = (Layer("q", 160, 90, 60_000), Layer("h", 320, 180, 150_000))


def test_every_vietnamese_letter_is_drawn_and_no_two_alike() -> None:
    vowels = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY"
    letters = [vowel + tone for vowel in vowels for tone in TONES] + list(VIETNAMESE)

    composed = sorted({unicodedata.normalize("NFC", letter) for letter in letters})
    assert all(len(letter) == 1 for letter in composed)
    drawn = {bitmap(letter, 2.5).rows for letter in composed}
    assert len(drawn) == len(composed)
    frame = strokes_of("\u4e00")[1]
    assert all(strokes_of(letter)[1] != frame for letter in composed)


def test_two_marks_on_a_capital_fit_the_bitmap() -> None:
    for letter in "ẾỀỄỂẤẴỖ":
        highest = max(y for stroke in strokes_of(letter)[1] for _, y in stroke)
        assert highest + 0.7 < ASCENT


def test_six_sites_have_colours_that_are_told_apart_after_encoding() -> None:
    colours = [site_colour(index) for index in range(6)]
    for index, colour in enumerate(colours):
        painter = Painter(PictureSpec(colour, ("Phường Phúc Xá", "Quận Ba Đình")), 320, 180)
        encoder = VideoEncoder("video/vp8", 320, 180, 15, 150_000)
        data, keyframe = encoder.encode(painter.paint(0.5, "09:08:07"), 1, False)
        assert keyframe
        (picture,) = VideoDecoder("video/vp8").decode(data)
        assert nearest_colour(dominant_colour(picture), colours) == index


@pytest.mark.parametrize("codec", ["video/vp8", "video/h264"])
def test_a_keyframe_comes_first_and_when_it_is_asked_for(codec: str) -> None:
    painter = Painter(PictureSpec((200, 40, 40)), 160, 90)
    encoder = VideoEncoder(codec, 160, 90, 15, 60_000)
    decoder = VideoDecoder(codec)
    keyframes = []
    for number in range(12):
        data, keyframe = encoder.encode(painter.paint(number / 15, "1"), number * 6000, number == 7)
        keyframes.append(keyframe)
        assert len(decoder.decode(data)) == 1
    assert [number for number, keyframe in enumerate(keyframes) if keyframe] == [0, 7]


def test_text_that_leaves_the_picture_is_cut_off() -> None:
    spec = PictureSpec((10, 10, 10), ("W" * 200, "W" * 200, "x", "y", "z", "w", "v"))
    assert len(Painter(spec, 160, 90).paint(1.0, "00:00:00:00:00").y) == 160 * 90


@pytest.mark.parametrize(
    ("wall", "text"), [(0, "07:00:00"), (17 * 3600 - 1, "23:59:59"), (17 * 3600, "00:00:00")]
)
def test_the_clock_is_hanois(wall: float, text: str) -> None:
    assert clock_text(wall) == text


def test_the_tone_has_its_frequency_and_its_silences() -> None:
    tone = Tone(ToneSpec(site_frequency(3), amplitude=0.2, sound=0.5, silence=0.3))
    frames = [tone.frame(number) for number in range(80)]
    sound = b"".join(samples for samples, _ in frames[1:24])
    assert dominant_frequency(sound)[0] == pytest.approx(500, abs=3)
    assert [samples == QUIET for samples, _ in frames] == ([False] * 25 + [True] * 15) * 2
    assert {level for samples, level in frames if samples == QUIET} == {SILENCE}


def test_every_edge_of_the_tone_is_faded() -> None:

    tone = Tone(ToneSpec(500, amplitude=0.5, sound=0.2, silence=0.2))
    sound = as_samples(b"".join(tone.frame(number)[0] for number in range(40)))
    assert max(abs(int(b) - int(a)) for a, b in itertools.pairwise(sound)) < 1200


@pytest.mark.parametrize(("amplitude", "level"), [(0.0, 127), (1.0, 3), (0.1, 23), (0.001, 63)])
def test_levels(amplitude: float, level: int) -> None:
    assert level_of(amplitude) == level


async def collect(source: MediaSource, enough: Callable[[list[EncodedFrame]], bool]) -> list[EncodedFrame]:
    frames: list[EncodedFrame] = []
    done = asyncio.Event()

    def push(media: Media) -> None:
        assert isinstance(media, EncodedFrame)
        frames.append(media)
        if enough(frames):
            done.set()

    source.start(push)
    async with asyncio.timeout(30):
        await done.wait()
    await source.stop()
    count = len(frames)
    await asyncio.sleep(0)
    assert len(frames) == count
    return frames


@pytest.mark.parametrize("looped", [False, True])
async def test_a_camera_sends_each_layer_with_one_clock(looped: bool) -> None:
    picture = PictureSpec((40, 40, 200), ("Xã A",))
    camera: MediaSource = (
        LoopedCamera(LoopSpec(picture, SMALL, fps=30))
        if looped
        else SyntheticCamera(picture, layers=SMALL, fps=30)
    )
    frames = await collect(camera, lambda found: len(found) >= 20)
    by_rid = {rid: [frame for frame in frames if frame.rid == rid] for rid in ("q", "h")}
    assert [frame.timestamp for frame in by_rid["q"]][:9] == [frame.timestamp for frame in by_rid["h"]][:9]
    for rid, width in (("q", 160), ("h", 320)):
        decoder = VideoDecoder("video/vp8")
        pictures = [picture for frame in by_rid[rid] for picture in decoder.decode(frame.data)]
        assert {picture.width for picture in pictures} == {width}
        assert decoder.errors == 0
        assert nearest_colour(dominant_colour(pictures[-1]), [(40, 40, 200)]) == 0
    first = frames[0]
    assert first.timestamp == round(first.captured_at * 90_000) & 0xFFFFFFFF


@pytest.mark.parametrize("looped", [False, True])
async def test_a_keyframe_request_is_answered_at_the_next_frame_of_that_layer(looped: bool) -> None:
    picture = PictureSpec((40, 40, 200))
    camera: MediaSource = (
        LoopedCamera(LoopSpec(picture, SMALL, fps=30))
        if looped
        else SyntheticCamera(picture, layers=SMALL, fps=30)
    )

    def enough(frames: list[EncodedFrame]) -> bool:
        if len(frames) == 10:
            camera.request_keyframe("q")
        return len(frames) >= 16

    frames = await collect(camera, enough)
    later = [frame.rid for frame in frames[10:] if frame.keyframe]
    assert later == ["q"]
    # What is in the encoder's thread already when the request comes may go out before.
    assert any(frame.keyframe for frame in frames[10:14])


@pytest.mark.parametrize("looped", [False, True])
async def test_a_layer_that_nobody_watches_is_left_out_and_returns_with_a_keyframe(looped: bool) -> None:
    picture = PictureSpec((40, 40, 200))
    camera: MediaSource = (
        LoopedCamera(LoopSpec(picture, SMALL, fps=30))
        if looped
        else SyntheticCamera(picture, layers=SMALL, fps=30)
    )

    def enough(frames: list[EncodedFrame]) -> bool:
        if len(frames) == 6:
            camera.enable(frozenset({"q"}))
        if len(frames) == 14:
            camera.enable(frozenset({"q", "h"}))
        return len(frames) >= 22

    frames = await collect(camera, enough)
    assert {frame.rid for frame in frames[8:14]} == {"q"}
    back = next(frame for frame in frames[14:] if frame.rid == "h")
    assert back.keyframe


@pytest.mark.parametrize("looped", [False, True])
async def test_a_microphone_sounds_and_saves_packets_in_silence(looped: bool) -> None:
    spec = ToneSpec(700, amplitude=0.3, sound=0.4, silence=0.6)
    microphone: MediaSource = LoopedMicrophone(spec) if looped else SyntheticMicrophone(spec)
    frames = await collect(microphone, lambda found: found[-1].captured_at - found[0].captured_at > 1.9)
    span = round((frames[-1].captured_at - frames[0].captured_at) * 50)
    assert len(frames) < 0.8 * span
    assert all((b.timestamp - a.timestamp) % 960 == 0 for a, b in itertools.pairwise(frames))
    loud = [frame for frame in frames if frame.level < SILENCE]
    decoder = OpusDecoder()
    run = b"".join(decoder.decode(frame.data) for frame in loud[2:18])
    assert rms(run) > 2000
    assert dominant_frequency(run)[0] == pytest.approx(700, abs=10)


async def test_a_keyframe_request_before_the_recording_does_no_harm() -> None:
    camera = LoopedCamera(LoopSpec(PictureSpec((1, 2, 3)), SMALL))
    camera.request_keyframe("q")
    camera.request_keyframe("nonsense")


async def test_flash_and_beep_begin_in_one_instant() -> None:
    camera, microphone = FlashCamera(), BeepMicrophone()
    pictures, sound = await asyncio.gather(
        collect(camera, lambda found: found[-1].captured_at - found[0].captured_at > 2.2),
        collect(microphone, lambda found: found[-1].captured_at - found[0].captured_at > 2.2),
    )
    video, audio = VideoDecoder("video/vp8"), OpusDecoder()
    light = [(f.captured_at, brightness(p)) for f in pictures for p in video.decode(f.data)]
    loud = [(f.captured_at, rms(audio.decode(f.data))) for f in sound]
    flashes, beeps = onsets(light, 120)[-2:], onsets(loud, 1000)[-2:]
    assert len(flashes) == 2
    for flash, beep in zip(flashes, beeps, strict=True):
        assert abs(flash - beep) <= 0.02
        assert (flash + 1e-4) % PERIOD < LENGTH / 2
    assert camera.kind is Kind.VIDEO


def test_decoders_count_what_they_cannot_read() -> None:
    decoder = VideoDecoder("video/vp8")
    assert decoder.decode(b"\x01\x02\x03") == []
    assert decoder.errors == 1
    assert isinstance(av.__version__, str)
