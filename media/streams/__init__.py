"""A shelf of small pure structures, one idea each, with time as an argument.

Sequence maps, packet caches, NACK lists, reception statistics, keyframe
throttles, layer choice, active speakers, connection quality. Few know another
(``bandwidth`` puts estimate, allocation and probing together), none reads a
clock, each has its test file.
"""
