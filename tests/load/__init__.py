"""Measurements that run the real relay as a process of its own: loss, recovery, churn, load.

``load_*.py`` are the parts, ``show_*.py`` the scripts behind ``make show-…``; each script writes its raw
figures into ``docs/evidence``.
"""
