"""The demo's picture, timeline and file."""

import io
import json
import struct
import sys
from dataclasses import replace

import pytest
from rich.console import Console
from spoken import silence, speech

from voicedrop.errors import LabError
from voicedrop.lab.judge import Delivery
from voicedrop.lab.report import Mark, print_timeline, verdict, write_json, write_picture

MARKS = [
    Mark(name="hang-up", at_ms=21500, note="we hung up"),
    Mark(name="greeting", at_ms=400),
    Mark(name="code", at_ms=3100, note="*91"),
    Mark(name="agent free", at_ms=3112),
    Mark(name="beep", at_ms=6650, note="1000 Hz"),
    Mark(name="message start", at_ms=6990),
    Mark(name="message end", at_ms=20990),
]
WHOLE = Delivery(
    blocks=14,
    blocks_found=14,
    delivered_fraction=1.0,
    lowest_correlation=0.99,
    missing_head_ms=0.0,
    missing_tail_ms=0.0,
    dead_air_ms=180.4,
    offset_ms=180.4,
    fragments=0,
)


@pytest.mark.parametrize(
    ("audio", "marks", "kept"),
    [
        (speech(1, 6000), MARKS, speech(2, 14000)),
        (speech(1, 6000), MARKS, None),
        (speech(1, 6000), [], silence(0)),
        (silence(6000), [], None),
        (silence(0), MARKS, silence(0)),
        (silence(0), [], None),
    ],
)
def test_picture(tmp_path, audio, marks, kept):
    path = tmp_path / "new" / "demo.png"
    write_picture(path, audio, marks, "A drop", kept=kept, kept_offset_ms=6950)
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", data[16:24]) == (1400, 600)


def test_labels_do_not_overlap(tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, _path: figures.append(figure))
    crowd = [Mark(name=f"event {number}", at_ms=21000 + 3 * number) for number in range(5)]
    write_picture(tmp_path / "demo.png", speech(1, 6000), MARKS + crowd, "A drop with a title")
    figure = figures[0]
    renderer = figure.canvas.get_renderer()
    labels = [text for text in figure.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in labels]
    assert len(labels) == len(MARKS) + len(crowd) + 1  # and the title
    strip = figure.axes[0].get_window_extent(renderer)
    for number, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= 1400
        assert strip.y1 <= box.y0 < box.y1 <= 600
        assert not any(box.overlaps(other) for other in boxes[number + 1 :]), labels[number]


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(LabError, match=r"pip install voicedrop\[dev\]"):
        write_picture(tmp_path / "demo.png", silence(100), [], "A drop")


def printed(*args):
    out = io.StringIO()
    print_timeline(Console(file=out, width=160), *args)
    return out.getvalue()


def test_timeline():
    text = printed(MARKS, WHOLE, {"agent_freed_ms": 11.62, "beep_hz": 1000.0, "outcome": "delivered", "cause": None})
    order = [text.index(name) for name in ("greeting", "code", "agent free ", "beep", "message start", "hang-up")]
    assert order == sorted(order)
    assert "3.112 s" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["agent", "freed", "11.6", "ms"] in lines
    assert ["beep", "1000", "Hz"] in lines
    assert ["outcome", "delivered"] in lines
    assert ["cause", "-"] in lines
    assert verdict(WHOLE) in text


def test_timeline_without_recording():
    assert "no recording" in printed(MARKS, None, {})


def test_a_note_is_not_markup():
    assert "[*91]" in printed([Mark(name="code", at_ms=1, note="[*91]")], None, {"code": "[/x]"})


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        (
            WHOLE,
            "The mailbox kept the whole message: 14 of 14 blocks, 0 ms missing at the start, 0 ms at the end, "
            "180 ms of silence before it.",
        ),
        (replace(WHOLE, missing_head_ms=40.0), "kept part of the message: 14 of 14 blocks, 40 ms missing at the start"),
        (replace(WHOLE, blocks_found=13), "kept part of the message: 13 of 14 blocks"),
        (replace(WHOLE, fragments=1), "1 other place holds a piece of another start"),
        (replace(WHOLE, fragments=2), "2 other places hold"),
        (replace(WHOLE, blocks_found=0), "kept nothing of the message: 0 of 14 blocks"),
        (replace(WHOLE, blocks_found=0, fragments=1), "only a scrap"),
    ],
)
def test_verdict(delivery, words):
    assert words in verdict(delivery)


REPORT = {
    "outcome": "delivered",
    "agent_freed_ms": 11.6,
    "beep_hz": 1000.2,
    "beep_end_to_playback_ms": 38.0,
    "dead_air_ms": 180.0,
    "delivered_fraction": 1.0,
}


def test_json(tmp_path):
    path = tmp_path / "var" / "demo-report.json"
    write_json(path, **REPORT, timeline=MARKS[:2], picture="var/demo.png")
    text = path.read_text()
    assert text.startswith('{\n  "outcome": "delivered"')
    timeline = [
        {"name": "hang-up", "at_ms": 21500, "note": "we hung up"},
        {"name": "greeting", "at_ms": 400, "note": ""},
    ]
    assert json.loads(text) == {**REPORT, "timeline": timeline, "picture": "var/demo.png"}


@pytest.mark.parametrize("bad", [float("nan"), object()])
def test_json_keeps_the_old_file_when_it_fails(tmp_path, bad):
    path = tmp_path / "demo-report.json"
    write_json(path, **REPORT, timeline=[])
    before = path.read_text()
    with pytest.raises((TypeError, ValueError)):
        write_json(path, **REPORT, timeline=[], extra=bad)
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
