"""Wire formats: RTP headers and extensions, RTCP, payload descriptors. Pure functions on bytes.

A malformed input raises ``media.errors.PacketError`` and nothing else.
"""
