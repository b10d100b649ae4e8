"""What every page is judged by: axe, its width, its way of Tab, its language."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from web import i18n
from web.i18n import Language

AXE = Path(__file__).parents[2] / "web/frontend/node_modules/axe-core/axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_LONG_ENOUGH = 10
"""Letters of a sentence that cannot stand in data of another language by chance."""

_STOPS = """(trim) => {
  // A list of hundreds is one stop after another; its first ones stand for all.
  if (trim) for (const list of document.querySelectorAll("main :is(ul, ol, tbody)"))
    [...list.children].slice(4).forEach((one) => one.remove());
  // Of radio buttons Tab reaches the chosen one, or the first where none is chosen.
  const stopOf = (e) => { const all = [...(e.form ?? document).querySelectorAll(
    `input[type=radio][name="${CSS.escape(e.name)}"]`)]; return all.find((one) => one.checked) ?? all[0]; };
  const all = [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [tabindex='0']")].filter((e) => e.tabIndex >= 0 &&
    !e.disabled && e.type !== "hidden" && e.checkVisibility({ visibilityProperty: true }) &&
    !e.closest("[inert]") && !(e.type === "radio" && e !== stopOf(e)));
  all.forEach((e, i) => e.setAttribute("data-walk", i));
  return all.map((e) => e.outerHTML.slice(0, 120)); }"""
_STEP = """() => { const e = document.activeElement; const box = e.getBoundingClientRect();
  // A small box of a form may show its focus on the label that belongs to it.
  const shown = [e, ...(e.labels ?? []), e.parentElement].filter(Boolean).some((one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2); });
  return [e.dataset.walk ?? "", shown, box.bottom > 0 && box.top < innerHeight,
    e.outerHTML.slice(0, 120)]; }"""
_SAID = """() => { const page = document.documentElement.lang; const said = [];
  const ours = (e) => (e.closest("[lang]")?.lang ?? "") === page &&
    !e.closest("script, style, noscript, template, textarea, [contenteditable]");
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) { const node = walk.currentNode;
    if (node.data.trim() && node.parentElement && ours(node.parentElement))
      said.push(node.data.replace(/\\s+/g, " ").trim()); }
  for (const e of document.querySelectorAll("[alt], [aria-label], [placeholder], [title], [data-column]"))
    if (ours(e)) for (const name of ["alt", "aria-label", "placeholder", "title", "data-column"])
      if (e.getAttribute(name)?.trim()) said.push(e.getAttribute(name).replace(/\\s+/g, " ").trim());
  said.push(document.title); return said; }"""


async def axe_faults(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA, as rule and element."""
    if not await page.evaluate("typeof axe === 'object'"):
        await page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = await page.evaluate(
        "(tags) => axe.run(document, { runOnly: { type: 'tag', values: tags } })", RULES
    )
    return [f"{fault['id']}: {node['html']}" for fault in found["violations"] for node in fault["nodes"]]


async def too_wide(page: Page) -> list[str]:
    """Elements that stand out of the window, if the page can be scrolled sideways."""
    found: list[str] = await page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : ["page",
        ...[...document.querySelectorAll("body *")].filter((e) => !e.closest(".sr-only") &&
        e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90))]"""
    )
    return found


async def cut_text(page: Page) -> list[str]:
    """Elements of a server-made page whose text is cut off."""
    found: list[str] = await page.evaluate(
        """() => [...document.querySelectorAll("main :is(a, button, p, h1, h2, h3, th, td, label, .badge)")]
        .filter((e) => e.offsetParent && !e.closest(".sr-only, thead") &&
          getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1)
        .map((e) => e.outerHTML.slice(0, 90))"""
    )
    return found


async def walk_faults(page: Page, *, trim: bool) -> list[str]:
    """Controls that Tab does not reach, or not visibly. With ``trim`` long lists are shortened first."""
    wanted: list[str] = await page.evaluate(_STOPS, trim)
    await page.evaluate("() => { document.activeElement?.blur(); scrollTo(0, 0); }")
    reached: set[str] = set()
    faults: list[str] = []
    # Once round: the browser's own controls lie between the last and the first.
    for _ in range(len(wanted) + 12):
        await page.keyboard.press("Tab")
        at, shown, in_sight, html = await page.evaluate(_STEP)
        if at in reached:
            continue
        if at:
            reached.add(at)
            faults += [] if shown else [f"no visible focus: {html}"]
            faults += [] if in_sight else [f"focus out of sight: {html}"]
        if len(reached) == len(wanted):
            break
    missed = [html for number, html in enumerate(wanted) if str(number) not in reached]
    return faults + [f"Tab does not reach: {html}" for html in missed]


async def word_faults(page: Page, language: Language, data: Iterable[str] = ()) -> list[str]:
    """Words of another language than the page's, and keys that nobody translated.

    What is ``data``, such as the title of a meeting, may be in any language.
    """
    known = sorted(data, key=len, reverse=True)
    found = []
    if await page.evaluate("document.documentElement.lang") != language:
        found.append("the page names another language")
    said: list[str] = await page.evaluate(_SAID)
    for text in dict.fromkeys(_without(text, known) for text in said):
        found += [f"{why}: {text[:120]}" for why in strange(text, language)]
    return found


def _without(text: str, known: Sequence[str]) -> str:
    for one in known:
        text = text.replace(one, "")
    return " ".join(text.split())


def strange(text: str, language: Language) -> Iterator[str]:
    """Why ``text`` must not stand on a page of ``language``."""
    own, other = i18n.catalogue(language), _foreign(language)
    if any(word in own for word in re.findall(r"[a-z_]+(?:\.[a-z0-9_]+)+", text)):
        yield "a key"
    if text in other:
        yield "of another language"
    elif text not in _whole(language):
        yield from (
            f"has words of another language, {sentence!r}"
            for sentence in other
            if len(sentence) >= _LONG_ENOUGH and " " in sentence and sentence in text
        )


@cache
def _whole(language: Language) -> frozenset[str]:
    return frozenset(i18n.catalogue(language).values())


@cache
def _foreign(language: Language) -> frozenset[str]:
    """Sentences, and the parts of sentences between their values, that the language itself does not have."""
    own = _parts(language)
    return frozenset(
        part for other in i18n.LANGUAGES if other != language for part in _parts(other) if part not in own
    )


def _parts(language: Language) -> set[str]:
    found = set()
    for text in i18n.catalogue(language).values():
        for literal, *_ in string.Formatter().parse(text):
            part = " ".join(literal.split()).strip(" .,:;–()“”")
            if re.search(r"[^\W\d_]{2}", part):
                found |= {part, " ".join(literal.split())}
    return found
