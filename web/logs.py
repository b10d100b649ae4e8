"""Logs: one JSON object per line on standard error, or lines for a terminal; never a token.

Everything goes through structlog, the loggers of libraries too. Our own code
names fields; libraries give sentences. Both pass :func:`redact`, the last line
of defence after the rule that no secret is logged at all: values of the query
parameters and headers that carry secrets are cut out of every text.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

QUIET: Final = (
    "uvicorn",
    "uvicorn.error",
    "uvicorn.access",
    "websockets",
    "httpx",
    "httpcore",
    "aiortc",
    "aioice",
)
"""Libraries of which only warnings are of use; some write whole addresses, with tokens, below that."""

FAILURES_ONLY: Final = ("uvicorn.error",)
"""What this one warns of is what any stranger can send, as often as he likes."""

_SECRET_PARAMETERS: Final = re.compile(
    r"(?i)\b(access_token|join_request|token|secret|password|k|ticket)=[^&\s\"'<>]+"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_JWT: Final = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.?[A-Za-z0-9_-]*")
_CUT: Final = "***"
_MAX_TEXT: Final = 8_000


_CONTROLS: Final = {
    number: f"\\x{number:02x}" for number in [*range(9), *range(11, 32), *range(127, 160)]
} | {
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
"""Signs that could steer a terminal that shows the log; with them goes the carriage return."""

_MANY_LINES: Final = frozenset({"exception", "stack", "traceback"})
"""Fields that may have more than one line; in all others a line end could forge a line of the log."""


def clean(text: str) -> str:
    """``text`` without what looks like a secret, and not longer than a log line should be."""
    text = _SECRET_PARAMETERS.sub(rf"\1={_CUT}", text)
    text = _BEARER.sub(rf"\1 {_CUT}", text)
    text = _JWT.sub(_CUT, text)
    text = text.translate(_CONTROLS)
    return text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "…"


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: clean every text of an event."""
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = _cleaned(value)
            if isinstance(event[name], str) and name not in _MANY_LINES:
                event[name] = event[name].replace("\n", "\\n")
    return event


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return {str(name): _cleaned(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_cleaned(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return clean(str(value))


def configure(level: str = "info", *, json: bool = True, stream: TextIO | None = None) -> None:
    """Set logging up for this process; a second call replaces the first.

    ``level`` holds for our own loggers; libraries are heard from warning on.
    Tracebacks are without local variables, which may hold secrets.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    output = stream or sys.stderr
    renderer: Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=output.isatty(), pad_event_to=0)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, _front, renderer],
    )
    handler = logging.StreamHandler(output)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in QUIET:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(logging.ERROR if name in FAILURES_ONLY else logging.WARNING, root.level))
    logging.getLogger("asyncio").setLevel(max(logging.INFO, root.level))
    logging.captureWarnings(True)


def _front(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Processor: time, level and event first, so that lines can be read."""
    first = {name: event.pop(name) for name in ("time", "level", "event", "logger") if name in event}
    return {**first, **event}
