"""The engine's end of the socket; the client's is in link.py."""

from collections.abc import Iterator

import msgspec
import zmq

from tramontane.engine.request import FromEngine, ToEngine


class Channel:
    """The engine's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.SNDHWM, 0)  # tokens are few and bounded: never wait for the client
        self._socket.connect(address)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ToEngine)

    def send(self, message: FromEngine) -> None:
        self._socket.send(self._encoder.encode(message))

    def receive(self, wait: bool) -> Iterator[ToEngine]:
        """Every message that is there; if `wait`, at least one."""
        if wait:
            yield self._decoder.decode(self._socket.recv())
        while self._socket.poll(0):
            yield self._decoder.decode(self._socket.recv())

    def close(self) -> None:
        """Returns when everything is sent."""
        self._socket.close(linger=1000)
        zmq.Context.instance().term()
