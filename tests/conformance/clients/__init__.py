"""Drivers of foreign clients: the PyPI SDK, `livekit-client` in Chromium, and bare protocol messages."""
