"""All pages there are, and who sees them in which state: one table for the sweep and for the pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from playwright.async_api import Page

from e2e.whole_city import City

APP = "#app > :not(.waiting)"
"""What a script has put in place of the sentence about old browsers."""

Step = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class View:
    """A page in one state. ``path`` has names of ``City.names`` in it; ``route`` is where it leads to.

    ``do`` is what somebody does on the page to bring it into this state, which ``status`` answers.
    """

    name: str
    role: str
    path: str
    route: str = ""
    status: int = 200
    ready: str = "main h1"
    do: Step | None = None
    data: tuple[str, ...] = ()
    """Words that it shows as somebody wrote them, such as the headings of a table."""

    @property
    def scripted(self) -> bool:
        """Whether a script makes it, and no template."""
        return self.ready == APP

    def address(self, city: City) -> str:
        """Where it is."""
        return city.address + self.path.format_map(city.names)


def press(selector: str) -> Step:
    """Press what ``selector`` finds first."""

    async def do(page: Page) -> None:
        await page.locator(selector).first.click()

    return do


def send(form: str, **values: str) -> Step:
    """Fill fields by their names and send the form."""

    async def do(page: Page) -> None:
        for name, value in values.items():
            await page.locator(f'{form} [name="{name}"]').first.fill(value)
        async with page.expect_navigation():
            await page.locator(f'{form} [type="submit"]:visible').last.click()

    return do


def upload(text: str) -> Step:
    """Give a table to the import."""

    async def do(page: Page) -> None:
        file = {"name": "danh-muc.csv", "mimeType": "text/csv", "buffer": text.encode("utf-8-sig")}
        await page.locator("input[type=file]").set_input_files(file)  # type: ignore[arg-type]
        async with page.expect_navigation():
            await page.locator("main form button[type=submit]").click()

    return do


async def guess_passwords(page: Page) -> None:
    """Try until the sign-in asks for patience."""
    for _ in range(12):
        await page.locator('main [name="login"]').fill("khong.co")
        await page.locator('main [name="password"]').fill("sai")
        async with page.expect_navigation() as navigation:
            await page.locator("main form button[type=submit]").click()
        if (await navigation.value).status == 429:
            return
    raise AssertionError("the sign-in takes guesses for ever")


async def issue_password(page: Page) -> None:
    """Give a person a new password."""
    await page.locator('[data-dialog="issue"]').click()
    async with page.expect_navigation():
        await page.locator("#issue form [type=submit]").click()


HEADINGS = ("Mã", "Tên", "Điện thoại")
TABLE_WITH_ERRORS = "Mã;Tên;Điện thoại\n00001;;12\n99999;Phường Không Có;0912345670\n00004;=1+1;\n"
TABLE = "Mã;Tên;Điện thoại\n00001;;0912 345 670\n00004-2;Hội trường phường Trúc Bạch;\n"

VIEWS = (
    View("start", "nobody", "/", "/", ready=APP),
    View("join", "nobody", "/meet/{room}?k={key}", "/meet/{room}", ready=APP),
    View("sign-in", "nobody", "/sign-in", "/sign-in"),
    View(
        "sign-in-wrong", "nobody", "/sign-in", status=422, do=send("main form", login="thuky", password="sai")
    ),
    View("sign-in-throttled", "nobody", "/sign-in", status=429, do=guess_passwords),
    View("sign-in-site", "nobody", "/sign-in/site", "/sign-in/site"),
    View("not-found-nobody", "nobody", "/khong-co-trang-nay", status=404),
    View("home-official", "official", "/home", "/home"),
    View("meetings-official", "official", "/meetings"),
    View("forbidden", "official", "/people", status=403),
    View("not-found", "official", "/meetings/khong-co", status=404),
    View("account", "official", "/account", "/account"),
    View("password", "official", "/password", "/password"),
    View("home-chair", "chair", "/home"),
    View("week-chair", "chair", "/meetings/week", "/meetings/week"),
    View("meeting-open", "chair", "/meetings/{open}", "/meetings/{meeting}"),
    View("room-early", "chair", "/meetings/{coming}/room", "/meetings/{meeting}/room", status=409),
    View("room", "chair", "/meetings/{open}/room", ready=APP),
    View("home-secretary", "secretary", "/home"),
    View("meetings", "secretary", "/meetings", "/meetings"),
    View("meetings-drafts", "secretary", "/meetings?view=drafts"),
    View("meetings-none", "secretary", "/meetings?q=zzzz"),
    View("week", "secretary", "/meetings/week"),
    View("meeting-coming", "secretary", "/meetings/{coming}"),
    View("meeting-draft", "secretary", "/meetings/{draft}"),
    View("meeting-cancelled", "secretary", "/meetings/{cancelled}"),
    View("meeting-edit", "secretary", "/meetings/{coming}/edit", "/meetings/{meeting}/edit"),
    View("meeting-cancel", "secretary", "/meetings/{coming}/cancel", "/meetings/{meeting}/cancel"),
    View("room-draft", "secretary", "/meetings/{draft}/room", status=409),
    View("room-cancelled", "secretary", "/meetings/{cancelled}/room", status=410),
    View("booking", "secretary", "/meetings/new", "/meetings/new"),
    View(
        "booking-refused",
        "secretary",
        "/meetings/new",
        status=422,
        do=press('main [name="do"][value=publish]'),
    ),
    View("directory-secretary", "secretary", "/directory?q=minh+khai"),
    View("groups", "secretary", "/directory/groups", "/directory/groups"),
    View("group", "secretary", "/directory/groups/{group}", "/directory/groups/{group:int}"),
    View("group-new", "secretary", "/directory/groups/new", "/directory/groups/new"),
    View("home-it", "it_staff", "/home"),
    View("directory", "it_staff", "/directory", "/directory"),
    View("directory-none", "it_staff", "/directory?q=zzzz"),
    View("site", "it_staff", "/directory/sites/{site}", "/directory/sites/{code}"),
    View("site-edit", "it_staff", "/directory/sites/{site}/edit", "/directory/sites/{code}/edit"),
    View(
        "site-edit-refused",
        "it_staff",
        "/directory/sites/{site}/edit",
        status=422,
        do=send("main form", contact_phone="12", commissioned_on="30/02/2026"),
    ),
    View("site-new", "it_staff", "/directory/sites/{site}/another", "/directory/sites/{code}/another"),
    View(
        "site-new-refused",
        "it_staff",
        "/directory/sites/{site}/another",
        status=422,
        do=send("main form", code="a b", contact_phone="12"),
    ),
    View(
        "device",
        "it_staff",
        "/directory/sites/{site}/devices/{device}",
        "/directory/sites/{code}/devices/{device:int}",
    ),
    View("site-keys", "it_staff", "/directory/sites/{site}/keys", "/directory/sites/{code}/keys"),
    View(
        "site-key-secret",
        "it_staff",
        "/directory/sites/{twin}/keys",
        do=send('main form[action$="/keys"]', device="main"),
    ),
    View("rollout", "it_staff", "/directory/rollout", "/directory/rollout"),
    View("import", "it_staff", "/directory/import", "/directory/import"),
    View(
        "import-errors",
        "it_staff",
        "/directory/import",
        "/directory/import/{key}",
        do=upload(TABLE_WITH_ERRORS),
        data=HEADINGS,
    ),
    View("import-preview", "it_staff", "/directory/import", do=upload(TABLE), data=HEADINGS),
    View("home-administrator", "administrator", "/home"),
    View("people", "administrator", "/people", "/people"),
    View("people-none", "administrator", "/people?q=zzzz"),
    View("person", "administrator", "/people/{person}", "/people/{person:int}"),
    View("person-secret", "administrator", "/people/{other}", do=issue_password),
    View("person-edit", "administrator", "/people/{person}/edit", "/people/{person:int}/edit"),
    View("person-new", "administrator", "/people/new", "/people/new"),
    View(
        "person-new-refused",
        "administrator",
        "/people/new",
        status=422,
        do=send("main form", login="không được", email="ab"),
    ),
    View("audit", "administrator", "/audit", "/audit"),
    View("audit-none", "administrator", "/audit?since=01/01/2001&until=02/01/2001"),
    View("audit-wrong", "administrator", "/audit?since=31/02/2026&who=khong.co", status=422),
    View("home-site", "site", "/home"),
    View("kiosk", "site", "/kiosk", "/kiosk", ready=APP),
    View("examples", "nobody", "/examples", "/examples"),
    View("examples-form", "nobody", "/examples/form", "/examples/form"),
)

NOT_PAGES = {
    "/api/rooms": "for scripts",
    "/directory/export.{form}": "a file",
    "/directory/import/{key}/errors.csv": "a file",
    "/healthz": "for monitors",
    "/metrics": "for monitors",
    "/meetings/chairs": "a part of the booking form",
    "/kiosk-worker.js": "a script",
}
"""Routes of GET without a page of their own, and why."""
PROGRAMS = ("/api/v1/", "/rtc", "/twirp/", "/static/", "/settings")
"""Where all routes are for programs."""
