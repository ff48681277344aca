"""From an upload to a message on the shelf: every format, what comes of it, and that it is the same each time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyloudnorm
import pytest
import soundfile
import soxr

from tests.unit.library.spoken import FORMATS, encoded, hiss, kept, left_in, of_format, quiet, speech
from voicedrop.errors import MessageError, StorageError, UploadError
from voicedrop.library import intake, waveform
from voicedrop.library.intake import Limits, Particulars, Prepared, look_up, prepare
from voicedrop.library.shelf import Shelf

ABOUT = Particulars(
    label="Callback", call_to_action="Call back", callback_number="+49891234", optout_number="+49891235"
)
LIMITS = Limits()


def taken(folder: Path, content: bytes, *, force: bool = False, about: Particulars = ABOUT) -> Prepared:
    source = kept(folder / "upload", content)
    return prepare(source, Shelf(folder / "shelf"), about, LIMITS, force=force)


def verdicts(prepared: Prepared) -> dict[str, str]:
    return {one.point: one.verdict for one in prepared.checks}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_becomes_a_message(tmp_path: Path, name: str) -> None:
    content = of_format(name, 3)
    prepared = taken(tmp_path, content)
    files = prepared.files
    assert prepared.sha256 == hashlib.sha256(content).hexdigest()
    assert files.folder == tmp_path / "shelf" / prepared.sha256[:2] / prepared.sha256
    assert files.original.read_bytes() == content
    assert files.original.suffix == f".{name.rpartition('.')[2]}"
    assert prepared.prepared_sha256 == hashlib.sha256(files.message.read_bytes()).hexdigest()
    assert prepared.duration_s == pytest.approx(3.5, abs=0.1)
    for file, rate_hz in ((files.message, 8000), (files.message16, 16000), (files.preview, 8000)):
        with file.open("rb") as stream, soundfile.SoundFile(stream) as sound:
            assert (sound.format, sound.subtype, sound.samplerate, sound.channels) == ("WAV", "PCM_16", rate_hz, 1)
            assert sound.frames == round(prepared.duration_s * rate_hz)
            assert sound.frames % (rate_hz // 50) == 0
            samples = sound.read()
        if file != files.preview:
            assert pyloudnorm.Meter(rate_hz).integrated_loudness(samples) == pytest.approx(-19, abs=0.5)
            assert 20 * np.log10(np.abs(soxr.resample(samples, 1, 8)).max()) <= -2.9
        assert np.abs(samples[: rate_hz * 60 // 1000]).max() < 0.05, "it begins with silence"
        assert np.abs(samples[-rate_hz // 5 :]).max() < 0.001, "it ends with silence"
    checks = json.loads(files.check.read_text(encoding="utf-8"))
    assert checks["prepared_sha256"] == prepared.prepared_sha256
    assert [one["point"] for one in checks["checks"]] == list(verdicts(prepared))[1:-4]
    assert ElementTree.fromstring(files.waveform.read_text(encoding="utf-8")).tag == "{http://www.w3.org/2000/svg}svg"


def test_a_good_recording_has_no_warning(tmp_path: Path) -> None:
    sound = np.concatenate([speech(2, 44100), quiet(0.6, 44100), speech(2, 44100)])
    sound += 1e-4 * np.random.default_rng(3).standard_normal(len(sound))
    prepared = taken(tmp_path, encoded(sound, 44100))
    assert verdicts(prepared) == dict.fromkeys(verdicts(prepared), "ok")
    assert set(verdicts(prepared)) == {
        *(
            "length",
            "loudness-before",
            "loudness",
            "peak",
            "clipping",
            "noise",
            "speech",
            "pause",
            "bandwidth",
            "whole",
        ),
        *("caller", "call-to-action", "callback-number", "optout-number"),
    }


def test_the_same_bytes_again_are_no_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = taken(tmp_path, of_format("a.mp3"))
    monkeypatch.setattr(intake.decode, "read", None)
    assert taken(tmp_path, of_format("a.mp3")) == first
    assert len(list((tmp_path / "shelf").iterdir())) == 1


def test_the_same_bytes_make_the_same_message(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    content = of_format("vorbis.ogg")
    for folder in folders:
        folder.mkdir()
        taken(folder, content)
    one, two = ({name: (folder / "shelf" / name) for name in left_in(folder / "shelf")} for folder in folders)
    assert list(one) == list(two)
    assert all(one[name].read_bytes() == two[name].read_bytes() for name in one if one[name].is_file())


def test_what_is_said_about_it_is_checked_anew(tmp_path: Path) -> None:
    first = taken(tmp_path, of_format("a.wav"))
    again = taken(tmp_path, of_format("a.wav"), about=Particulars(label="x"))
    assert verdicts(first)["call-to-action"] == "ok"
    assert verdicts(again)["call-to-action"] == "warning"
    found = look_up(first.sha256, Shelf(tmp_path / "shelf"), ABOUT, LIMITS)
    assert found == first
    assert look_up("0" * 64, Shelf(tmp_path / "shelf"), ABOUT, LIMITS) is None


def test_a_message_with_a_file_missing_is_made_again(tmp_path: Path) -> None:
    first = taken(tmp_path, of_format("a.wav"))
    first.files.message16.unlink()
    again = taken(tmp_path, of_format("a.wav"))
    assert again == first
    assert again.files.message16.is_file()


def test_over_a_minute_must_be_forced(tmp_path: Path) -> None:
    long = encoded(speech(61, 8000), 8000)
    with pytest.raises(UploadError, match=r"Longer than 60 s") as caught:
        taken(tmp_path, long)
    assert caught.value.code == "too-long"
    assert left_in(tmp_path / "shelf") == []
    assert verdicts(taken(tmp_path, long, force=True))["length"] == "warning"
    with pytest.raises(UploadError, match=r"force it"):
        taken(tmp_path, long)


def test_a_pause_of_two_seconds_is_refused_even_when_forced(tmp_path: Path) -> None:
    sound = np.concatenate([speech(2, 16000), quiet(2.2, 16000), speech(2, 16000)])
    with pytest.raises(UploadError, match=r"pause of 2\.\d s at 2\.\d s.*Shorten it") as caught:
        taken(tmp_path, encoded(sound, 16000), force=True)
    assert caught.value.code == "pause"
    assert left_in(tmp_path / "shelf") == []


@pytest.mark.parametrize("side", [0, 1])
def test_stereo_with_one_side_turned_over_is_not_silence(tmp_path: Path, side: int) -> None:
    sound = speech(2, 44100)
    sides = [0.99 * sound, -0.99 * sound]
    sides[side] = sides[side] / 0.99
    prepared = taken(tmp_path, encoded(np.stack(sides, axis=1), 44100))
    assert verdicts(prepared)["loudness"] == "ok"


def test_one_side_alone_is_enough(tmp_path: Path) -> None:
    sound = speech(2, 44100)
    assert verdicts(taken(tmp_path, encoded(np.stack([sound, 0 * sound], axis=1), 44100)))["loudness"] == "ok"


@pytest.mark.parametrize(
    ("point", "sound", "rate_hz"),
    [
        ("loudness-before", speech(3, 16000, level=0.004), 16000),
        ("clipping", np.clip(speech(3, 44100, level=1.5), -1, 1), 44100),
        ("noise", speech(3, 16000) * np.repeat([1, 0, 1], 16000) + 0.05 * hiss(3, 16000), 16000),
        ("speech", 0.3 * np.sin(np.arange(48000) / 4), 16000),
        ("bandwidth", soxr.resample(soxr.resample(speech(3, 16000), 16000, 4000), 4000, 16000), 16000),
    ],
)
def test_what_is_not_good_is_warned_of(tmp_path: Path, point: str, sound: np.ndarray, rate_hz: int) -> None:
    assert verdicts(taken(tmp_path, encoded(sound, rate_hz)))[point] == "warning"


def test_asterisk_may_read_only_what_it_plays(tmp_path: Path) -> None:
    prepared = taken(tmp_path, of_format("a.wav"))
    modes = {file.name: oct(file.stat().st_mode)[-3:] for file in prepared.files.folder.iterdir()}
    assert {name for name, mode in modes.items() if mode == "644"} == {"message.wav", "message.wav16"}
    assert prepared.files.folder.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "name", ["check.json", "message.wav", "message.wav16", "preview.wav", "waveform.svg", "upload"]
)
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    opened = Path.open

    def full(path: Path, mode: str = "r", *more: object, **others: object) -> object:
        if "w" in mode and path.name == name:
            raise OSError(28, "No space left on device")
        return opened(path, mode, *more, **others)

    content = of_format("a.wav")
    source = kept(tmp_path / "source", content)
    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(StorageError, match=r"No space left on device. Make room"):
        prepare(source, Shelf(tmp_path / "shelf"), ABOUT, LIMITS)
    monkeypatch.undo()
    assert left_in(tmp_path / "shelf") == []


def test_a_shelf_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    kept(tmp_path / "shelf", b"a file")
    with pytest.raises(StorageError, match="cannot be used"):
        taken(tmp_path, of_format("a.wav"))


def test_an_upload_error_is_a_message_error_and_comes_back_from_a_process() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(UploadError("pause", "A pause")))
    assert isinstance(error, MessageError)
    assert (error.code, str(error)) == ("pause", "A pause")


def test_a_waveform_is_small_and_harmless() -> None:
    drawn = waveform.svg(speech(5, 8000), title='<script>alert(1)</script> & "so"')
    root = ElementTree.fromstring(drawn)
    assert len(drawn) < 6000
    assert [child.tag.rpartition("}")[2] for child in root] == ["title", "path"]
    assert root[0].text == '<script>alert(1)</script> & "so"'
    assert waveform.svg(np.zeros(0), title="").startswith("<svg")
