"""Where pictures go: all of them into a folder that is not tracked, a few also into the documentation."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Page

SIZES = {"desktop": (1366, 768), "tablet": (768, 1024), "phone": (390, 844)}
LANGUAGES = ("vi", "en")
SHOWN = frozenset(
    {
        "booking-desktop-vi",
        "directory-tablet-vi",
        "home-chair-desktop-vi",
        "home-secretary-phone-vi",
        "import-errors-desktop-en",
        "kiosk-desktop-vi",
        "open-room-desktop-vi",
        "open-room-screen-phone-vi",
        "rollout-desktop-vi",
        "room-desktop-vi",
        "site-phone-vi",
        "week-desktop-en",
    }
)
"""What the documentation has, cut to the window: one of each kind of page, all sizes, both languages."""


class Album:
    """Keeps pictures in ``folder``, and those of :data:`SHOWN` in ``documents`` too."""

    def __init__(self, folder: Path, documents: Path) -> None:
        self.folder = folder
        self._documents = documents
        self.count = 0
        for one in (folder, documents):
            one.mkdir(parents=True, exist_ok=True)

    async def keep(self, page: Page, name: str, *, whole: bool = False) -> None:
        """Save what the window shows now, or the ``whole`` page down to its end."""
        await page.screenshot(path=self.folder / f"{name}.png", full_page=whole)
        self.count += 1
        if name in SHOWN:
            await page.screenshot(path=self._documents / f"{name}.png")
