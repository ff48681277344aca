"""From an uploaded file to a prepared, checked message on the shelf."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Final

from voicedrop.errors import UploadError
from voicedrop.library import check, container, decode, measure, waveform
from voicedrop.library import prepare as steps
from voicedrop.library.check import Check
from voicedrop.library.decode import WIDE_HZ, Recording, Samples
from voicedrop.library.shelf import MESSAGE, MESSAGE16, ORIGINAL, PREVIEW, WAVEFORM, Draft, Shelf
from voicedrop.library.terms import Files, Limits, Particulars, Prepared

__all__ = ["Files", "Limits", "Particulars", "Prepared", "look_up", "prepare"]

SHORTEST_S: Final = 0.5
"""From the first word to the last; shorter is a click or a single call, and has hardly a loudness."""
SILENT_DBFS: Final = -55.0
"""In the telephone's band the loudest place of a recording with somebody in it lies above; -60 is an empty room."""
_COPY_BYTES: Final = 1 << 20
_UPLOAD: Final = "upload"


def prepare(source: Path, shelf: Shelf, particulars: Particulars, limits: Limits, *, force: bool = False) -> Prepared:
    """Judge, prepare and check a sound file, and put it on the shelf. Blocks for a second or so: call it in a thread.

    The same bytes again give the same message without work; what is said about it is checked anew. On any error
    nothing is left on the shelf.

    Args:
        source: the uploaded file; it is left alone. Its name means nothing.
        shelf: where to.
        particulars: what is said about it.
        limits: what it may be.
        force: a message longer than `Limits.longest_s` is wanted all the same.

    Raises:
        UploadError: it cannot become a message; its code says by which rule.
        StorageError: the shelf cannot be written.
    """
    with shelf.draft() as draft:
        sha256 = _take_in(source, draft, limits)
        known = look_up(sha256, shelf, particulars, limits, force=force)
        if known is not None:
            _refuse_errors(known.checks)
            return known
        kind = container.judge(draft.folder / _UPLOAD)
        recording = decode.read(draft.folder / _UPLOAD, kind, limits)
        narrow, wide, checks = _made(recording, kind)
        seconds = len(narrow.samples) / narrow.rate_hz
        every = _all_checks(seconds, checks, particulars, limits, force=force)
        _refuse_errors(every)
        message = steps.wav(narrow.samples, narrow.rate_hz)
        draft.write(MESSAGE, message)
        draft.write(MESSAGE16, steps.wav(wide.samples, wide.rate_hz))
        draft.write(PREVIEW, steps.wav(steps.as_heard(narrow.samples), narrow.rate_hz))
        draft.write(WAVEFORM, waveform.svg(narrow.samples, title=f"Waveform, {seconds:.1f} s").encode())
        (draft.folder / _UPLOAD).rename(draft.folder / f"{ORIGINAL}.{kind.extension}")
        prepared = shelf.describe(sha256, hashlib.sha256(message).hexdigest(), seconds, every)
        return shelf.place(draft, prepared, checks)


def look_up(
    sha256: str, shelf: Shelf, particulars: Particulars, limits: Limits, *, force: bool = False
) -> Prepared | None:
    """A message that is on the shelf, checked against what is said about it now; None: it is not there.

    Its checks may hold errors: the caller decides.

    Raises:
        StorageError: the shelf cannot be read.
    """
    found = shelf.find(sha256)
    if found is None:
        return None
    return replace(found, checks=_all_checks(found.duration_s, found.checks, particulars, limits, force=force))


def _take_in(source: Path, draft: Draft, limits: Limits) -> str:
    """Copy the file into the draft, no more of it than is allowed; the SHA-256 of its bytes."""
    digest = hashlib.sha256()
    parts, taken = [], 0
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # opening a pipe would wait for its writer
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise UploadError("not-audio", "This is a folder, a device or a pipe, no file")
            if status.st_size > limits.max_bytes:
                raise _too_big(limits)
            while part := stream.read(min(_COPY_BYTES, limits.max_bytes + 1 - taken)):
                taken += len(part)
                if taken > limits.max_bytes:
                    raise _too_big(limits)
                digest.update(part)
                parts.append(part)
    except OSError as error:
        raise UploadError("not-readable", f"The file cannot be read: {error.strerror}. Upload it again") from error
    draft.write(_UPLOAD, b"".join(parts))
    return digest.hexdigest()


def _too_big(limits: Limits) -> UploadError:
    return UploadError(
        "too-big",
        f"The file is larger than {limits.max_bytes} bytes, the most that is taken. Export it as mono, or as MP3",
    )


def _made(recording: Recording, kind: container.Container) -> tuple[steps.Variant, steps.Variant, list[Check]]:
    """Both variants, and the checks of the sound."""
    original = steps.without_dc(recording.samples)
    telephone = steps.telephone_band(original)
    cut = _words(telephone)
    narrow, wide = steps.variants(original, telephone, cut)
    message_levels = measure.levels_dbfs(narrow.samples, narrow.rate_hz)
    levels = measure.levels_dbfs(telephone, steps.NARROW_HZ)
    return narrow, wide, [
        check.loudness_before(steps.loudness_lufs(original, WIDE_HZ)),
        check.loudness(narrow.loudness_lufs, steps.TARGET_LUFS),
        check.peak(max(narrow.true_peak_dbtp, wide.true_peak_dbtp), steps.CEILING_DBTP),
        check.clipping(recording.clipped_samples, recording.peak_dbfs),
        check.noise(measure.noise_distance_db(levels)),
        check.speech(measure.speech_share(message_levels)),
        check.pause(*measure.longest_pause(message_levels)),
        check.bandwidth(measure.band_edge_hz(original, WIDE_HZ)),
        check.whole(kind.cut_in_frame),
    ]  # fmt: skip


def _words(telephone: Samples) -> steps.Cut:
    cut = steps.words_of(telephone)
    if cut is None or measure.loudest_dbfs(measure.levels_dbfs(telephone, steps.NARROW_HZ)) < SILENT_DBFS:
        raise UploadError(
            "silent", "Nothing is heard in it that a telephone carries: was the microphone off? Record it anew"
        )
    if cut.last_s - cut.first_s < SHORTEST_S:
        raise UploadError(
            "too-short",
            f"Only {cut.last_s - cut.first_s:.2f} s of it can be heard; {SHORTEST_S:g} s are needed. Record it anew",
        )
    return cut


def _all_checks(
    seconds: float, sound: list[Check], particulars: Particulars, limits: Limits, *, force: bool
) -> list[Check]:
    return [check.length(seconds, limits, force=force), *sound, *check.of_particulars(particulars)]


def _refuse_errors(checks: list[Check]) -> None:
    errors = [one for one in checks if one.verdict == "error"]
    if errors:
        code = "too-long" if errors[0].point == "length" else errors[0].point
        raise UploadError(code, ". ".join(one.text for one in errors))
