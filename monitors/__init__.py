"""The health of sites: agents, probes of lines and cameras, states, incidents.

Contract: readings become states with reasons, and states become incidents.
May import ``directory`` and ``signaling.client``. Left out: pages, meetings.
"""
