"""Files that are no message: each is refused with a code and a text, costs little, and leaves nothing behind."""

from __future__ import annotations

import io
import os
import resource
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.library.spoken import FORMATS, encoded, kept, left_in, of_format, quiet, speech
from voicedrop.errors import UploadError
from voicedrop.library import decode
from voicedrop.library.intake import Limits, Particulars, prepare
from voicedrop.library.shelf import Shelf

ABOUT = Particulars(label="x")
LIMITS = Limits()


def refusal(folder: Path, source: Path, limits: Limits = LIMITS) -> UploadError:
    with pytest.raises(UploadError) as caught:
        prepare(source, Shelf(folder / "shelf"), ABOUT, limits)
    assert left_in(folder / "shelf") == []
    assert len(str(caught.value)) > 20, "it says what is wrong"
    return caught.value


def wav(
    *, size: int | None = None, rate: int = 8000, channels: int = 1, bits: int = 16, codec: int = 1, body: bytes = b""
) -> bytes:
    """A WAV file with the header that is asked for."""
    body = body or (speech(1, 8000) * 20000).astype("<i2").tobytes()
    block = channels * bits // 8
    rates = rate * block & 0xFFFFFFFF, block & 0xFFFF
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, codec, channels, rate, *rates, bits)
    promised = len(body) if size is None else size
    head = struct.pack("<4sI4s", b"RIFF", min(promised + 36, 0xFFFFFFFF), b"WAVE")
    return head + form + struct.pack("<4sI", b"data", promised) + body


def floats(*values: float) -> bytes:
    sound = speech(1, 8000).astype(np.float32)
    sound[4000 : 4000 + len(values)] = values
    return encoded(sound, 8000, "WAV", "FLOAT")


def zipped(*, encrypted: bool) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("a.wav", of_format("a.wav"))
    content = bytearray(into.getvalue())
    content[6] |= encrypted
    return bytes(content)


def with_total(content: bytes, samples: int) -> bytes:
    """A FLAC file whose header has another length (36 bits from the 21st byte's lower half on)."""
    total = bytes([content[21] & 0xF0 | samples >> 32]) + struct.pack(">I", samples & 0xFFFFFFFF)
    return content[:21] + total + content[26:]


def container(format_: str, codec: str) -> bytes:
    return encoded(speech(1, 8000), 8000, format_, codec)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "empty"),
    "one byte": (lambda: b"R", "not-audio"),
    "zeros": (lambda: bytes(5000), "not-audio"),
    "random": (lambda: np.random.default_rng(5).bytes(100_000), "not-audio"),
    "text": (lambda: b"Dear all,\nplease call back.\n", "not-audio"),
    "text of umlauts": (lambda: "äöü".encode() * 3000, "not-audio"),
    "a web page": (lambda: b"\n<!DOCTYPE html><html>log in</html>", "not-audio"),
    "a pdf": (lambda: b"%PDF-1.7\n" + bytes(500), "not-audio"),
    "a program": (lambda: b"MZ\x90\0" + bytes(500), "not-audio"),
    "a linux program": (lambda: Path(sys.executable).resolve().read_bytes()[:50_000], "not-audio"),
    "a zip": (lambda: zipped(encrypted=False), "not-audio"),
    "an encrypted zip": (lambda: zipped(encrypted=True), "encrypted"),
    "pgp": (lambda: b"-----BEGIN PGP MESSAGE-----\n\nhQ", "encrypted"),
    "openssl": (lambda: b"Salted__" + bytes(100), "encrypted"),
    "m4a": (lambda: b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(500), "not-audio"),
    "aac": (lambda: b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(500), "not-audio"),
    "mpeg layer II": (lambda: b"\xff\xfd\x84\x00" + bytes(2000), "not-audio"),
    "aiff": (lambda: container("AIFF", "PCM_16"), "not-audio"),
    "au": (lambda: container("AU", "PCM_16"), "not-audio"),
    "caf": (lambda: container("CAF", "PCM_16"), "not-audio"),
    "rf64": (lambda: container("RF64", "PCM_16"), "not-audio"),
    "w64": (lambda: container("W64", "PCM_16"), "not-audio"),
    "raw": (lambda: (speech(1, 8000) * 9000).astype("<i2").tobytes(), "not-audio"),
    "avi": (lambda: b"RIFF\x00\x10\x00\x00AVI LIST" + bytes(500), "not-audio"),
    "speex in ogg": (lambda: b"OggS\0\2" + bytes(20) + b"\1\x50Speex   1.2" + bytes(500), "not-audio"),
    "ogg of something": (lambda: b"OggS\0\2" + bytes(1000), "not-audio"),
    "flac in ogg": (lambda: b"OggS\0\2" + bytes(20) + b"\1\x33\x7fFLAC" + bytes(500), "not-audio"),
    "an id3 tag alone": (lambda: b"ID3\4\0\0\0\0\7\x76" + bytes(1014), "truncated"),
    "an id3 tag larger than the file": (lambda: b"ID3\4\0\0\x7f\x7f\x7f\x7f" + bytes(1014), "truncated"),
    "a tagged flac": (lambda: b"ID3\4\0\0\0\0\0\0" + of_format("a.flac"), "not-audio"),
    "one mp3 header": (lambda: b"\xff\xfb\x90\xc4" + bytes(10), "not-audio"),
    "a wav header alone": (lambda: wav()[:44], "truncated"),
    "a wav of nothing": (lambda: wav(body=b"\0\0")[:40] + bytes(4), "empty"),
    "a wav that says it is empty": (lambda: wav(size=0), "empty"),
    "a wav that promises 2 GB": (lambda: wav(size=2_000_000_000), "truncated"),
    "a wav without format": (lambda: wav()[:12] + wav()[36:], "broken"),
    "a wav of unknown codec": (lambda: wav(codec=0x1234), "broken"),
    "rate 0": (lambda: wav(rate=0), "broken"),
    "rate 1": (lambda: wav(rate=1), "sample-rate"),
    "rate 2^31": (lambda: wav(rate=2**31 - 1), "sample-rate"),
    "1000 channels": (lambda: wav(channels=1000), "channels"),
    "65535 channels": (lambda: wav(channels=65535), "broken"),
    "no channels": (lambda: wav(channels=0), "broken"),
    "nan": (lambda: floats(np.nan), "broken"),
    "infinite": (lambda: floats(np.inf), "broken"),
    "minus infinite": (lambda: floats(-np.inf), "broken"),
    "absurd": (lambda: floats(1e30), "broken"),
    "silence": (lambda: encoded(quiet(3, 8000), 8000), "silent"),
    "nearly silence": (lambda: encoded(speech(3, 8000, level=1e-4), 8000), "silent"),
    "only below the telephone": (lambda: encoded(0.5 * np.sin(np.arange(48000) * 2 * np.pi / 400), 16000), "silent"),
    "a constant": (lambda: encoded(quiet(3, 8000) + 0.5, 8000), "silent"),
    "a word": (lambda: encoded(np.pad(speech(0.4, 8000), 8000), 8000), "too-short"),
    "five samples": (lambda: encoded(speech(1, 8000)[:5], 8000), "silent"),
    "a flac that promises 10 hours": (lambda: with_total(of_format("a.flac"), 10 * 3600 * 22050), "truncated"),
    "five minutes and a bit": (lambda: encoded(np.tile(speech(10, 8000), 31), 8000), "too-long"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_message_is_refused_by_its_rule(tmp_path: Path, what: str) -> None:
    make, code = HOSTILE[what]
    found = refusal(tmp_path, kept(tmp_path / "innocent.wav", make()))
    assert found.code == code, str(found)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("tenths", range(10))
def test_a_file_cut_at_any_tenth_is_refused(tmp_path: Path, name: str, tenths: int) -> None:
    content = of_format(name)
    found = refusal(tmp_path, kept(tmp_path / name, content[: len(content) * tenths // 10]))
    assert found.code == ("empty" if tenths == 0 else "truncated"), str(found)


@pytest.mark.parametrize(("name", "said"), [("aiff", "AIFF"), ("m4a", "M4A"), ("a pdf", "PDF"), ("a zip", "ZIP")])
def test_what_is_refused_is_named(tmp_path: Path, name: str, said: str) -> None:
    text = str(refusal(tmp_path, kept(tmp_path / "x", HOSTILE[name][0]())))
    assert said in text
    assert "WAV, MP3, FLAC or OGG" in text


def test_a_lying_name_changes_nothing(tmp_path: Path) -> None:
    prepared = prepare(kept(tmp_path / "a.exe", of_format("a.mp3")), Shelf(tmp_path / "shelf"), ABOUT, LIMITS)
    assert prepared.files.original.name == "original.mp3"


def test_a_wav_written_into_a_pipe_does_not_know_its_size(tmp_path: Path) -> None:
    prepared = prepare(kept(tmp_path / "a", wav(size=0xFFFFFFFF)), Shelf(tmp_path / "shelf"), ABOUT, LIMITS)
    assert prepared.duration_s == pytest.approx(1.5, abs=0.1)


def test_an_mp3_that_does_not_say_its_length_and_ends_in_a_frame_is_warned_of(tmp_path: Path) -> None:
    content = of_format("a.mp3")
    bare = content[418 if content[2] & 2 else 417 :] if b"Xing" not in content else content.replace(b"Xing", bytes(4))
    whole = prepare(kept(tmp_path / "a", bare), Shelf(tmp_path / "shelf"), ABOUT, LIMITS)
    cut = prepare(kept(tmp_path / "b", bare[:-100]), Shelf(tmp_path / "shelf"), ABOUT, LIMITS)
    assert [one.verdict for prepared in (whole, cut) for one in prepared.checks if one.point == "whole"] == [
        "ok",
        "warning",
    ]


def test_tags_before_and_behind_an_mp3_are_no_sound(tmp_path: Path) -> None:
    tagged = b"ID3\4\0\0\0\0\7\x76" + bytes(1014) + of_format("a.mp3") + b"TAG" + bytes(125)
    assert prepare(kept(tmp_path / "a", tagged), Shelf(tmp_path / "shelf"), ABOUT, LIMITS).duration_s > 2


# -- where it comes from ----------------------------------------------------------------------------


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", Path("/dev/zero")):
        assert refusal(tmp_path, source).code == "not-audio"
    for source in (tmp_path, tmp_path / "none"):
        assert refusal(tmp_path, source).code == "not-readable"


def test_a_file_that_is_too_big_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse.wav").open("wb") as stream:
        stream.write(wav())
        stream.truncate(500_000_000)
    assert refusal(tmp_path, tmp_path / "sparse.wav").code == "too-big"
    fits = kept(tmp_path / "a.wav", wav())
    assert refusal(tmp_path, fits, Limits(max_bytes=len(wav()) - 1)).code == "too-big"
    assert prepare(fits, Shelf(tmp_path / "shelf"), ABOUT, Limits(max_bytes=len(wav())))


# -- bombs ------------------------------------------------------------------------------------------


def bomb(file: Path, hours: float, format_: str, codec: str, rate_hz: int, channels: int) -> Path:
    block = np.zeros((rate_hz * 60, channels), np.int16)
    with soundfile.SoundFile(file, "w", rate_hz, channels, codec, format=format_) as stream:
        for _ in range(round(hours * 60)):
            stream.write(block)
    return file


@pytest.mark.parametrize(
    ("hours", "format_", "codec", "rate_hz", "channels"),
    [(10, "FLAC", "PCM_16", 8000, 1), (0.2, "OGG", "VORBIS", 8000, 1), (0.2, "MP3", "MPEG_LAYER_III", 8000, 1)],
)
def test_of_hours_of_silence_only_the_cap_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float, format_: str, codec: str, rate_hz: int, channels: int
) -> None:
    taken: list[int] = []
    add = decode._Tally.add

    def counted(tally: decode._Tally, block: np.ndarray) -> None:
        taken.append(block.size)
        add(tally, block)

    monkeypatch.setattr(decode._Tally, "add", counted)
    file = bomb(tmp_path / "bomb", hours, format_, codec, rate_hz, channels)
    assert file.stat().st_size < LIMITS.max_bytes
    assert refusal(tmp_path, file).code == "too-long"
    assert max(taken) <= decode.BLOCK_VALUES
    assert sum(taken) <= LIMITS.max_seconds * rate_hz * channels + decode.BLOCK_VALUES


MOST_MIB = 500
MEASURED = """
import resource, sys
from pathlib import Path
from voicedrop.errors import UploadError
from voicedrop.library.intake import Limits, Particulars, prepare
from voicedrop.library.shelf import Shelf
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    prepare(Path(sys.argv[1]), Shelf(Path(sys.argv[2])), Particulars(label="x"), Limits(max_seconds=300), force=True)
except UploadError as error:
    print(error.code, end=" ")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_the_longest_that_is_read_needs_bounded_memory(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile(speech(10, 8000), 30)[: 299 * 8000], 8000, subtype="ULAW")
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path / "a.wav"), str(tmp_path / "shelf")],
        capture_output=True, text=True, timeout=300, check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
    )  # fmt: skip
    assert int(done.stdout) < MOST_MIB


# -- fuzz -------------------------------------------------------------------------------------------


CODES = {
    *("", "not-audio", "encrypted", "empty", "truncated", "broken", "silent", "too-short", "too-long", "pause"),
    *("sample-rate", "channels"),
}


def tried(folder: Path, content: bytes) -> None:
    """A message or an UploadError, and then nothing is left."""
    source, shelf = kept(folder / "fuzz", content), Shelf(folder / "fuzzed")
    try:
        prepared = prepare(source, shelf, ABOUT, Limits(max_seconds=20))
    except UploadError as error:
        code = error.code
    else:
        code = "" if shelf.remove(prepared.sha256) else "not there"
    assert code in CODES
    assert [name for name in left_in(shelf.folder) if len(name) != 2] == []


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


WHOLE = {name: of_format(name, 0.7) for name in FORMATS}
HEADS = (b"", b"RIFF\x24\0\0\0WAVE", b"fLaC", b"OggS\0\2", b"ID3\3\0\0", b"\xff\xfb\x90\xc4", b"PK\x03\x04", b"FORM")


@given(head=st.sampled_from(HEADS), content=st.binary(max_size=2000))
def test_any_bytes(ground: Path, head: bytes, content: bytes) -> None:
    tried(ground, head + content)


@given(
    name=st.sampled_from(sorted(WHOLE)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    in_head=st.booleans(),
)
def test_any_bytes_changed(ground: Path, name: str, changes: list[tuple[float, int]], in_head: bool) -> None:
    content = bytearray(WHOLE[name])
    for where, value in changes:
        content[int(where * (100 if in_head else len(content)))] = value
    tried(ground, bytes(content))


@given(name=st.sampled_from(sorted(WHOLE)), first=st.floats(0, 1), last=st.floats(0, 1))
def test_any_part_left_out(ground: Path, name: str, first: float, last: float) -> None:
    content = WHOLE[name]
    begin, end = sorted((int(first * len(content)), int(last * len(content))))
    tried(ground, content[:begin] + content[end:])


def test_the_fuzz_kept_no_file_open(ground: Path) -> None:
    assert [one for one in Path("/proc/self/fd").iterdir() if str(ground) in str(one.resolve())] == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 < 2048
