"""Who and where: units, places, endpoints and devices, people, credentials, audit log.

Contract: answers questions about the installation's people and sites from the
database. May import nothing of the other parts. Left out: meetings, media.
"""
