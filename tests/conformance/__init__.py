"""Conformance suite: judges any LiveKit-compatible server with clients that are not ours.

A package, so that its helper modules are `conformance.…` and cannot collide with those of other test folders.
"""
