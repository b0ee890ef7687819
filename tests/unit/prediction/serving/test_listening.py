import socket

from sightline.prediction.serving.server import listen


def test_answers_are_sent_without_waiting_for_acknowledgements():
    """Without the protocol of the socket, asyncio leaves Nagle's algorithm on: 40 ms a request."""
    with listen("127.0.0.1", 0) as listening:
        assert listening.proto == socket.IPPROTO_TCP
