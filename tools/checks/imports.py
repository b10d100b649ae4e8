"""Import directions: which part may import which. The table is that of the design, section 3."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

PARTS: Final = ("media", "signaling", "directory", "scheduler", "monitors", "web")

ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "media": (),
    "signaling": ("media",),
    "directory": (),
    # Of signaling: tokens, the client of RoomService, and the client; never the server.
    "scheduler": (
        "directory",
        "signaling.tokens",
        "signaling.grants",
        "signaling.errors",
        "signaling.client",
    ),
    "monitors": ("directory", "signaling.client", "signaling.errors"),
    "web": PARTS,
}
"""What a part may import beside itself: parts, or modules of parts."""

BANNED: Final[dict[str, tuple[str, ...]]] = {
    "media": ("starlette", "uvicorn", "sqlalchemy", "livekit", "jwt"),
    "signaling": ("sqlalchemy", "aiortc", "uvicorn", "jinja2"),
    "directory": ("starlette", "uvicorn", "aiortc", "livekit"),
    "scheduler": ("starlette", "uvicorn", "aiortc"),
    "monitors": ("starlette", "uvicorn"),
}
"""Libraries that would carry something into a part which it must not know."""

AIORTC_IN_CLIENT: Final = "signaling.client"
"""The Python client is built on aiortc; the server is not."""


def problems(root: Path, files: list[Path]) -> list[str]:
    """Imports that the table forbids, with file and line."""
    found = []
    for path in files:
        relative = path.relative_to(root)
        if relative.parts[0] in PARTS and path.suffix == ".py" and "node_modules" not in relative.parts:
            found += check_source(relative.as_posix(), path.read_text("utf-8"))
    return found


def check_source(name: str, text: str) -> list[str]:
    """Forbidden imports of one module; ``name`` is its path from the root."""
    module = name.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    part = module.split(".")[0]
    result = []
    for line, imported in imports_of(text, module, is_package=name.endswith("/__init__.py")):
        top = imported.split(".")[0]
        if top == "tests" or top == "tools":
            result.append(f"{name}:{line}: imports {imported}, which is not shipped")
        elif top in PARTS and top != part and not _allowed(part, imported):
            result.append(f"{name}:{line}: {part} may not import {imported}")
        elif top in BANNED.get(part, ()) and not (top == "aiortc" and _within(module, AIORTC_IN_CLIENT)):
            result.append(f"{name}:{line}: {part} may not import the library {top}")
    return result


def imports_of(text: str, module: str, *, is_package: bool = False) -> list[tuple[int, str]]:
    """All imports of a module, lazy ones and those for type checking too: line and full name."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = module.split(".")
                above = above[: len(above) - node.level + is_package]
                base = ".".join([*above, *filter(None, [node.module])])
            # ``from media import clock`` imports media.clock.
            found += [(node.lineno, f"{base}.{alias.name}") for alias in node.names]
    return found


def _allowed(part: str, imported: str) -> bool:
    return any(_within(imported, allowed) for allowed in ALLOWED[part])


def _within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")
