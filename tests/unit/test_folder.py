"""Messages from a folder: what cannot be played is refused with its name and its remedy."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voicedrop.errors import MessageError
from voicedrop.library.convert import convert
from voicedrop.library.folder import load_messages

ROW = "- {{slot: {slot}, label: {label}, file: {file}}}\n"


def tone(seconds: float, rate: int = 8000, channels: int = 1) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.4 * np.sin(2 * np.pi * 440 * time)
    return samples if channels == 1 else np.stack([samples] * channels, axis=1)


def sound(file: Path, seconds: float = 1.0, *, rate: int = 8000, channels: int = 1, subtype: str = "PCM_16") -> Path:
    soundfile.write(file, tone(seconds, rate, channels), rate, subtype=subtype)
    return file


def index(folder: Path, *rows: tuple[int, str, str]) -> None:
    text = "".join(ROW.format(slot=slot, label=label, file=file) for slot, label, file in rows)
    (folder / "messages.yaml").write_text(text, encoding="utf-8")


def refusal(folder: Path) -> str:
    with pytest.raises(MessageError) as caught:
        load_messages(folder)
    return str(caught.value)


# -- what can be played -----------------------------------------------------------------------------


def test_messages_are_found_by_their_slot(tmp_path: Path) -> None:
    first, second = sound(tmp_path / "a.wav", 1.5), sound(tmp_path / "b b.wav", 2.0)
    index(tmp_path, (1, "Callback", "a.wav"), (9, "After hours", "b b.wav"))
    messages = load_messages(tmp_path)
    assert sorted(messages) == [1, 9]
    assert messages[1].label == "Callback"
    assert messages[1].file == first
    assert messages[1].duration_s == 1.5
    assert messages[1].sha256 == hashlib.sha256(first.read_bytes()).hexdigest()
    assert messages[9].media == f"{tmp_path}/b b"
    assert messages[9].sha256 == hashlib.sha256(second.read_bytes()).hexdigest()


def test_asterisk_may_see_the_folder_elsewhere(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    index(tmp_path, (1, "Callback", "a.wav"))
    assert load_messages(tmp_path, "/sounds/")[1].media == "/sounds/a"


def test_asterisk_is_given_a_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound(tmp_path / "a.wav")
    index(tmp_path, (1, "Callback", "a.wav"))
    monkeypatch.chdir(tmp_path)
    assert load_messages(Path())[1].media == f"{tmp_path}/a"


def test_half_a_second_is_long_enough(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", 0.5)
    index(tmp_path, (1, "Callback", "a.wav"))
    assert load_messages(tmp_path)[1].duration_s == 0.5


# -- what cannot ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"rate": 16000}, "WAV PCM_16, 16000 Hz, 1 channel(s)"),
        ({"rate": 44100}, "WAV PCM_16, 44100 Hz, 1 channel(s)"),
        ({"channels": 2}, "WAV PCM_16, 8000 Hz, 2 channel(s)"),
        ({"subtype": "PCM_24"}, "WAV PCM_24, 8000 Hz, 1 channel(s)"),
        ({"subtype": "ULAW"}, "WAV ULAW, 8000 Hz, 1 channel(s)"),
        ({"subtype": "FLOAT"}, "WAV FLOAT, 8000 Hz, 1 channel(s)"),
    ],
)
def test_a_file_of_another_kind_is_refused_with_the_command_that_mends_it(
    tmp_path: Path, how: dict[str, object], what: str
) -> None:
    file = sound(tmp_path / "my message.wav", **how)
    index(tmp_path, (1, "Callback", "my message.wav"))
    told = refusal(tmp_path)
    assert f"{file} is {what}" in told
    command = shlex.split(told.partition("Mend it: ")[2])
    assert command == ["voicedrop", "messages", "convert", str(file), str(file)]
    convert(Path(command[3]), Path(command[4]))
    assert load_messages(tmp_path)[1].duration_s == pytest.approx(1.2, abs=0.02)


def test_a_flac_named_wav_is_refused_and_converted(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", tone(1.0, 48000, 2), 48000)
    file = (tmp_path / "a.flac").rename(tmp_path / "a.wav")
    index(tmp_path, (1, "Callback", "a.wav"))
    assert f"{file} is FLAC PCM_16, 48000 Hz, 2 channel(s)" in refusal(tmp_path)
    convert(file, file)
    assert load_messages(tmp_path)[1].duration_s == pytest.approx(1.2, abs=0.02)


@pytest.mark.parametrize("content", [None, b"", b"this is no sound"])
def test_what_is_not_there_or_no_sound_is_refused_with_the_way_to_get_it(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "a.wav"
    if content is not None:
        file.write_bytes(content)
    index(tmp_path, (1, "Callback", "a.wav"))
    told = refusal(tmp_path)
    assert f"{file} is not there or is no sound file" in told
    assert f"voicedrop messages convert YOUR-RECORDING {file}" in told


def test_a_sound_of_less_than_half_a_second_is_refused(tmp_path: Path) -> None:
    file = sound(tmp_path / "a.wav", 0.49)
    index(tmp_path, (1, "Callback", "a.wav"))
    told = refusal(tmp_path)
    assert f"{file} is only 0.49 s long" in told
    assert "Record it anew" in told


def test_a_slot_given_twice_is_refused_with_both_labels(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    index(tmp_path, (1, "First", "a.wav"), (1, "Second", "a.wav"))
    told = refusal(tmp_path)
    assert str(tmp_path / "messages.yaml") in told
    assert "slot 1 is given twice (First, Second): give one another number" in told


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    sound(tmp_path / "good.wav")
    sound(tmp_path / "wide.wav", rate=16000)
    index(tmp_path, (1, "A", "gone.wav"), (2, "B", "wide.wav"), (3, "C", "good.wav"), (3, "D", "good.wav"))
    told = refusal(tmp_path)
    assert "3 fault(s)" in told
    assert "gone.wav is not there" in told
    assert "wide.wav is WAV PCM_16, 16000 Hz" in told
    assert "slot 3 is given twice" in told


# -- the index --------------------------------------------------------------------------------------

EXAMPLE = "- {slot: 1, label: Callback, file: callback.wav}"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected rows like"),
        ("slot: 1\n", "expected rows like"),
        ("[]\n", "names no message"),
        ("- {slot: 1\n", "is not YAML"),
    ],
)
def test_an_index_of_another_shape_is_refused_with_an_example(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "messages.yaml").write_text(text)
    message = refusal(tmp_path)
    assert str(tmp_path / "messages.yaml") in message
    assert told in message
    assert EXAMPLE in message


def test_an_index_that_is_not_there_is_named_with_an_example(tmp_path: Path) -> None:
    told = refusal(tmp_path)
    assert f"cannot read {tmp_path}/messages.yaml: No such file" in told
    assert EXAMPLE in told


def test_an_index_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "messages.yaml").write_bytes(b"- \xff\xfe\n")
    assert "is not YAML" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{slot: 0, label: A, file: a.wav}", "row 2, slot = 0: allowed is greater than or equal to 1"),
        ("{slot: 10, label: A, file: a.wav}", "row 2, slot = 10: allowed is less than or equal to 9"),
        ("{slot: 2, label: 'a;b', file: a.wav}", "row 2, label = 'a;b': must match pattern"),
        ("{slot: 2, label: A, file: ../a.wav}", "row 2, file = '../a.wav': must match pattern"),
        ("{slot: 2, label: A, file: a.mp3}", "row 2, file = 'a.mp3': must match pattern"),
        ("{slot: 2, label: A, file: a.wav, voice: x}", "row 2, voice = 'x': Extra inputs are not permitted"),
    ],
)
def test_a_wrong_value_names_row_key_value_and_what_is_allowed(tmp_path: Path, row: str, told: str) -> None:
    sound(tmp_path / "a.wav")
    (tmp_path / "messages.yaml").write_text(f"- {{slot: 1, label: A, file: a.wav}}\n- {row}\n")
    assert told in refusal(tmp_path)


# -- converting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (22050, 2), (44100, 2), (48000, 1)])
def test_a_converted_file_is_whole_frames_with_a_silent_tail(tmp_path: Path, rate: int, channels: int) -> None:
    source = sound(tmp_path / "source.wav", 1.013, rate=rate, channels=channels)
    seconds = convert(source, tmp_path / "target.wav")
    samples, target_rate = soundfile.read(tmp_path / "target.wav", dtype="int16")
    assert target_rate == 8000
    assert samples.ndim == 1
    assert samples.size % 160 == 0
    assert seconds == samples.size / 8000
    assert not samples[-1600:].any()
    assert np.abs(samples[:1600]).max() == pytest.approx(0.4 * 32768, rel=0.05)
    assert 1.013 <= seconds - 0.2 < 1.013 + 0.021


def test_a_converted_file_can_be_read_by_asterisks_user(tmp_path: Path) -> None:
    convert(sound(tmp_path / "source.wav"), tmp_path / "target.wav")
    assert (tmp_path / "target.wav").stat().st_mode & 0o777 == 0o644


def test_a_sound_that_overshoots_is_not_clipped(tmp_path: Path) -> None:
    loud = np.full(8000, 2.5)
    loud[::2] = -1.25
    soundfile.write(tmp_path / "loud.wav", loud, 8000, subtype="FLOAT")
    convert(tmp_path / "loud.wav", tmp_path / "target.wav")
    samples, _ = soundfile.read(tmp_path / "target.wav")
    assert samples.max() == pytest.approx(1.0, abs=0.001)
    assert samples.min() == pytest.approx(-0.5, abs=0.001)


def test_silence_is_no_message(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "still.wav", np.zeros(8000), 8000)
    with pytest.raises(MessageError, match=r"still\.wav is silent"):
        convert(tmp_path / "still.wav", tmp_path / "target.wav")
    assert not (tmp_path / "target.wav").exists()


def test_what_is_no_sound_cannot_be_converted(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(MessageError, match=r"text\.wav is not there or is no sound file"):
        convert(tmp_path / "text.wav", tmp_path / "target.wav")


def test_a_folder_that_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(MessageError, match=r"cannot write .*target\.wav"):
        convert(sound(tmp_path / "a.wav"), tmp_path / "gone" / "target.wav")


def test_a_failed_conversion_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = sound(tmp_path / "source.wav"), sound(tmp_path / "target.wav", 3.0)
    before = target.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("voicedrop.library.convert.soundfile.write", full)
    with pytest.raises(MessageError, match="No space left"):
        convert(source, target)
    assert target.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["source.wav", "target.wav"]
