"""The form of a site: its fields from and to what the directory keeps, and what can be wrong with them."""

from __future__ import annotations

from datetime import date
from typing import Final

from directory import endpoints
from directory.endpoints import Details, EndpointView
from directory.errors import InvalidError
from directory.model.sites import LINE_TYPES, PLACE_KINDS
from directory.places import PlaceDetails, checked
from directory.tabular.telephones import show_telephone
from web.forms import read_date, show_date
from web.visitors import Fields


def written(view: EndpointView) -> dict[str, str]:
    """A site as its form shows it."""
    details = view.details
    return {
        "name": details.name,
        "main": "yes" if view.main else "no",
        "line_type": details.line_type,
        "backup_line_type": details.backup_line_type or "",
        "contact_name": details.contact_name,
        "contact_phone": show_telephone(details.contact_phone) if details.contact_phone else "",
        "commissioned_on": show_date(view.commissioned_on) if view.commissioned_on else "",
        "place_name": view.place.name,
        "place_kind": view.place.kind,
        "place_address": view.place.address,
    }


def read_site(fields: Fields) -> tuple[Details, PlaceDetails, date | None]:
    """What a form says. Raises InvalidError for a date that is none."""
    day = fields.text("commissioned_on").strip()
    since = read_date(day) if day else None
    if day and since is None:
        raise InvalidError("this is no date", field="commissioned_on", problem="date")
    details = Details(
        fields.text("name"),
        fields.text("line_type"),
        fields.text("backup_line_type") or None,
        fields.text("contact_name"),
        fields.text("contact_phone"),
    )
    place = PlaceDetails(fields.text("place_name"), fields.text("place_kind"), fields.text("place_address"))
    return details, place, since


HARMLESS: Final = {
    "name": "a",
    "place_name": "a",
    "place_kind": PLACE_KINDS[0],
    "place_address": "",
    "line_type": LINE_TYPES[0],
    "backup_line_type": "",
    "contact_name": "",
    "contact_phone": "",
    "commissioned_on": "",
}
"""Values that are never wrong, see :func:`web.problems.every_problem`."""


def check_site(fields: Fields) -> None:
    """Raises InvalidError for the first field that cannot be."""
    details, place, _ = read_site(fields)
    endpoints.checked_details(details)
    checked(place)
