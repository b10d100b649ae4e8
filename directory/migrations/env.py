"""Alembic's environment: runs in the connection and the transaction that ``migrate`` has opened."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from directory.model import Base, Instant


def render(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """A revision must not change with our classes, so an instant is written as what it is stored as."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, Instant) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=render,
    transaction_per_migration=False,
)
context.run_migrations()
