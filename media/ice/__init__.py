"""ICE-lite and the sockets: STUN checks answered on one UDP port for all peers (RFC 8445)."""
