"""Checks of the tree itself: imports, links, lengths, traces, documents. Each gives a list of problems."""
