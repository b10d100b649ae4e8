"""Links in Markdown: relative ones must lead to a file, and their anchors to a heading."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Final
from urllib.parse import unquote

_LINK: Final = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE: Final = re.compile(r"(?m)^\[[^\]]+\]:\s+<?(\S+?)>?\s*$")
_IMAGE: Final = re.compile(r"<img[^>]*\ssrc=\"([^\"]+)\"")
_FENCE: Final = re.compile(r"(?ms)^(```|~~~).*?^\1\s*$")
_HEADING: Final = re.compile(r"(?m)^#{1,6}\s+(.*?)\s*#*$")


def problems(root: Path, files: list[Path]) -> list[str]:
    """Dead links of all tracked Markdown files."""
    found = []
    for path in files:
        if path.suffix == ".md":
            found += check_document(root, path)
    return found


def check_document(root: Path, path: Path) -> list[str]:
    """Dead links of one document."""
    text = _FENCE.sub("", path.read_text("utf-8"))
    text = re.sub(r"`[^`\n]*`", "", text)
    name = path.relative_to(root).as_posix()
    result = []
    for target in [*_LINK.findall(text), *_REFERENCE.findall(text), *_IMAGE.findall(text)]:
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        file, _, anchor = unquote(target).partition("#")
        if file.startswith("/"):
            result.append(f"{name}: {target} is not relative")
            continue
        goal = path if not file else (path.parent / file).resolve()
        if not goal.is_relative_to(root.resolve()) or not goal.exists():
            result.append(f"{name}: {target} leads nowhere")
        elif anchor and goal.suffix == ".md" and anchor not in anchors(goal.read_text("utf-8")):
            result.append(f"{name}: {target} has no such heading")
    return result


def anchors(text: str) -> set[str]:
    """Names of a document's headings as forges make them."""
    found: set[str] = set()
    for heading in _HEADING.findall(_FENCE.sub("", text)):
        plain = re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = "".join(
            character
            for character in unicodedata.normalize("NFC", plain).lower()
            if character.isalnum() or character in " -_"
        ).replace(" ", "-")
        number = 0
        name = slug
        while name in found:
            number += 1
            name = f"{slug}-{number}"
        found.add(name)
    return found
