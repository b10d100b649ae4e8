"""Named deadlines against a plain dictionary."""

from hypothesis import given
from hypothesis import strategies as st

from media.streams.deadlines import Deadlines


def test_earliest_first_and_once_each() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("late", 3.0)
    deadlines.set("early", 1.0)
    deadlines.set("middle", 2.0)
    assert deadlines.next() == 1.0
    assert deadlines.due(0.9) == []
    assert deadlines.due(2.0) == ["early", "middle"]
    assert deadlines.due(2.0) == []
    assert deadlines.next() == 3.0
    assert len(deadlines) == 1


def test_setting_again_replaces() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.set("a", 5.0)
    assert deadlines.due(4.0) == []
    assert deadlines.at("a") == 5.0
    deadlines.set("a", 2.0)
    assert deadlines.next() == 2.0
    assert deadlines.due(9.0) == ["a"]
    assert deadlines.next() is None


def test_cancelled_is_never_due() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 1.0)
    assert "a" in deadlines
    assert deadlines.cancel("a")
    assert not deadlines.cancel("a")
    assert "a" not in deadlines
    assert deadlines.at("a") is None
    assert deadlines.next() is None
    assert deadlines.due(9.0) == []


def test_set_again_at_the_same_time_is_due_once() -> None:
    deadlines: Deadlines[str] = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.cancel("a")
    deadlines.set("a", 1.0)
    deadlines.set("a", 1.0)
    assert deadlines.due(1.0) == ["a"]


def test_equal_times_keep_the_order_of_setting() -> None:
    deadlines: Deadlines[object] = Deadlines()
    keys = [object() for _ in range(20)]
    for key in keys:
        deadlines.set(key, 1.0)
    assert deadlines.due(1.0) == keys


def test_a_key_that_is_set_for_ever_later_takes_no_memory() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for index in range(20_000):
        deadlines.set(index % 10, 1000.0 + index)
    assert len(deadlines) == 10
    assert len(deadlines._heap) <= 2 * 10 + 65


acts = st.lists(
    st.tuples(st.sampled_from(["set", "cancel", "due"]), st.integers(0, 5), st.integers(0, 30)), max_size=200
)


@given(acts)
def test_like_a_dictionary(script: list[tuple[str, int, int]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    truth: dict[int, int] = {}
    for act, key, time in script:
        if act == "set":
            deadlines.set(key, time)
            truth[key] = time
        elif act == "cancel":
            assert deadlines.cancel(key) == (truth.pop(key, None) is not None)
        else:
            taken = deadlines.due(time)
            assert sorted(taken) == sorted(name for name, at in truth.items() if at <= time)
            assert [truth[name] for name in taken] == sorted(truth[name] for name in taken)
            for name in taken:
                del truth[name]
        assert deadlines.next() == min(truth.values(), default=None)
        assert len(deadlines) == len(truth)
