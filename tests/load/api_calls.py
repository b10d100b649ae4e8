"""Calls of the REST API made up from its document by Schemathesis, against the whole service.

The service has Hanoi's 579 sites, meetings of every state, groups and people, and each role calls it as
another system does, by its login and password.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import rights_stage
from rest_caller import basic
from serving_harness import Running, running
from signed_in import PASSWORD, World

from directory.sites import all_sites
from web.rest.calls import PREFIX
from web.settings import load

HOOKS: Final = Path(__file__).with_name("api_hooks.py")
PHASES: Final = "examples,coverage,fuzzing,stateful"
CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
)
"""For every pass. All but five: rules go beyond what a schema can say (positive_data_acceptance), a missing
If-Match is answered with 428 (missing_required_header; RFC 6585, section 3), wrong credentials are throttled
with 429 (ignored_auth), who may see what is the table of rights (object_level_authorization), and this:"""
AS_DESCRIBED: Final = "negative_data_rejection"
"""For calls that are Schemathesis's own: what the hooks put in makes malformed ones well-formed."""
ROLES: Final = ("all", "official")
"""Logins: one with every role of people, and a plain person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run of Schemathesis has seen."""

    name: str
    code: int
    cases: int
    operations: int
    failures: list[str]
    answers: dict[str, int]
    """Of well-formed calls: accepted, rejected, in conflict, about nothing that there is."""
    text: str
    """All that it printed."""


async def set_up(world: World) -> dict[str, list[Any]]:
    """Things of each kind; by name, for the hooks."""
    stage = await rights_stage.set_up(world)
    await world.person("all", roles=("secretary", "administrator", "it_staff", "chair"), password=PASSWORD)
    # Two more who may administer: whatever is changed, somebody can.
    for login in ("quantri1", "quantri2"):
        await world.person(login, roles=("administrator",))
    spare = [await stage.spare() for _ in range(6)] + [await stage.spare(publish=True) for _ in range(6)]
    meetings = [stage.own, stage.other, stage.draft, stage.closed, *spare]
    group = [(await stage.group()).id for _ in range(6)]
    async with world.database.read() as session:
        sites = [site.code for site in (await all_sites(session))[:40]]
    people = [number for login, number in world.people.items() if login not in ROLES]
    return {
        "meeting": [meeting.id for meeting in meetings],
        "group": group,
        "site": sites,
        "unit": ["01", "00004", "00008"],
        "person": people,
        "chair": [world.people["chair"], world.people["chair2"]],
        "secretary": [world.people["secretary"], world.people["secretary2"]],
    }


@contextlib.asynccontextmanager
async def api_service(folder: Path, built: Path) -> AsyncIterator[tuple[Running, dict[str, list[Any]]]]:
    """The service on a free port, and what there is in it. ``built`` are the pages' scripts."""
    settings = load(
        environment={},
        overrides={
            "bind": ["127.0.0.1"],
            "port": 0,
            "udp_port": 0,
            "https_port": 0,
            "loopback": True,
            "state_dir": str(folder / "state"),
        },
    )
    async with running(settings, built) as served:
        yield served, await set_up(World(served.service))


async def make_calls(
    served: Running,
    known: dict[str, list[Any]],
    role: str,
    folder: Path,
    *,
    most: int,
    hooked: bool,
    phases: str = PHASES,
    seed: int = 1,
) -> Outcome:
    """Let Schemathesis call as somebody of ``role``, with up to ``most`` cases for each operation.

    ``hooked``: mostly about things that there are, instead of made-up ones.
    """
    report = folder / f"{role}-{hooked}.json"
    checks = CHECKS if hooked else (*CHECKS, AS_DESCRIBED)
    environment = dict(os.environ)
    if hooked:
        environment |= {"SCHEMATHESIS_HOOKS": str(HOOKS), "API_KNOWN": json.dumps(known)}
    url = f"http://127.0.0.1:{served.port}{PREFIX}/openapi.json"
    command = [sys.executable, "-m", "schemathesis.cli", "run", url, "--phases", phases]
    command += ["--header", f"Authorization: {basic(role)}", "--checks", ",".join(checks)]
    command += ["--max-examples", str(most), "--seed", str(seed), "--continue-on-failure"]
    command += ["--warnings", "off", "--no-color", "--suppress-health-check", "all"]
    command += ["--report", "json", "--report-json-path", str(report)]
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    told = json.loads(report.read_text("utf-8")) if report.exists() else {}
    return _outcome(
        f"{role}, {'known things' if hooked else 'made-up things'}", process.returncode or 0, told, text
    )


def _outcome(name: str, code: int, told: dict[str, Any], text: str) -> Outcome:
    answers: Counter[str] = Counter()
    for phases in told.get("valid_rates", {}).values():
        for counts in phases.values():
            answers.update(counts)
    return Outcome(
        name=name,
        code=code,
        cases=int(told.get("test_cases", {}).get("generated", 0)),
        operations=int(told.get("operations", {}).get("tested", 0)),
        failures=[
            f"{one.get('title')}: {', '.join(map(str, one.get('operations', [])))}"
            for one in [*told.get("failures", []), *told.get("errors", [])]
        ],
        answers=dict(answers),
        text=text,
    )
