"""Replays every corpus file, and seeded mutations of it, through its fuzz target.

A target is a file ``fuzz_NAME.py`` here with a function ``fuzz(data: bytes)``
that lists the exceptions its parser may raise; its corpus is the folder
``corpus/NAME``. New targets are found by themselves. An input that once broke
something belongs into the corpus.
"""

import importlib.util
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
MUTATIONS = 500
LONGEST = 65_535

TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in HERE.glob("fuzz_*.py"))


def load(name: str) -> Callable[[bytes], None]:
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", HERE / f"fuzz_{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    target: Callable[[bytes], None] = module.fuzz
    return target


def corpus(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir()) if path.is_file()]


def mutated(data: bytes, others: list[bytes], rng: random.Random) -> bytes:
    """The input with one to four small wounds: flipped, cut, doubled, crossed, or with edge values."""
    body = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(body) + 1)
        length = rng.randint(1, 8)
        kind = rng.randrange(7)
        if kind == 0 and body:
            body[at % len(body)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del body[at : at + length]
        elif kind == 2:
            del body[at:]
        elif kind == 3:
            body[at:at] = rng.randbytes(length)
        elif kind == 4:
            body[at:at] = body[at : at + rng.randint(1, 64)]
        elif kind == 5:
            body[at : at + length] = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * length
        else:
            body[at:] = rng.choice(others)[at:]
    return bytes(body[:LONGEST])


@pytest.mark.parametrize("name", TARGETS)
def test_corpus_and_mutations(name: str) -> None:
    target = load(name)
    inputs = corpus(name)
    assert inputs, f"corpus/{name} is empty"
    rng = random.Random(zlib.crc32(name.encode()))
    inputs += [mutated(rng.choice(inputs), inputs, rng) for _ in range(MUTATIONS)]
    inputs += [b"", rng.randbytes(1), rng.randbytes(1500)]
    for data in inputs:
        try:
            target(data)
        except Exception as error:
            error.add_note(f"{name}: input {data.hex()}")
            raise


def test_every_corpus_has_its_target() -> None:
    assert sorted(path.name for path in CORPUS.iterdir() if path.is_dir()) == TARGETS
