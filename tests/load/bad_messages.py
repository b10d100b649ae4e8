"""Makes requests that no client would send: every field of the descriptors, missing or random. Seeded."""

from __future__ import annotations

import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor as Field
from google.protobuf.message import Message
from livekit.protocol import rtc

NUMBERS = (0, 1, 2, 3, 7, 255, 65535, 2**31 - 1)
TEXTS = ("", "x", "TR_x", "PA_x", "a", "b", "Xã Yên Hòa", "0", "-1", "\u202e\u0000\n", "y" * 300, "é" * 1000)
MAX_DEPTH = 4


def random_message(kind: type[Message], rng: random.Random, texts: tuple[str, ...] = TEXTS) -> Message:
    """A message of this class with each field missing, empty or random."""
    message = kind()
    fill(message, rng, texts, 0)
    return message


def random_request(kind: str, rng: random.Random, texts: tuple[str, ...] = TEXTS) -> rtc.SignalRequest:
    """A request of one kind. Every fifth has nothing inside."""
    request = rtc.SignalRequest()
    field = rtc.SignalRequest.DESCRIPTOR.fields_by_name[kind]
    if field.message_type is None:
        _set(request, field, rng, texts, 0)
        return request
    getattr(request, kind).SetInParent()
    if rng.random() >= 0.2:
        fill(getattr(request, kind), rng, texts, 1)
    return request


def request_kinds() -> list[str]:
    """The names of all messages that a request can carry."""
    return [field.name for field in rtc.SignalRequest.DESCRIPTOR.oneofs_by_name["message"].fields]


def fill(message: Message, rng: random.Random, texts: tuple[str, ...], depth: int) -> None:
    """Set about half of the fields."""
    for field in message.DESCRIPTOR.fields:
        if rng.random() < 0.5 or (field.message_type is not None and depth >= MAX_DEPTH):
            continue
        _set(message, field, rng, texts, depth)


def _set(message: Message, field: Any, rng: random.Random, texts: tuple[str, ...], depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        value_field = field.message_type.fields_by_name["value"]
        if value_field.message_type is None:
            for _ in range(rng.randrange(4)):
                getattr(message, field.name)[
                    _scalar(field.message_type.fields_by_name["key"], rng, texts)
                ] = _scalar(value_field, rng, texts)
    elif field.is_repeated:
        many = rng.choice((0, 1, 2, 3, 40))
        for _ in range(many):
            if field.message_type is not None:
                fill(getattr(message, field.name).add(), rng, texts, depth + 1)
            else:
                getattr(message, field.name).append(_scalar(field, rng, texts))
    elif field.message_type is not None:
        getattr(message, field.name).SetInParent()
        fill(getattr(message, field.name), rng, texts, depth + 1)
    else:
        setattr(message, field.name, _scalar(field, rng, texts))


def _scalar(field: Any, rng: random.Random, texts: tuple[str, ...]) -> Any:
    kind = field.cpp_type
    if kind == Field.CPPTYPE_STRING:
        if field.type == Field.TYPE_BYTES:
            return rng.randbytes(rng.randrange(40))
        return rng.choice(texts)
    if kind == Field.CPPTYPE_BOOL:
        return rng.random() < 0.5
    if kind in (Field.CPPTYPE_FLOAT, Field.CPPTYPE_DOUBLE):
        return rng.choice((0.0, -1.0, 1e30, float("inf"), float("nan")))
    if kind == Field.CPPTYPE_ENUM:
        return rng.choice((0, 1, 2, 3, 4, 99, 2**31 - 1, -1))
    number = rng.choice(NUMBERS)
    signed = kind in (Field.CPPTYPE_INT32, Field.CPPTYPE_INT64)
    return -number if signed and rng.random() < 0.3 else number


def unknown_fields(rng: random.Random) -> bytes:
    """One to five fields of a protocol to come."""
    parts = []
    for _ in range(rng.randrange(1, 6)):
        number = rng.randrange(1000, 2**20)
        wire = rng.choice((0, 1, 2, 5))
        size = rng.randrange(200)
        payload = {
            0: _varint(rng.randrange(2**63)),
            1: rng.randbytes(8),
            2: _varint(size) + rng.randbytes(size),
            5: rng.randbytes(4),
        }[wire]
        parts.append(_varint(number << 3 | wire) + payload)
    return b"".join(parts)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
