"""Addresses to listen on, and the names by which others call them."""

import ipaddress
import socket

from tramontane.common.errors import SettingsError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int) -> socket.socket:
    """A listening socket: an address that is taken is known before a model is loaded. Raise SettingsError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen()
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {host} port {port} ({error.strerror}): choose another with --host or --port."
        ) from error
    return listener


def host_names(host: str) -> frozenset[str] | None:
    """Names by which requests may call a server on `host`; None, for any, if it listens on every address."""
    try:
        if ipaddress.ip_address(host).is_unspecified:
            return None
    except ValueError:
        pass  # a name
    return LOOPBACK_NAMES | {_in_url(host)}


def url_of(host: str, listener: socket.socket) -> str:
    """The address for a browser on this machine."""
    port: int = listener.getsockname()[1]
    return f"http://{'127.0.0.1' if host_names(host) is None else _in_url(host)}:{port}"


def _in_url(host: str) -> str:
    return f"[{host.lower()}]" if ":" in host else host.lower()
