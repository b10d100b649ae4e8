"""The meeting channel: roster, floor and lobby of a running meeting, told to every page in it.

Contract: versioned JSON messages (``messages``), a core without sockets or clocks (``session``,
``hub``, ``meeting``) and the reader's side of it (``mirror``); ``docs/meeting-channel.md`` names every
message. The server decides, browsers show. Left out: WebSockets, the database, media.
"""
