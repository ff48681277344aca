"""Speech coders from Debian's libraries, by ctypes: 20 ms frames in, packets across, 20 ms frames out."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_int, c_int16, c_int32, c_ubyte, c_void_p
from typing import Final, Protocol

import numpy as np

from tests.bench.detection.sources import Tree
from tests.bench.detection.waves import Samples

FRAME: Final = 160
_PACKET_BYTES: Final = 400
_SHORTS: Final = POINTER(c_int16)
_BYTES: Final = POINTER(c_ubyte)


class Coder(Protocol):
    """A pair of encoder and decoder for one call."""

    delay: int
    """Samples by which what comes out is late."""

    def through(self, frame: Samples, *, lost: bool) -> Samples:
        """160 samples through the packet; a lost one is made up by the decoder."""


def _shorts(samples: Samples) -> ctypes._Pointer[c_int16]:
    return samples.ctypes.data_as(_SHORTS)


class Opus:
    """Narrow-band Opus in its mode for voice, at so many bit/s."""

    def __init__(self, tree: Tree, bit_rate: int) -> None:
        self._lib = ctypes.CDLL(str(tree.library("libopus.so.0")))
        self._lib.opus_encoder_create.restype = c_void_p
        self._lib.opus_decoder_create.restype = c_void_p
        error = c_int()
        voip, set_bit_rate, get_lookahead = 2048, 4002, 4027
        self._encoder = c_void_p(self._lib.opus_encoder_create(c_int32(8000), 1, voip, byref(error)))
        self._decoder = c_void_p(self._lib.opus_decoder_create(c_int32(8000), 1, byref(error)))
        self._lib.opus_encoder_ctl(self._encoder, set_bit_rate, c_int32(bit_rate))
        lookahead = c_int32()
        self._lib.opus_encoder_ctl(self._encoder, get_lookahead, byref(lookahead))
        self.delay = lookahead.value
        self._packet = (c_ubyte * _PACKET_BYTES)()

    def __del__(self) -> None:
        self._lib.opus_encoder_destroy(self._encoder)
        self._lib.opus_decoder_destroy(self._decoder)

    def through(self, frame: Samples, *, lost: bool) -> Samples:
        size = self._lib.opus_encode(self._encoder, _shorts(frame), FRAME, self._packet, _PACKET_BYTES)
        out = np.zeros(FRAME, np.int16)
        packet, size = (None, 0) if lost else (self._packet, size)
        self._lib.opus_decode(self._decoder, packet, c_int32(size), _shorts(out), FRAME, 0)
        return out


class Amr:
    """AMR narrow band; modes 0 (4.75 kbit/s) to 7 (12.2 kbit/s)."""

    _NO_DATA: Final = 15 << 3 | 4

    def __init__(self, tree: Tree, mode: int) -> None:
        self._lib = ctypes.CDLL(str(tree.library("libopencore-amrnb.so.0")))
        self._lib.Encoder_Interface_init.restype = c_void_p
        self._lib.Decoder_Interface_init.restype = c_void_p
        self._encoder = c_void_p(self._lib.Encoder_Interface_init(0))
        self._decoder = c_void_p(self._lib.Decoder_Interface_init())
        self._mode = mode
        self._packet = (c_ubyte * _PACKET_BYTES)()
        self.delay = 40

    def __del__(self) -> None:
        self._lib.Encoder_Interface_exit(self._encoder)
        self._lib.Decoder_Interface_exit(self._decoder)

    def through(self, frame: Samples, *, lost: bool) -> Samples:
        self._lib.Encoder_Interface_Encode(self._encoder, self._mode, _shorts(frame), self._packet, 0)
        if lost:
            self._packet[0] = self._NO_DATA
        out = np.zeros(FRAME, np.int16)
        self._lib.Decoder_Interface_Decode(self._decoder, self._packet, _shorts(out), int(lost))
        return out


class G729:
    """G.729 Annex A, 8 kbit/s, two frames of 10 ms in a packet."""

    def __init__(self, tree: Tree) -> None:
        self._lib = ctypes.CDLL(str(tree.library("libbcg729.so.0")))
        self._lib.initBcg729EncoderChannel.restype = c_void_p
        self._lib.initBcg729DecoderChannel.restype = c_void_p
        self._encoder = c_void_p(self._lib.initBcg729EncoderChannel(c_ubyte(0)))
        self._decoder = c_void_p(self._lib.initBcg729DecoderChannel())
        self._packet = (c_ubyte * _PACKET_BYTES)()
        self.delay = 40

    def __del__(self) -> None:
        self._lib.closeBcg729EncoderChannel(self._encoder)
        self._lib.closeBcg729DecoderChannel(self._decoder)

    def through(self, frame: Samples, *, lost: bool) -> Samples:
        out = np.zeros(FRAME, np.int16)
        size = c_ubyte()
        for half in (slice(0, 80), slice(80, 160)):
            self._lib.bcg729Encoder(self._encoder, _shorts(frame[half]), self._packet, byref(size))
            decoded = out[half]
            self._lib.bcg729Decoder(
                self._decoder, self._packet, size, c_ubyte(lost), c_ubyte(0), c_ubyte(0), _shorts(decoded)
            )
        return out


def run(coder: Coder, samples: Samples, lost: list[bool]) -> Samples:
    """A whole call through the coder, its delay taken away; ``lost`` says which 20 ms do not arrive."""
    frames = -(-(len(samples) + coder.delay) // FRAME)
    padded = np.zeros(frames * FRAME, np.int16)
    padded[: len(samples)] = samples
    out = [coder.through(padded[k * FRAME : (k + 1) * FRAME], lost=k < len(lost) and lost[k]) for k in range(frames)]
    return np.concatenate(out)[coder.delay : coder.delay + len(samples)]
