import socket

import pytest

from tramontane.api.address import host_names, is_loopback, listen, url_of
from tramontane.common.errors import SettingsError


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("192.168.1.2", False)],
)
def test_loopback(host: str, local: bool) -> None:
    assert is_loopback(host) is local


def test_names() -> None:
    assert host_names("0.0.0.0") is None
    assert host_names("::") is None
    assert "[::1]" in host_names("127.0.0.1")
    assert "chat.example" in host_names("Chat.Example")
    assert "[fd00::1]" in host_names("fd00::1")


def test_url_names_the_port_taken() -> None:
    with listen("127.0.0.1", 0) as listener:
        assert url_of("127.0.0.1", listener) == f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert url_of("0.0.0.0", listener).startswith("http://127.0.0.1:")


def test_port_in_use_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"port {port} .*--port"):
            listen("127.0.0.1", port)


def test_unknown_host_is_one_sentence() -> None:
    with pytest.raises(SettingsError, match="--host"):
        listen("nowhere.invalid", 8000)
