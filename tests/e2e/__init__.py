"""Whole-system tests: real browsers on our pages, native SDK peers, our service as a child process."""
