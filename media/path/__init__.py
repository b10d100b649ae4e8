"""The packet path in plain Python: the reference that a compiled one is compared with.

``python_path.PythonPacketPath`` implements ``media.ports.PacketPath``.
"""
