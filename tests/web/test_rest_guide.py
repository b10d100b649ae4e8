"""The examples of docs/rest-api.md, carried out in their order against a service."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from rest_caller import basic, leaders
from signed_in import PASSWORD, World

from web.rest.errors import Details, Problem

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "rest-api.md"
HOST = "https://diemcau.example"


@dataclass
class Curl:
    """A command line of curl, as far as the guide uses it."""

    method: str = "GET"
    url: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    data: str | None = None


def examples() -> list[Curl]:
    """All commands of the guide."""
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    commands = [command for block in blocks for command in re.split(r"\n(?=curl)", block.strip())]
    return [read(shlex.split(command.replace("\\\n", " "))) for command in commands]


def read(words: list[str]) -> Curl:
    """A command line; an option that is not known here fails."""
    assert words[:3] == ["curl", "--netrc-file", "login"]
    made = Curl()
    rest = iter(words[3:])
    for word in rest:
        match word:
            case "-X":
                made.method = next(rest)
            case "-H":
                name, _, value = next(rest).partition(": ")
                made.headers[name] = value
            case "-d":
                made.data = next(rest)
            case _:
                assert word.startswith(f"{HOST}/api/v1/"), word
                made.url = word.removeprefix(HOST)
    return made


async def test_the_examples_do_what_the_guide_says(world: World) -> None:
    await world.sites()
    assert await leaders(world) == (1, 2)
    roles = ("secretary", "it_staff", "administrator")
    await world.person("he-thong", roles=roles, password=PASSWORD)
    done: list[tuple[str, int]] = []
    meeting = ""
    async with world.browser() as browser:
        for one in examples():
            answer: httpx.Response = await browser.request(
                one.method,
                one.url.replace("MEETING", meeting),
                headers={"Authorization": basic("he-thong"), "Accept": "*/*", **one.headers},
                content=one.data.encode() if one.data else None,
            )
            done.append((f"{one.method} {one.url.partition('?')[0]}", answer.status_code))
            if done[-1] == ("POST /api/v1/meetings", 201):
                meeting = answer.json()["id"]
                assert len(answer.json()["sites"]) > 0
    assert [(what, status) for what, status in done if status >= 300] == []
    assert len(done) == 11
    assert ("DELETE /api/v1/groups/1", 204) in done


def test_the_guide_tells_the_form_of_errors_as_it_is() -> None:
    text = GUIDE.read_text("utf-8")
    for name in (*Problem.model_fields, *Details.model_fields):
        assert f'"{name}"' in text or f"details.{name}" in text
