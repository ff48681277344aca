"""From what Asterisk declared to stream times of recordings; what goes over the wire, and what the kernel answers."""

import struct
from pathlib import Path

import numpy as np
import pytest

from tests.bench.detection import asterisk, asterisk_server
from tests.bench.detection.asterisk_meter import reading
from tests.bench.detection.asterisk_stream import FRAME_BYTES, messages
from tests.bench.detection.manifest import BeepTruth, Recording
from tests.bench.detection.waves import Samples
from voicedrop.errors import LabError
from voicedrop.lab.debian import RECIPE
from voicedrop.lab.site import Site


def sound(frames: int, value: int, rest: int = 0) -> Samples:
    return np.full(frames * 160 + rest, value, np.int16)


def recording(*hz: float) -> Recording:
    beep = BeepTruth(start_ms=0, end_ms=1, kind="single", source="", hz=hz, dbfs=-20.0)
    return Recording(
        file="x.wav", split="tuning", kind="mailbox", layout="", voice="v", duration_ms=1, beeps=(beep,) if hz else ()
    )


def test_a_tape_has_whole_frames_and_a_gap_behind_each_recording() -> None:
    tape = asterisk.tape([2, 0], [sound(3, 1, rest=159), sound(9, 2), sound(2, 3)])
    assert tape.starts == (0, 2 + asterisk.GAP_FRAMES)
    assert len(tape.samples) == (2 + 3 + 2 * asterisk.GAP_FRAMES) * 160
    frames = tape.samples.reshape(-1, 160)[:, 0]
    assert list(np.flatnonzero(frames == 3)) == [0, 1]
    assert list(np.flatnonzero(frames == 1)) == [52, 53, 54]


def test_declarations_become_times_of_the_recording_that_was_playing() -> None:
    tape = asterisk.tape([2, 0], [sound(3, 1), sound(9, 2), sound(2, 3)])
    # After one frame and after two of the first; one into the gap; the gap's last; first and last frame of the second.
    assert tape.heard([1, 2, 3, 52, 53, 55, 56]) == [(2, 20.0), (2, 40.0), (0, 20.0), (0, 60.0)]


def test_a_declaration_before_any_frame_belongs_to_nothing() -> None:
    assert asterisk.tape([0], [sound(3, 1)]).heard([0]) == []


@pytest.mark.parametrize(
    ("at_ms", "kept"),
    [
        ([], []),
        ([500, 100, 120], [100, 500]),
        ([100, 300, 500, 700], [100]),  # one tone that is declared again and again
        ([100, 349.9], [100]),
        ([100, 350], [100, 350]),
    ],
)
def test_one_declaration_for_one_tone(at_ms: list[float], kept: list[float]) -> None:
    assert asterisk.first_of_each(at_ms) == kept


def test_what_is_told_where_there_is_no_beep_is_the_beeps_of_the_others_in_turn() -> None:
    recordings = [recording(999.6, 1500), recording(440.2), recording(), recording()]
    assert asterisk.told_hz(recordings) == [1000, 440, 1000, 440]


def test_recordings_with_the_same_beep_go_to_one_channel() -> None:
    recordings = [recording(1000), recording(440), recording(1000)]
    plan = asterisk.told("wait-for-tone", 50)(recordings, [sound(1, 1), sound(2, 2), sound(3, 3)])
    assert [(listener.hz, tape.numbers) for listener, tape in plan] == [(440, (1,)), (1000, (0, 2))]


def test_every_tone_of_a_grid_hears_everything() -> None:
    plan = asterisk.one_tone_each("tone-detect", (400, 425), 50)([recording(400), recording()], [sound(1, 1)] * 2)
    assert [listener.hz for listener, _ in plan] == [400, 425]
    assert all(tape.numbers == (0, 1) for _, tape in plan)


def test_messages_are_audiosocket() -> None:
    sent = messages(np.arange(-160, 160 + 159, dtype=np.int16))
    assert len(sent) == 2 * FRAME_BYTES
    assert sent[:3] == b"\x10\x01\x40"
    assert struct.unpack("<160h", sent[FRAME_BYTES + 3 :]) == tuple(range(160))


def answer(*attributes: tuple[int, bytes], unread: int = 0, kind: int = 20) -> bytes:
    """What sock_diag sends about one socket."""
    body = bytes(56) + struct.pack("=I", unread) + bytes(12)
    for number, value in attributes:
        body += struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_what_is_read_is_what_was_received_less_what_waits() -> None:
    information = bytes(128) + struct.pack("=Q", 323_000) + bytes(100)
    found = reading(answer((8, b"\0"), (2, information), unread=646))
    assert (found.received, found.unread, found.read) == (323_000, 646, 323_000 - 646)


@pytest.mark.parametrize("reply", [answer((8, b"\0")), answer(kind=2)], ids=["no information", "an error"])
def test_a_socket_that_the_kernel_does_not_know_is_an_error(reply: bytes) -> None:
    with pytest.raises(LabError, match="the kernel does not tell"):
        reading(reply)


def test_without_the_tree_the_report_says_how_to_get_it(tmp_path: Path) -> None:
    assert "voicedrop lab up" in str(asterisk_server.obstacle(Site(home=tmp_path)))


def test_an_older_tree_is_no_tree(tmp_path: Path) -> None:
    (tmp_path / "built").write_text(f"older than {RECIPE}")
    assert asterisk_server.obstacle(Site(home=tmp_path)) is not None
