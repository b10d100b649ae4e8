"""Arithmetic on numbers that wrap: 16-bit sequence numbers and 32-bit timestamps (RFC 1982)."""


def sequence_ahead(a: int, b: int) -> int:
    """How far the 16-bit ``a`` lies after ``b``: -32768 to 32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


def timestamp_ahead(a: int, b: int) -> int:
    """How far the 32-bit ``a`` lies after ``b``: -2**31 to 2**31 - 1."""
    return ((a - b + 0x80000000) & 0xFFFFFFFF) - 0x80000000
