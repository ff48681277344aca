"""Recordings as recorders leave them: finished, unfinished, with a header that lies."""

import struct

import numpy as np
import pytest
import soundfile
from spoken import RATE, speech

from voicedrop.lab.judge import load

AUDIO = speech(1, 1000)
HEADER = 44


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "kept.wav"
    soundfile.write(path, AUDIO, RATE, subtype="PCM_16")
    assert path.stat().st_size == HEADER + 2 * len(AUDIO)
    return path


def test_finished(wav):
    audio = load(wav)
    assert audio.dtype == np.float64
    np.testing.assert_allclose(audio, AUDIO, atol=1 / 32768)


@pytest.mark.parametrize("claimed", [0, 2 * len(AUDIO) - 44, 2 * len(AUDIO) + 44, 640, 0x7FFFFFFF, 0xFFFFFFFF])
def test_header_lies(wav, claimed):
    data = bytearray(wav.read_bytes())
    data[40:44] = struct.pack("<I", claimed)
    data[4:8] = struct.pack("<I", 0)
    wav.write_bytes(data)
    assert len(load(wav)) == len(AUDIO)


@pytest.mark.parametrize("lost", [1, 2, 321, 2 * len(AUDIO) - 2])
def test_cut_off(wav, lost):
    wav.write_bytes(wav.read_bytes()[:-lost])
    assert len(load(wav)) == (2 * len(AUDIO) - lost) // 2


def test_a_chunk_behind_the_sound_is_not_sound(wav):
    wav.write_bytes(wav.read_bytes() + b"LIST" + struct.pack("<I", 4) + b"INFO")
    assert len(load(wav)) == len(AUDIO)


@pytest.mark.parametrize("size", [0, 4, 20, HEADER])
def test_nothing_in_it(wav, size):
    wav.write_bytes(wav.read_bytes()[:size])
    assert len(load(wav)) == 0


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "GSM610"])
def test_other_codecs(tmp_path, subtype):
    path = tmp_path / "kept.wav"
    soundfile.write(path, AUDIO, RATE, subtype=subtype)
    whole = len(load(path))
    assert whole >= len(AUDIO)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert len(load(path)) == pytest.approx(whole / 2, rel=0.1)


def test_wrong_rate_or_channels(tmp_path):
    soundfile.write(tmp_path / "wide.wav", AUDIO, 16000)
    with pytest.raises(ValueError, match="16000 Hz, 1 channels; 8000 Hz mono"):
        load(tmp_path / "wide.wav")
    soundfile.write(tmp_path / "stereo.wav", np.stack((AUDIO, AUDIO), axis=1), RATE)
    with pytest.raises(ValueError, match="2 channels"):
        load(tmp_path / "stereo.wav")
