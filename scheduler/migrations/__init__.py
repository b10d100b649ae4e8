"""Revisions of the scheduler's tables, for ``directory.migrations.migrate``."""

from pathlib import Path

VERSIONS = Path(__file__).resolve().parent / "versions"
"""The folder to give."""
