"""The one module of ``media`` that reads a clock; all else takes ``now`` as an argument."""

import time


def monotonic() -> float:
    """Seconds that never go back; the ``now`` of every structure in ``media``."""
    return time.monotonic()


def wall() -> float:
    """Seconds since the Unix epoch, for NTP stamps in RTCP and nothing else."""
    return time.time()
