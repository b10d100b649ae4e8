"""The form of one device of a site: another name or serial number."""

from __future__ import annotations

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from directory import endpoints
from directory.access.rights import Action
from directory.database import Database
from directory.devices import change_device, devices_of
from directory.endpoints import EndpointView
from directory.errors import ChangedError, DirectoryError, NotFoundError, UnavailableError
from directory.model import Device
from web.directory_pages import SITE, done, number
from web.directory_words import sentence
from web.forms import Form
from web.rendering import Renderer
from web.site_words import DEVICE_WORDS
from web.visitors import TurnedAway, check_form, now, require

ONE: Final = SITE + "{code}/devices/{device:int}"


class DevicePages:
    """See the module. Adding and removing are on the site's own page."""

    def __init__(self, renderer: Renderer, database: Database) -> None:
        self._renderer = renderer
        self._database = database

    def routes(self) -> list[BaseRoute]:
        """What belongs into the application."""
        return [Route(ONE, self._one, methods=["GET", "POST"])]

    async def _one(self, request: Request) -> Response:
        principal = require(request, Action.CHANGE_SITES)
        async with self._database.read() as session:
            site, device = await _found(session, request)
        if request.method == "GET":
            form = Form({"device_name": device.name, "serial": device.serial})
            return self._form(request, site, device, form, site.version)
        fields = await check_form(request)
        version = number(fields.text("version"))
        try:
            async with self._database.write() as session:
                await change_device(
                    session,
                    site.id,
                    device.id,
                    fields.text("device_name"),
                    fields.text("serial"),
                    version=version,
                    by=principal.actor,
                    now=now(),
                )
        except UnavailableError:
            raise TurnedAway("unavailable", 503, retry_after=5) from None
        except DirectoryError as error:
            field, said = sentence(self._renderer.language(request), error)
            changed = isinstance(error, ChangedError)
            # Saving again goes on from what is stored now.
            version = site.version if changed else version
            status = 409 if changed else 422
            return self._form(request, site, device, Form(fields, {field: said}), version, status)
        return done(SITE + site.code, "flash.site.changed", site.details.name)

    def _form(
        self,
        request: Request,
        site: EndpointView,
        device: Device,
        form: Form,
        version: int,
        status: int = 200,
    ) -> Response:
        return self._renderer.render(
            request,
            "device.html",
            status=status,
            here=f"{SITE}{site.code}/devices/{device.id}",
            site=site,
            device=device,
            kind=DEVICE_WORDS[device.kind],
            form=form,
            version=version,
        )


async def _found(session: AsyncSession, request: Request) -> tuple[EndpointView, Device]:
    """The site and its device. HTTPException where one is not there."""
    try:
        site = await endpoints.by_code(session, request.path_params["code"][:64])
    except NotFoundError:
        raise HTTPException(404) from None
    for device in await devices_of(session, site.id):
        if device.id == request.path_params["device"]:
            return site, device
    raise HTTPException(404)
