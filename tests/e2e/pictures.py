"""Pictures of all pages, in both languages and three sizes, by one command: `make pictures`.

All go into ``build/pictures``, which is not tracked; a few of them into ``docs/pictures`` as well.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from playwright.async_api import async_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from conformance.clients.browser import CHROMIUM  # noqa: E402

from e2e.conftest import ARGUMENTS, KINDLY  # noqa: E402
from e2e.picture_album import Album  # noqa: E402
from e2e.picture_kiosk import take_kiosk  # noqa: E402
from e2e.picture_pages import take_pages  # noqa: E402
from e2e.picture_room import take_room  # noqa: E402


async def take(album: Album, only: str) -> None:
    """Start what is needed, take the pictures, stop it."""

    def wanted(name: str) -> bool:
        return not only or any(name.startswith(part) for part in only.split(","))

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*ARGUMENTS, *KINDLY])
        await take_pages(browser, album, wanted)
        if wanted("open-room"):
            await take_room(browser, album)
        await browser.close()
    if wanted("kiosk-"):
        await take_kiosk(album)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "build" / "pictures")
    parser.add_argument("--only", default="", help="beginnings of names, with commas between them")
    arguments = parser.parse_args()
    album = Album(arguments.folder, ROOT / "docs" / "pictures")
    asyncio.run(take(album, arguments.only))
    print(f"{album.count} pictures in {album.folder}")


if __name__ == "__main__":
    main()
