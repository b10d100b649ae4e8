import resource

import pytest

from web import limits


@pytest.mark.parametrize(
    ("soft", "hard", "now", "complains"),
    [
        (1024, 1_048_576, limits.WANTED_DESCRIPTORS, False),
        (1024, resource.RLIM_INFINITY, limits.WANTED_DESCRIPTORS, False),
        (1024, 4096, 4096, False),
        (1024, 2048, 2048, True),
        (65_536, 65_536, 65_536, False),
    ],
)
def test_the_limit_is_raised_as_far_as_it_goes(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, now: int, complains: bool
) -> None:
    held = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda _which: held[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _which, value: held.append(value))
    reached, advice = limits.raise_descriptor_limit()
    assert reached == now
    assert held[-1] == (now, hard)
    assert bool(advice) is complains


def test_a_system_that_refuses_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_which: int, _value: tuple[int, int]) -> None:
        raise ValueError("not allowed")

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (1024, 100_000))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    reached, advice = limits.raise_descriptor_limit()
    assert reached == 1024
    assert "1024" in advice
