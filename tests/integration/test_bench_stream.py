"""A stream of the bench over a real connection, with a reader that stops at some frames as Asterisk does."""

import os
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.bench.detection.asterisk_stream import FRAME_BYTES, Stream
from voicedrop.errors import LabError

TIMEOUT_S = 30.0


def read_until_hung_up(connection: socket.socket, stream: Stream, gates: list[Path], stops: set[int]) -> list[int]:
    """The first sample of each frame; declares behind the frames of `stops` and waits at the gates in turn."""
    read: list[int] = []
    stopped = 0
    while True:
        message = connection.recv(3, socket.MSG_WAITALL)
        if message == b"\0\0\0":
            return read
        frame = connection.recv(FRAME_BYTES - 3, socket.MSG_WAITALL)
        read.append(int.from_bytes(frame[:2], "little"))
        if len(read) in stops:
            stream.declared([str(len(read))])
            gates[stopped % 2].write_text("\n")
            stopped += 1


@pytest.fixture
def gates(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "gate1", tmp_path / "gate0"]
    for gate in made:
        os.mkfifo(gate)
    return made


def test_declarations_are_counted_to_the_frame(gates: list[Path]) -> None:
    samples = np.repeat(np.arange(5000, dtype=np.int16), 160)
    stops = {1, 2, 3, 777, 778, 4999, 5000}
    stream = Stream(gates)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as far:
        near, _ = server.accept()
        read: list[int] = []

        def asterisk() -> None:
            read.extend(read_until_hung_up(far, stream, gates, stops))
            far.close()

        reader = threading.Thread(target=asterisk)
        reader.start()
        stream.connected(near)
        assert stream.play(samples, TIMEOUT_S) == sorted(stops)
        reader.join(TIMEOUT_S)
        stream.close()
    assert stream.said == [(str(stop),) for stop in sorted(stops)]
    assert read == list(range(5000))


def test_a_channel_that_ends_early_is_an_error(gates: list[Path]) -> None:
    stream = Stream(gates)
    with socket.create_server(("127.0.0.1", 0)) as server:
        far = socket.create_connection(server.getsockname())
        near, _ = server.accept()
        far.close()
        stream.connected(near)
        with pytest.raises(LabError, match="ended before"):
            stream.play(np.zeros(160 * 50_000, np.int16), TIMEOUT_S)
        stream.close()


def test_asterisk_that_does_not_call_is_an_error(gates: list[Path]) -> None:
    stream = Stream(gates)
    with pytest.raises(LabError, match="did not call"):
        stream.play(np.zeros(160, np.int16), 0.01)
    stream.close()
