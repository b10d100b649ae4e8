"""Who comes in, and what they may do: secrets, credentials, sign-in, sessions, rights.

Contract: ``signin`` turns a password or a device's key into a session, ``sessions`` turns
its cookie into a :class:`~directory.access.principal.Principal`, ``rights.may`` says what
that principal may do. Secrets are shown once and kept as hashes. Left out: cookies as HTTP
knows them, and pages.
"""
