"""All that is wrong with a form, where the directory names the first wrong field alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from directory.errors import DirectoryError, InvalidError
from web.visitors import Fields


def every_problem(
    first: DirectoryError, fields: Fields, check: Callable[[Fields], object], harmless: Mapping[str, str]
) -> list[DirectoryError]:
    """``first`` and what ``check`` finds besides: each wrong field takes its ``harmless`` value in turn.

    They come in the order of ``harmless``, which is that of the form.
    A problem of a field that has none ends the search, and so does one that the value does not cure.
    """
    found = [first]
    left = Fields(fields)
    cured: set[str] = set()
    while isinstance(found[-1], InvalidError):
        field = str(found[-1].details.get("field", ""))
        if field not in harmless or field in cured:
            break
        cured.add(field)
        left[field] = [harmless[field]]
        try:
            check(left)
        except InvalidError as error:
            if error.details.get("field") in cured:
                break
            found.append(error)
        else:
            break
    order = list(harmless)
    return sorted(
        found, key=lambda one: order.index(field) if (field := one.details.get("field")) in harmless else -1
    )
