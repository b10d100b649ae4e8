"""Session descriptions: reading, writing, and offer/answer for both directions.

``types`` has the records that the rest of ``media`` sees; nobody outside this
folder touches SDP text. Pure: no I/O, no clock.
"""
