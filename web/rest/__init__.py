"""The REST API under ``/api/v1``: the directory, meetings and attendance for other systems of the city.

Contract: the rules and rights of the pages, from the same modules; one form of errors; an OpenAPI
document made from the very models that check what comes in. Left out: tickets into rooms and what a
site's screen asks (``web.conference``, ``web.site_pages``), which belong to our own pages.
"""
