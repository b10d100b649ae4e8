"""The LiveKit-compatible server and a client of such servers.

Lives here: access tokens, the WebSocket session (a sans-I/O core with a thin
Starlette adapter), rooms and participants, the RoomService API over Twirp,
signed webhooks, and ``signaling.client``. Contract: protocol v0 of LiveKit's
clients. Left out: meetings, the directory of sites, databases.
"""
