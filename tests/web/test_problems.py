"""All wrong fields of a form are found, whatever their order, and the search always ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from directory.errors import InvalidError, NotFoundError
from web.problems import every_problem
from web.visitors import Fields

NAMES = ("a", "b", "c", "d")
HARMLESS = dict.fromkeys(NAMES, "right")


def check(fields: Fields) -> None:
    """Raises for the first field that is not right, as the directory does."""
    for name in NAMES:
        if fields.text(name) != "right":
            raise InvalidError("wrong", field=name, problem="wrong")


def first(fields: Fields) -> InvalidError | None:
    try:
        check(fields)
    except InvalidError as error:
        return error
    return None


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["right", "wrong", ""]), min_size=4))
def test_each_wrong_field_is_found_once(values: dict[str, str]) -> None:
    fields = Fields({name: [text] for name, text in values.items()})
    error = first(fields)
    wrong = [name for name in NAMES if values[name] != "right"]
    found = [] if error is None else every_problem(error, fields, check, HARMLESS)
    assert [one.details["field"] for one in found] == wrong
    assert fields == {name: [text] for name, text in values.items()}, "the form keeps what was written"


def test_a_field_that_no_value_cures_ends_the_search() -> None:
    fields = Fields({name: ["wrong"] for name in NAMES})
    error = first(fields)
    assert error is not None
    assert every_problem(error, fields, check, {"a": "still wrong"}) == [error]
    assert every_problem(error, fields, check, {}) == [error]


def test_other_errors_stand_alone() -> None:
    error = NotFoundError("gone")
    assert every_problem(error, Fields(), check, HARMLESS) == [error]
