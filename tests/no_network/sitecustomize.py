"""Blocks the network in every Python process that has this folder on its PYTHONPATH.

Python imports a module called ``sitecustomize`` when it starts. The audit hook set here sees
each connection before it is made, whichever library asks for it, and cannot be taken off again.
Connections inside the machine stay allowed: the kernel talks to Jupyter through them.
Programs that are not Python (git, curl) are sent to a proxy that does not exist.
"""

import sys
from socket import gethostname

INSIDE = ("localhost", "127.", "::1", "0.0.0.0")
DEAD_PROXY_PORT = 9
EVENTS = {
    "socket.connect": 1,
    "socket.sendto": 1,
    "socket.sendmsg": 1,
    "socket.getaddrinfo": 0,
    "socket.gethostbyname": 0,
}


def block_network(event: str, arguments: tuple) -> None:
    """Raise ConnectionRefusedError when ``event`` would reach beyond this machine."""
    if event not in EVENTS:
        return
    target = arguments[EVENTS[event]]
    # A Unix socket's address is a path, an internet one starts with the host and its port.
    if event.startswith("socket.get"):
        host, port = target, arguments[1] if len(arguments) > 1 else None
    elif isinstance(target, tuple):
        host, port = target[:2]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    inside = not host or host.startswith(INSIDE) or host == gethostname()
    if not inside or port == DEAD_PROXY_PORT:
        raise ConnectionRefusedError(
            f"The network is blocked while notebooks are tested; something asked for {host!r}. "
            "A lesson must run without a network."
        )


sys.addaudithook(block_network)
