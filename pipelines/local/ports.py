"""Look whether a server can listen, before the work that it needs."""

from __future__ import annotations

import socket

from components.contracts.process.errors import StreetloopError


def check_free(host: str, port: int) -> None:
    """Raise a StreetloopError if nothing can listen on a port of this machine's address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise StreetloopError(
            f"Cannot listen on port {port} of {host}: {error.strerror or error}. Choose another one with "
            "--port, or stop the program that uses it."
        ) from error
