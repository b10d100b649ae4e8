"""Session descriptions that no client would send, offered by participants of the meeting."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from livekit.protocol import rtc

from load.bad_context import Context
from load.bad_signal import PROTOCOL, WIDTH, Crowd
from load.bad_wire import in_parallel

SMALL = 10_000
"""Offers without a part, all ways together; each ends its session, so each costs a join."""

BIG = 20

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
_SECTION = f"""m=audio 9 UDP/TLS/RTP/SAVPF 111
c=IN IP4 0.0.0.0
a=ice-ufrag:abcd
a=ice-pwd:abcdefghijklmnopqrstuvwx
a=fingerprint:{FINGERPRINT}
a=setup:actpass
a=mid:%d
a=sendonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
"""
_HEAD = "v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\na=group:BUNDLE %s\n"


def offer(sections: int = 1) -> str:
    """A good offer of so many sections of sound."""
    mids = " ".join(str(mid) for mid in range(sections))
    return (_HEAD % mids + "".join(_SECTION % mid for mid in range(sections))).replace("\n", "\r\n")


def without(name: str, text: str) -> str:
    """The same without the lines ``a=name``."""
    return re.sub(rf"a={name}:[^\r]*\r\n", "", text)


def _long_line(text: str) -> str:
    return text + "a=x:" + "y" * 1_000_000 + "\r\n"


BROKEN: dict[str, Callable[[], str]] = {
    "without fingerprint": lambda: without("fingerprint", offer()),
    "without ICE user name": lambda: without("ice-ufrag", offer()),
    "without ICE password": lambda: without("ice-pwd", offer()),
    "with a short fingerprint": lambda: offer().replace(":AB:AB\r", "\r"),
    "with MD5": lambda: offer().replace("sha-256", "md5"),
    "empty": lambda: "",
}

HUGE: dict[str, Callable[[], str]] = {
    "500 sections": lambda: offer(500),
    "1 MB in one line": lambda: _long_line(offer()),
    "1 MB of lines": lambda: offer() + "a=x:y\r\n" * 150_000,
    "1 MB of candidates": lambda: offer() + "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n" * 22_000,
    "256 sections": lambda: offer(256),
    "200 payload types of 256 sections": lambda: offer(256).replace(
        " 111\r", " " + " ".join(["111"] * 100) + "\r"
    ),
}


async def _offers(context: Context, crowd: Crowd, makers: list[tuple[str, str]]) -> Counter[Any]:
    seen: Counter[Any] = Counter()
    work_left = iter(makers)

    async def work() -> None:
        for name, text in work_left:
            session = await crowd.member()
            description = rtc.SessionDescription(type="offer", sdp=text, id=7)
            session.request(rtc.SignalRequest(offer=description))
            if await session.alive():
                seen[f"{name}: answered"] += 1
                context.expect(session.kinds["answer"] == 1, f"{name}: neither answered nor refused")
            else:
                closed = await session.end()
                seen[f"{name}: {closed.code} {closed.reason}"[:100]] += 1
                context.expect(closed.code == PROTOCOL and bool(closed.reason), f"{name}: {closed}")
            session.abort()

    await in_parallel([work] * WIDTH, WIDTH)
    return seen


async def attack(context: Context) -> dict[str, Any]:
    """Small ones many times, big ones a few; a refused one is refused in words."""
    crowd = Crowd(context, "sdp")
    names = list(BROKEN)
    small = [(name, BROKEN[name]()) for name in (names[i % len(names)] for i in range(context.count(SMALL)))]
    seen = await _offers(context, crowd, small)
    context.expect(not any("answered" in name for name in seen), f"a broken offer was answered: {seen}")
    huge = [(name, make()) for name, make in HUGE.items() for _ in range(context.count(BIG, least=2))]
    seen += await _offers(context, crowd, huge)
    good = await _offers(context, crowd, [("good", offer())])
    context.expect(good["good: answered"] == 1, f"a good offer: {good}")
    return dict(seen)
