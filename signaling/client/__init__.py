"""A client of any LiveKit-compatible server: simulated sites, agents, the sampler and tests use it.

Lives here: the signalling session, one peer connection for each direction (own
ICE over aioice's STUN messages, DTLS-SRTP and SCTP shared with the relay),
senders and receivers of encoded media, generated media, and the policy of
coming back. Contract: :class:`signaling.client.room.RoomClient`. Nothing is
encoded or decoded unless a source or a sink asks for it. Left out: meetings.
"""
