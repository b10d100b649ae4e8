"""What the operating system allows this process: descriptors."""

from __future__ import annotations

import resource
from typing import Final

WANTED_DESCRIPTORS: Final = 16_384
"""Sockets of 579 sites and their pages, ten times over."""

ENOUGH_DESCRIPTORS: Final = 4_096


def raise_descriptor_limit(wanted: int = WANTED_DESCRIPTORS) -> tuple[int, str]:
    """Raise the soft limit of open files as far as ``wanted`` and the hard limit allow.

    Gives the limit that holds now, and a sentence for the log when it is too
    low for a large meeting, else nothing.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    if soft == unlimited or soft >= wanted:
        return wanted if soft == unlimited else soft, ""
    target = wanted if hard == unlimited else min(wanted, hard)
    if target > soft:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            soft = target
        except (OSError, ValueError):
            pass
    if soft >= ENOUGH_DESCRIPTORS:
        return soft, ""
    return soft, (
        f"only {soft} files may be open, {ENOUGH_DESCRIPTORS} are advised for a large meeting:"
        f" raise the hard limit (ulimit -Hn, LimitNOFILE= of systemd)"
    )
