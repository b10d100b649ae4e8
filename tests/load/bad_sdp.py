"""Session descriptions that no client would send, offered by participants of the meeting."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from livekit.protocol import rtc

from load.bad_context import TEN_THOUSAND, Context
from load.bad_signal import PROTOCOL, WIDTH, Crowd
from load.bad_wire import in_parallel

NAMED = ("without fingerprint", "500 sections", "1 MB in one line")
"""Sent ten thousand times each. Each offer ends its session, so each costs a join."""

SMALL = 1_000
"""How often any other offer without a part is sent."""

BIG = 20
"""How often any other big one is."""

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


def _plan(context: Context) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Names and texts of all broken offers and of all big ones."""

    def copies(makers: dict[str, Callable[[], str]], full: int) -> list[tuple[str, str]]:
        plan = []
        for name, make in makers.items():
            count = context.count(TEN_THOUSAND if name in NAMED else full, least=2)
            plan += [(name, make())] * count
        return plan

    return copies(BROKEN, SMALL), copies(HUGE, BIG)


async def attack(context: Context) -> dict[str, Any]:
    """A refused one is refused in words."""
    crowd = Crowd(context, "sdp")
    broken, huge = _plan(context)
    seen = await _offers(context, crowd, broken)
    context.expect(not any("answered" in name for name in seen), f"a broken offer was answered: {seen}")
    seen += await _offers(context, crowd, huge)
    good = await _offers(context, crowd, [("good", offer())])
    context.expect(good["good: answered"] == 1, f"a good offer: {good}")
    return dict(seen)
