"""What Chromium says to our answers and offers: its own offers, and the life of a subscriber's lines."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio
from conformance.clients.firefox import firefox_page
from playwright.async_api import Page, async_playwright
from sdp_samples import LOCAL, media_lines, parts

from media.ports import Kind
from media.sdp.catalogue import CATALOGUE
from media.sdp.publisher import PublisherPolicy, answer_publisher
from media.sdp.subscriber import SubscriberOfferer
from media.sdp.types import SenderSpec, SubscriberAnswer

CHROMIUM = Path("/usr/bin/chromium")
MISSING = "" if CHROMIUM.exists() else f"{CHROMIUM} is missing: install Debian's package chromium"
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

SCRIPT = """() => {
  const track = kind => {
    if (kind === 'audio') {
      return new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0];
    }
    const canvas = document.createElement('canvas');
    canvas.getContext('2d');
    return canvas.captureStream(5).getVideoTracks()[0];
  };
  window.publish = parts => {
    window.pub ??= new RTCPeerConnection({bundlePolicy: 'max-bundle'});
    for (const part of parts) {
      const [kind, codec] = part.split(':');
      if (kind === 'data') pub.createDataChannel('_reliable');
      else if (kind === 'receive') pub.addTransceiver(codec, {direction: 'recvonly'});
      else if (kind === 'rids') pub.addTransceiver(track('video'), {direction: 'sendonly', sendEncodings: [
        {rid: 'q', scaleResolutionDownBy: 4}, {rid: 'h', scaleResolutionDownBy: 2}, {rid: 'f'}]});
      else {
        const added = pub.addTransceiver(track(kind), {direction: 'sendonly'});
        const known = RTCRtpSender.getCapabilities(kind).codecs;
        if (codec) added.setCodecPreferences(known.filter(c => [codec, 'video/rtx'].includes(c.mimeType)));
      }
    }
    return pub.createOffer().then(o => pub.setLocalDescription(o)).then(() => pub.localDescription.sdp);
  };
  window.answered = async sdp => {
    await pub.setRemoteDescription({type: 'answer', sdp});
    return pub.getSenders().map(s => [s.getParameters().encodings.map(e => e.rid ?? ''),
      s.getParameters().codecs.map(c => c.mimeType.toLowerCase())]);
  };
  window.sub = new RTCPeerConnection();
  window.events = [];
  sub.ontrack = e => events.push([e.transceiver.mid, e.streams[0]?.id ?? '']);
  window.subscribe = async (sdp, stop) => {
    await sub.setRemoteDescription({type: 'offer', sdp});
    if (stop) sub.getTransceivers().find(t => t.mid === stop).stop();
    await sub.setLocalDescription(await sub.createAnswer());
    return sub.localDescription.sdp;
  };
  window.reload = () => { window.pub?.close(); delete window.pub; };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser_page() -> AsyncIterator[Page]:
    if MISSING:
        pytest.fail(MISSING)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto("about:blank")
        await page.evaluate(SCRIPT)
        yield page
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox_tab() -> AsyncIterator[Page]:
    async with firefox_page() as page:
        await page.goto("about:blank")
        await page.evaluate(SCRIPT)
        yield cast(Page, page)


@pytest.fixture(params=["chromium", "firefox"])
def any_page(request: pytest.FixtureRequest, browser_page: Page, firefox_tab: Page) -> Page:
    """A page of each browser."""
    return browser_page if request.param == "chromium" else firefox_tab


async def publish(page: Page, what: list[str], policy: PublisherPolicy | None = None) -> list[Any]:
    offer = await page.evaluate("what => publish(what)", what)
    answer = answer_publisher(offer, LOCAL, policy=policy)
    assert [line.split()[0] for line in media_lines(answer.sdp)] == [
        line.split()[0] for line in media_lines(offer)
    ]
    senders: list[Any] = await page.evaluate("sdp => answered(sdp)", answer.sdp)
    return senders


@pytest.mark.parametrize(
    "what",
    [
        ["data"],
        ["rids", "data"],
        ["audio", "rids", "data", "audio"],
        ["receive:audio", "receive:video", "video", "data"],
    ],
    ids=" ".join,
)
async def test_fc_a06_browsers_take_our_answers(any_page: Page, what: list[str]) -> None:
    await any_page.evaluate("reload()")
    senders = await publish(any_page, what)
    media = [part for part in what if part != "data"]
    assert [len(rids) for rids, _ in senders] == [3 if part == "rids" else 1 for part in media]
    for (rids, codecs), part in zip(senders, media, strict=True):
        assert part != "rids" or rids == ["q", "h", "f"]
        assert part.startswith("receive") or codecs


async def test_fc_a06_tracks_after_data(any_page: Page) -> None:
    await any_page.evaluate("reload()")
    assert await publish(any_page, ["data"]) == []
    senders = await publish(any_page, ["audio", "rids"])
    assert [rids for rids, _ in senders] == [[""], ["q", "h", "f"]]


@pytest.mark.parametrize("codec", ["video/VP8", "video/H264", "video/VP9", "video/AV1"])
async def test_every_codec_is_agreed_with_chromium(browser_page: Page, codec: str) -> None:
    await browser_page.evaluate("reload()")
    name = codec.partition("/")[2].lower()
    ((_, codecs),) = await publish(browser_page, [f"video:{codec}"], PublisherPolicy(codecs=(name,)))
    assert codecs[0] == codec.lower()
    # And where the client leaves it to us, our first one leads.
    await browser_page.evaluate("reload()")
    offer = await browser_page.evaluate("publish(['video'])")
    cid = answer_publisher(offer, LOCAL).sections[0].track_id
    answer = answer_publisher(offer, LOCAL, policy=PublisherPolicy(preferred={cid: name}))
    ((_, codecs),) = await browser_page.evaluate("sdp => answered(sdp)", answer.sdp)
    assert codecs[0] == codec.lower()


async def test_fc_a07_chromium_takes_a_rejected_section(browser_page: Page) -> None:
    await browser_page.evaluate("reload()")
    policy = PublisherPolicy(codecs=("opus", "vp8"))
    senders = await publish(browser_page, ["audio", "video:video/VP9", "data", "video:video/VP8"], policy)
    # The rejected one is gone from the connection; what stands before and after it is agreed.
    assert [codecs[0] for _, codecs in senders] == ["audio/opus", "video/vp8"]


def spec(sender: int, kind: Kind, *codecs: str) -> SenderSpec:
    repair = sender + 1000 if kind is Kind.VIDEO else None
    return SenderSpec(sender, kind, f"PA_x|TR_{sender}", f"TR_{sender}", codecs, sender, repair)


async def test_the_lines_of_a_subscriber_in_chromium(browser_page: Page) -> None:
    """Offers with every codec, lines freed and taken again, one refused and renamed."""
    offerer = SubscriberOfferer()

    async def negotiate(stop: str = "") -> SubscriberAnswer:
        answer = await browser_page.evaluate("([o, s]) => subscribe(o, s)", [offerer.offer(LOCAL), stop])
        return offerer.apply_answer(answer)

    async def events() -> list[list[str]]:
        seen: list[list[str]] = await browser_page.evaluate("events.splice(0)")
        return seen

    for number, key in enumerate(CATALOGUE, start=1):
        if key != "audio/red":
            red = ("audio/red",) if key == "audio/opus" else ()
            offerer.add(spec(number, Kind(key.partition("/")[0]), *red, key))
    answer = await negotiate()
    agreed = {key for item in answer.senders for key in item.payload_types}
    assert agreed >= {
        "audio/opus",
        "audio/red",
        "video/vp8",
        "video/vp9;profile=0",
        "video/av1;profile=0",
        "video/h264;mode=1;profile=42e0",
        "video/h264;mode=0;profile=42e0",
        "video/h264;mode=1;profile=4200",
    }
    assert answer.data is not None
    accepted = [item for item in answer.senders if item.payload_types]
    for item in accepted:
        assert item.nack == (item.mid != "1")
        assert set(item.rtx) == set(item.payload_types.values()) or item.mid == "1"
    assert {mid for mid, _ in await events()} >= {item.mid for item in accepted}

    # One leaves; when that is agreed, the next of its kind takes the place and is announced.
    leaving = next(item for item in answer.senders if "video/vp8" in item.payload_types)
    offerer.remove(leaving.sender)
    await negotiate()
    offerer.add(spec(99, Kind.VIDEO, "video/vp8"))
    offerer.remove(99)
    await negotiate()
    offerer.add(spec(100, Kind.VIDEO, "video/vp8"))
    answer = await negotiate()
    taken = next(item for item in answer.senders if item.sender == 100)
    assert taken.mid != leaving.mid
    assert taken.payload_types == {"video/vp8": 96}
    assert await events() == [[taken.mid, "PA_x|TR_100"]]

    # The client stops one by itself: that one is refused, and its line comes back under another mid.
    answer = await negotiate(stop=taken.mid)
    refused = next(item for item in answer.senders if item.sender == 100)
    assert refused.payload_types == {}
    assert sum(bool(item.payload_types) for item in answer.senders) == len(accepted) - 1
    offerer.remove(100)
    await negotiate()
    await events()
    offerer.add(spec(101, Kind.VIDEO, "video/vp8"))
    lines = len(parts(offerer.offer(LOCAL)))
    answer = await negotiate()
    renamed = next(item for item in answer.senders if item.sender == 101)
    assert renamed.payload_types == {"video/vp8": 96}
    assert renamed.mid != taken.mid
    assert await events() == [[renamed.mid, "PA_x|TR_101"]]
    assert len(parts(offerer.offer(LOCAL))) == lines == len(CATALOGUE)

    # Offers that never arrive, of a line used again and of one that is new: what follows them is taken.
    offerer.remove(101)
    await negotiate()
    for sender in (103, 104):
        offerer.add(spec(sender, Kind.VIDEO, "video/vp8"))
    offerer.offer(LOCAL)
    offerer.remove(103)
    offerer.remove(104)
    await negotiate()
    await negotiate()
    await events()
    offerer.add(spec(105, Kind.VIDEO, "video/vp8"))
    answer = await negotiate()
    assert [stream for _, stream in await events()] == ["PA_x|TR_105"]
    assert next(item for item in answer.senders if item.sender == 105).payload_types
