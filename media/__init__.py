"""The media relay: an SFU that forwards RTP between peers without decoding it.

Lives here: ICE-lite on one UDP port, DTLS-SRTP, SDP, RTP and RTCP, published
tracks, subscriptions with simulcast layers, and the packet path behind
``media.ports``. Contract: signaling gives orders and gets events; time is an
argument everywhere but in ``media.clock``. Left out: rooms' policy, people,
HTTP, databases.
"""
