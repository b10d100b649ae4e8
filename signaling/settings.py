"""What can be set about the signaling server; the application fills this from its one settings table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignalSettings:
    """Limits and times of rooms and sessions. Times in seconds."""

    auto_create: bool = True
    """A join makes the room of its token; else only CreateRoom does."""

    reserved_prefix: str = ""
    """Rooms whose names begin so are made by CreateRoom only: a token that outlives them opens nothing."""

    empty_timeout: int = 300
    """A room that nobody has joined yet lives so long."""

    departure_timeout: int = 20
    """A room lives so long after the last one left."""

    max_participants: int = 0
    """Of a room that does not say its own; 0 is no limit."""

    ping_interval: int = 5
    ping_timeout: int = 15
    """What clients are told: they ping so often, and give the line up after so long without an answer."""

    silence_limit: float = 21.0
    """A session without any frame for so long is taken for dead."""

    connect_limit: float = 60.0
    """A participant whose media never connected is let go after so long."""

    reconnect_limit: float = 60.0
    """Without a session, a participant whose media still flows is kept so long."""

    media_silence_limit: float = 12.0
    """Without a session and without any packet for so long, it has left."""

    close_grace: float = 1.0
    """Without a session and with a connection that its client has closed, it has left after so long."""

    media_restart_limit: float = 20.0
    """With a session, lost media has so long to come back before the client is told to join anew."""

    token_ttl: float = 600.0
    token_refresh: float = 300.0
    """Refreshed tokens live so long, and are sent so often."""

    enable_remote_unmute: bool = False
    """Whether RoomService may open somebody's microphone or camera."""

    update_interval: float = 0.05
    update_interval_large: float = 0.3
    large_room: int = 60
    """Participant updates of a room are gathered for so long; from ``large_room`` on for the second."""

    room_update_interval: float = 5.0
    """Changed numbers of participants and publishers are told so often."""

    speaker_interval: float = 0.4
    quality_interval: float = 5.0
    audio_threshold: int = 35
    """Sound up to so many dB below full scale counts as speech (-dBov)."""

    announce_after: float = 1.0
    """A negotiated track without a packet is shown to others after so long."""

    max_queued_frames: int = 2000
    max_queued_bytes: int = 8 * 1024 * 1024
    """Of one session; a client that does not read is cut off beyond, and may resume."""

    requests_per_second: float = 100.0
    request_burst: float = 600.0
    """Frames from one client; beyond this its session is closed."""

    request_bytes_per_second: float = 256 * 1024
    request_bytes_burst: float = 4 * 1024 * 1024
    """Octets of them: reading a frame of 2 MB costs the whole server some tens of milliseconds."""

    max_tracks: int = 32
    """Tracks that one participant may have announced at a time."""

    max_data_bytes: int = 262_144
    """Of one data packet."""
