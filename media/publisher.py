"""A participant's publishing side: its transport, its offers, its tracks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from media.sdp.publisher import PublisherPolicy, answer_publisher
from media.sdp.types import PublishedSection
from media.tracks import PublishedTrack
from media.transport import Transport

Claim = Callable[[PublishedSection, bool], PublishedTrack | None]
"""Finds the announced track of a section; None leaves the section unused for now.

The second argument asks for one that the section names; else any of its kind
that has no section will do. A browser gives a track that it publishes again
another id in the description than the one it announced.
"""


@dataclass(frozen=True, slots=True)
class TrackWish:
    """What a client announced of a track that the answer heeds; ``codec`` such as ``vp9``, empty for any."""

    codec: str = ""
    stereo: bool = False
    dtx: bool = True
    red: bool = False


class PublisherPeer:
    """Answers the client's offers and turns negotiated sections into sources.

    A section is claimed by an announced track; one that nobody announced waits
    until ``claim_waiting``. ``on_ended`` tells a track whose section the client
    has taken back.
    """

    def __init__(
        self,
        transport: Transport,
        policy: PublisherPolicy,
        new_source: Callable[[], int],
        on_sources: Callable[[Iterable[int], PublishedTrack | None], None],
        on_ended: Callable[[PublishedTrack], None],
    ) -> None:
        self.transport = transport
        self._policy = policy
        self._new_source = new_source
        self._on_sources = on_sources
        self._on_ended = on_ended
        self.tracks: dict[str, PublishedTrack] = {}
        self._waiting: dict[str, PublishedSection] = {}
        self.rejected: tuple[PublishedSection, ...] = ()
        """Sections of the newest offer that cannot be used, each with its reason."""

    def answer(self, offer: str, claim: Claim, wishes: Mapping[str, TrackWish]) -> str:
        """The SDP answer to an offer. Raises SdpError; the tracks are then as they were.

        ``wishes`` is what was announced of tracks, by the client's own ids.
        """
        policy = replace(
            self._policy,
            stereo=frozenset(cid for cid, wish in wishes.items() if wish.stereo),
            dtx_disabled=frozenset(cid for cid, wish in wishes.items() if not wish.dtx),
            prefer_red=frozenset(cid for cid, wish in wishes.items() if wish.red),
            preferred={cid: wish.codec for cid, wish in wishes.items() if wish.codec},
        )
        result = answer_publisher(offer, self.transport.local_for(offer), policy=policy)
        self.transport.set_remote(result.remote)
        if result.data is not None:
            self.transport.set_data(result.data)
        self._waiting.clear()
        self.rejected = tuple(section for section in result.sections if section.rejected)
        for section in result.sections:
            track = self.tracks.get(section.mid)
            if not section.sending:
                if track is not None:
                    self.end(track)
                    self._on_ended(track)
                continue
            if track is None:
                self._claim(section, claim, by_name=True)
            else:
                self._attach(section, track)
        for section in list(self._waiting.values()):
            self._claim(section, claim, by_name=False)
        return result.sdp

    def claim_waiting(self, claim: Claim) -> None:
        """A track was announced after its offer came."""
        for by_name in (True, False):
            for section in list(self._waiting.values()):
                self._claim(section, claim, by_name=by_name)

    def _claim(self, section: PublishedSection, claim: Claim, *, by_name: bool) -> None:
        track = claim(section, by_name)
        if track is None:
            self._waiting[section.mid] = section
            return
        self._waiting.pop(section.mid, None)
        self.tracks[section.mid] = track
        self._attach(section, track)

    def _attach(self, section: PublishedSection, track: PublishedTrack) -> None:
        added = track.negotiated(section, self.transport.number, self._new_source)
        self._on_sources(added, track)

    def end(self, track: PublishedTrack) -> None:
        """Stop a track: its sources go, its section stays in the description unused."""
        for mid in [mid for mid, owner in self.tracks.items() if owner is track]:
            del self.tracks[mid]
        self._on_sources(track.close(), None)

    def close(self) -> None:
        """End all tracks; the transport is closed by its owner."""
        for track in list(self.tracks.values()):
            self.end(track)
