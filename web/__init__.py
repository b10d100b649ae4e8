"""What people and operators touch: the application, its pages, the command line.

Lives here: ``create_app``, ``assembly`` that wires all parts, settings, logs,
metrics, the TypeScript pages. May import every other part; no other part
imports it.
"""
