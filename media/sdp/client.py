"""The client's half of both connections, for our own client of any LiveKit-compatible server.

Publishing: keep a list of :class:`PublishSection` that only grows (a track that
has ended stays in it with ``sending`` false), call ``build_publisher_offer``
with a version that rises by one, send the text, and hand the answer to
``read_publisher_answer``. The data channels' section comes first, mid ``0``.

Receiving: hand every offer of the server to ``answer_server_offer``, send its
``sdp`` back, and set up receivers by what it says. A receiver is known by its
mid; the server may give that to another track in a later offer.

In both we are a full ICE agent. A server that is not ``lite`` trickles its
candidates and, when it offers, is the controlling one (RFC 8445, section 6.1.1).
LiveKit makes itself DTLS client in its answers (``remote.setup`` is ``active``,
we are passive then); its offers leave the choice, and we are active.
"""

from __future__ import annotations

from media.sdp.client_publish import (
    AgreedSection,
    PublishSection,
    ServerAnswer,
    build_publisher_offer,
    read_publisher_answer,
)
from media.sdp.client_receive import Receiver, ServerOffer, answer_server_offer

__all__ = [
    "AgreedSection",
    "PublishSection",
    "Receiver",
    "ServerAnswer",
    "ServerOffer",
    "answer_server_offer",
    "build_publisher_offer",
    "read_publisher_answer",
]
