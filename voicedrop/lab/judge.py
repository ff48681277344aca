"""Hold a recording against the message that should be in it.

Blocks of 1 s are looked for by normalised cross-correlation; the longest row of them in order, at a steady offset,
is the delivery. Both ends are then measured in steps of 10 ms, and what lies outside is searched for fragments of
another start. Audio is float64 of shape (samples,), full scale ±1.0. Pure, except `load`.

Thresholds from Asterisk's spoken prompts: a message's lowest block correlates 0.99 through ulaw or alaw, 0.88 through
GSM, 0.79 at 10 % loss; another message's highest 0.47, in 20 minutes of the same speaker 0.78 (first 300 ms: 0.83).
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import fft

Audio = NDArray[np.float64]
Steps = NDArray[np.bool_]

FOUND = 0.6  # a block of 1 s counts as found at this correlation or more
SHORT_FOUND = 0.8  # the same for a shorter piece: the shorter, the more other speech resembles it
DRIFT_MS = 250  # a block may lie this far from the offset of the block found before it
WHOLE_WITHIN_MS = 20.0  # this much may be missing at either end of a message that counts as whole
_STEP_MS = 10  # resolution of everything that is measured finer than a block
_BLOCK_SOUND_MS = 100  # a block with less sound is not looked for
_FRAGMENT_SOUND_MS = 300  # nor is a piece with less sound taken for a fragment
_EDGE_SOUND_MS = 30  # shorter sounds (clicks) do not mark the message's beginning or end
_BELOW_LOUD = 10 ** (-35 / 20)  # a step has energy down to 35 dB under the loud ones
_FLOOR = 1e-3  # and never below -60 dBFS
_QUIET = 1e-4  # -80 dBFS: a stretch of recording below it resembles nothing
_PEAKS = 16  # places kept for each piece


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What of a message is in a recording."""

    blocks: int
    """Blocks of 1 s of the message that carry energy; the last one ends where the message's sound ends."""
    blocks_found: int
    """Those found in order, each within ±250 ms of the running offset, at a correlation of 0.6 or more."""
    delivered_fraction: float
    """`blocks_found / blocks`."""
    lowest_correlation: float
    """The worst block's correlation where it should be (or anywhere, when no block was found)."""
    missing_head_ms: float
    """From the message's first sound to its first sound in the recording; all of it when no block was found."""
    missing_tail_ms: float
    """From its last sound in the recording to its last sound; all of it when no block was found."""
    dead_air_ms: float
    """From the recording's start to the message's first sample in it; the recording's length when none is."""
    offset_ms: float
    """Where the message's sample 0 lies in the recording; negative if the recording began later; 0 if absent."""
    fragments: int
    """Other places that hold a block of the message, or 300 ms or more of its beginning."""

    @property
    def whole(self) -> bool:
        """The message once, all of it, and nothing of another start."""
        missing_ms = max(self.missing_head_ms, self.missing_tail_ms)
        return self.blocks_found == self.blocks and missing_ms <= WHOLE_WITHIN_MS and self.fragments == 0


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A stretch of the message: `start` in samples of the message."""

    start: int
    audio: Audio

    @property
    def end(self) -> int:
        return self.start + len(self.audio)


@dataclass(frozen=True, kw_only=True)
class _Hit:
    """A piece found in a recording: `offset` is where the message's sample 0 would lie, in samples."""

    piece: _Piece
    offset: int
    correlation: float

    @property
    def start(self) -> int:
        return self.offset + self.piece.start

    @property
    def end(self) -> int:
        return self.offset + self.piece.end

    def same_start(self, other: _Hit, drift: int) -> bool:
        """Do both come from one start of the message, or from the same stretch of the recording?"""
        overlap = min(self.end, other.end) - max(self.start, other.start)
        return abs(self.offset - other.offset) < drift or overlap > len(self.piece.audio) // 2


def load(path: Path, rate: int = 8000) -> Audio:
    """Read a mono recording as float64 of shape (samples,), as far as the file goes.

    A recorder that was stopped hard leaves a WAV header whose length is zero, stale or too long: it is set right
    in memory first. A file without samples gives none. ValueError: wrong rate, or not mono.
    """
    if not (data := _with_true_length(path.read_bytes())):
        return np.zeros(0)
    audio, found_rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    if (found_rate, audio.shape[1]) != (rate, 1):
        raise ValueError(f"{path}: {found_rate} Hz, {audio.shape[1]} channels; {rate} Hz mono is needed")
    return np.asarray(audio[:, 0], dtype=np.float64)


def _with_true_length(data: bytes) -> bytes:
    """A WAV file that ends with its data chunk and says so; empty without samples; other formats unchanged."""
    if data[:4] != b"RIFF":
        return data
    place = 12
    while place + 8 < len(data):
        name, length = struct.unpack_from("<4sI", data, place)
        place += 8
        end = place + length
        if name == b"data":
            if not length or data[end : end + 4] not in (b"LIST", b"id3 ", b"bext", b"fact"):
                end = len(data)  # no other chunk follows: the sound goes on to the file's end
            riff, size = struct.pack("<4sI", b"RIFF", end - 8), struct.pack("<I", end - place)
            return riff + data[8 : place - 4] + size + data[place:end]
        place = end + length % 2
    return b""


def judge(message: Audio, recording: Audio, rate: int = 8000) -> Delivery:
    """Find `message` in `recording` and measure what of it is there.

    Both of shape (samples,). ValueError: the message is silent, so that nothing can be looked for.
    """
    step, drift = rate * _STEP_MS // 1000, rate * DRIFT_MS // 1000
    message = np.pad(message - np.sum(message) / max(1, len(message)), (0, -len(message) % step))
    recording = recording - np.sum(recording) / max(1, len(recording))
    active, first, last = _sound(message, step)
    blocks = _blocks(message, active, first, last, step)
    search = _Search(recording, len(blocks[0].audio))
    correlations, hits = zip(*(search.find(block, FOUND) for block in blocks), strict=True)
    row = _longest_row([hit for found in hits for hit in found], drift)
    if row:
        around = np.pad(recording, len(message))  # no block lies further outside the recording
        clearest = max(row, key=lambda hit: hit.correlation)
        heard, sent = around[len(message) + clearest.start :], clearest.piece.audio
        expected = message * float(heard[: len(sent)] @ sent / (sent @ sent))
        match = _match_by_step(expected, around[len(message) + row[0].offset :], active)
        head = first + _steps_missing(match[first : row[0].piece.end // step])
        match = _match_by_step(expected, around[len(message) + row[-1].offset :], active)
        tail = last - _steps_missing(match[row[-1].piece.start // step : last][::-1])
        offset = row[0].offset
        dead_air = max(0, offset + (head - first) * step)
        outside = [recording[: max(0, offset + head * step)], recording[max(0, row[-1].offset + tail * step) :]]
        correlations = tuple(_correlation_in_row(block, row, search, drift) for block in blocks)
    else:
        head, tail, offset, dead_air, outside = last, first, 0, len(recording), [recording]
    pieces = [_beginning(message, active, first, last, step)]
    pieces += [block for block in blocks if _sound_ms(block, active, step) >= _FRAGMENT_SOUND_MS]
    return Delivery(
        blocks=len(blocks),
        blocks_found=len(row),
        delivered_fraction=len(row) / len(blocks),
        lowest_correlation=min(correlations),
        missing_head_ms=float((head - first) * _STEP_MS),
        missing_tail_ms=float((last - tail) * _STEP_MS),
        dead_air_ms=dead_air * 1000 / rate,
        offset_ms=offset * 1000 / rate,
        fragments=sum(_fragments(pieces, part, rate) for part in outside),
    )


class _Search:
    """One recording, made ready to find many pieces of at most `longest` samples in it (overlap-save)."""

    def __init__(self, recording: Audio, longest: int) -> None:
        self.edge = longest  # silence on both sides, so that a piece cut by the recording's edge is found too
        self._audio = np.pad(recording, longest)
        self._energy = np.concatenate(([0.0], np.cumsum(self._audio**2)))
        self._size = 1 << (2 * longest - 1).bit_length()
        self._hop = self._size - longest + 1
        rows = -(-len(self._audio) // self._hop)
        padded = np.pad(self._audio, (0, rows * self._hop + self._size - len(self._audio))).astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(padded, self._size)[:: self._hop][:rows]
        self._spectra = fft.rfft(windows, axis=1)

    def curve(self, piece: _Piece) -> Audio:
        """Normalised correlation at each place; element 0 is the place `-edge` in the recording."""
        length = len(piece.audio)
        spectrum = np.conj(fft.rfft(piece.audio.astype(np.float32), self._size))
        products = fft.irfft(self._spectra * spectrum, self._size, axis=1, overwrite_x=True)[:, : self._hop]
        energy = self._energy[length:] - self._energy[:-length]
        scale = np.sqrt(np.maximum(energy, length * _QUIET**2) * np.sum(piece.audio**2))
        return np.asarray(np.minimum(products.reshape(-1)[: len(scale)] / scale, 1.0), dtype=np.float64)

    def find(self, piece: _Piece, threshold: float) -> tuple[float, list[_Hit]]:
        """The highest correlation anywhere, and the peaks at or above `threshold`, the strongest first."""
        curve = self.curve(piece)
        groups = _apart(np.flatnonzero(curve >= threshold), len(piece.audio) // 8)
        peaks = sorted((int(group[np.argmax(curve[group])]) for group in groups), key=lambda at: -curve[at])
        zero = self.edge + piece.start
        hits = [_Hit(piece=piece, offset=at - zero, correlation=float(curve[at])) for at in peaks[:_PEAKS]]
        return float(np.max(curve)), hits


def _apart(places: NDArray[np.intp], distance: int) -> list[NDArray[np.intp]]:
    """Sorted places, cut into groups where neighbours are more than `distance` apart."""
    return np.split(places, np.flatnonzero(np.diff(places) > distance) + 1) if len(places) else []


def _sound(message: Audio, step: int) -> tuple[Steps, int, int]:
    """Which steps of 10 ms carry energy, of shape (steps,); the first of them, and the one after the last."""
    level = np.sqrt(np.mean(message.reshape(-1, step) ** 2, axis=1))
    if not np.any(level >= _FLOOR):
        raise ValueError("the message is silent: there is nothing to look for in the recording")
    active = level >= max(_FLOOR, float(np.percentile(level[level >= _FLOOR], 95)) * _BELOW_LOUD)
    runs = _apart(np.flatnonzero(active), 1)
    runs = [run for run in runs if len(run) * _STEP_MS >= _EDGE_SOUND_MS] or runs
    return active, int(runs[0][0]), int(runs[-1][-1]) + 1


def _blocks(message: Audio, active: Steps, first: int, last: int, step: int) -> list[_Piece]:
    """Blocks of 1 s from the first sound on, and one that ends with the last sound; quiet ones left out."""
    length = min(1000 // _STEP_MS, last - first)
    places = [*range(first, last - length, length), last - length]
    pieces = [_Piece(start=place * step, audio=message[place * step : (place + length) * step]) for place in places]
    carrying = [piece for piece in pieces if _sound_ms(piece, active, step) >= _BLOCK_SOUND_MS]
    return carrying or pieces[:1]


def _beginning(message: Audio, active: Steps, first: int, last: int, step: int) -> _Piece:
    """The message from its first sound on, until 300 ms of sound have passed, at most 1 s."""
    sound = np.flatnonzero(active[first : min(last, first + 1000 // _STEP_MS)])
    steps = int(sound[: _FRAGMENT_SOUND_MS // _STEP_MS][-1]) + 1
    return _Piece(start=first * step, audio=message[first * step : (first + steps) * step])


def _sound_ms(piece: _Piece, active: Steps, step: int) -> int:
    return int(np.sum(active[piece.start // step : piece.end // step])) * _STEP_MS


def _longest_row(hits: list[_Hit], drift: int) -> list[_Hit]:
    """The most blocks in order, each within `drift` samples of the offset before it; then the best correlated."""
    rows: list[tuple[int, float, list[_Hit]]] = [(0, 0.0, [])]
    for hit in sorted(hits, key=lambda hit: hit.piece.start):
        earlier = [row for row in rows if not row[2] or row[2][-1].piece.start < hit.piece.start]
        near = [row for row in earlier if not row[2] or abs(row[2][-1].offset - hit.offset) <= drift]
        count, total, row = max(near, key=lambda row: row[:2])
        rows.append((count + 1, total + hit.correlation, [*row, hit]))
    return max(rows, key=lambda row: row[:2])[2]


def _correlation_in_row(block: _Piece, row: list[_Hit], search: _Search, drift: int) -> float:
    """The block's correlation in the row, or the highest around the nearest found block's offset."""
    nearest = min(row, key=lambda hit: abs(hit.piece.start - block.start))
    if nearest.piece is block:
        return nearest.correlation
    place = nearest.offset + block.start + search.edge
    return float(np.max(search.curve(block)[max(0, place - drift) : max(0, place + drift)], initial=0.0))


def _match_by_step(expected: Audio, recording: Audio, active: Steps) -> Audio:
    """How much better `expected` explains the recording, which begins with it, than nothing does, at each step.

    The logarithm of the energies without and with it taken out, within ±1; 0 where it is silent. Half of it is taken
    out, so that what a codec keeps only roughly still counts; a small price goes to whatever explains nothing.
    """
    steps = expected.reshape(len(active), -1)
    heard = recording[: len(expected)].reshape(len(active), -1)
    floor = 0.0025 * np.min(np.sum(steps[active] ** 2, axis=1)) + 1e-12
    rest = np.sum((heard - steps / 2) ** 2, axis=1) + floor
    score = np.clip(np.log((np.sum(heard**2, axis=1) + floor) / rest), -1, 1) - 0.01
    return np.asarray(np.where(active, score, 0.0))


def _steps_missing(match: Audio) -> int:
    """How many leading steps to leave out so that the rest matches best (the point of change)."""
    rest = np.concatenate((np.cumsum(match[::-1])[::-1], [0.0]))
    return int(np.flatnonzero(rest == np.max(rest))[-1])


def _fragments(pieces: list[_Piece], part: Audio, rate: int) -> int:
    """How many starts of the message left one of the pieces in `part`, which lies outside the match."""
    if np.max(np.abs(part), initial=0.0) < _QUIET:
        return 0
    search = _Search(part, max(len(piece.audio) for piece in pieces))
    searched = [search.find(piece, FOUND if len(piece.audio) >= rate else SHORT_FOUND) for piece in pieces]
    starts: list[_Hit] = []
    hits = (hit for _, found in searched for hit in found)
    for hit in sorted(hits, key=lambda hit: -hit.correlation * len(hit.piece.audio)):
        if not any(hit.same_start(start, rate * DRIFT_MS // 1000) for start in starts):
            starts.append(hit)
    return len(starts)
