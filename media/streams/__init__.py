"""A shelf of small pure structures, one idea each, with time as an argument.

Sequence maps, packet caches, NACK lists, reception statistics, keyframe
throttles, layer choice, active speakers, connection quality. None knows
another, none reads a clock, each has its test file.
"""
