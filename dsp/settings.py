"""Every constant of the detector that can be tuned, with its unit.

The figures come from 25 minutes of Asterisk's English prompts and 20 minutes of espeak-ng in 15 voices (what
must not be a beep), and from synthetic beeps through u-law, A-law, GSM and 5 % packet loss (what must). Pauses,
holds, crowd, votes and what is said of call progress before speech come from the tuning half of the bench's corpus.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Steadiness(NamedTuple):
    """One way to pass as machine-made while a tone goes on: all of these at once."""

    hops: tuple[int, int]
    """Applies to tones heard in so many windows, 10 ms apart: from, to (not included)."""
    hz: tuple[float, float]
    """Applies to tones between these."""
    jitter_hz: float
    """Largest deviation from a straight line through the frequencies, the worst quarter left out."""
    slope_hz_per_s: float
    """Steepest line. Voices glide faster; chirped beeps do not."""
    wobble_db: float
    """Largest deviation from a straight line through the levels, the worst quarter left out."""
    purity: float
    """Least share of the power in the tone and its partner, a second tone or a harmonic (median)."""


_LOW = (340.0, 600.0)
"""Where a voice can be almost a pure tone (close vowels, nasals): the false triggers of the prompts lay here."""
_HIGH = (600.0, 3050.0)

# Calm ones, as G.711 leaves a tone, even a chirp; and for long tones rough but pure ones, as GSM does.
STEADY_ENOUGH = (
    #           hops       hz   jitter Hz  Hz/s  wobble dB  purity
    Steadiness((8, 12), _LOW, 0.4, 60.0, 0.20, 0.95),
    Steadiness((12, 20), _LOW, 0.5, 100.0, 0.30, 0.93),
    Steadiness((20, 1000), _LOW, 0.8, 330.0, 0.50, 0.80),
    Steadiness((30, 1000), _LOW, 4.0, 30.0, 2.50, 0.88),
    Steadiness((8, 12), _HIGH, 0.8, 330.0, 0.40, 0.85),
    Steadiness((12, 20), _HIGH, 1.0, 330.0, 0.50, 0.80),
    Steadiness((20, 1000), _HIGH, 1.5, 400.0, 1.00, 0.70),
    Steadiness((20, 1000), _HIGH, 6.0, 60.0, 3.50, 0.75),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToneSettings:
    """What counts as a beep."""

    lowest_hz: float = 340.0
    highest_hz: float = 3050.0
    weakest_dbfs: float = -46.0
    """A tone is followed from this level on; beeps go down to -40 dBFS."""
    open_tonality: float = 0.5
    """A new tone is looked for where its peaks hold this share of the power..."""
    keep_tonality: float = 0.35
    """...and followed while they hold this one."""
    step_hz: float = 12.0
    """Most that a tone moves from one hop to the next, plus..."""
    step_hz_per_hop: float = 3.0
    """...this for each hop missed: a chirp of 300 Hz/s."""
    step_down_db: float = 12.0
    """A peak so far below the tone of just now is not the tone any more."""
    bridge_ms: float = 70.0
    """A tone may be missing so long: a gap of 40 ms as seen through a 32 ms window."""
    pause_ms: float = 180.0
    """Or so long, if there is silence: the pause of a double beep..."""
    pause_drop_db: float = 10.0
    """...so far below it."""
    partner_jitter_hz: float = 6.0
    """A partner's jitter: it stays where it is, or glides as straight as the tone."""
    partner_below_db: float = 16.0
    """How far it may be below the tone: the third harmonic of a clipped one is 10 to 15 dB down."""
    voice_pair_factor: float = 8.0
    """Jitter counts so many times for a pair that could be two neighbouring harmonics of a voice."""
    widest_lobe: float = 0.03
    """One tone leaves at most 0.019 of its lobe in the outer bins; a pair 40 to 60 Hz apart, more..."""
    lobe_hops: int = 12
    """...which is looked at from this length on: windows half filled by a tone are wide too."""
    close_pair_hz: tuple[float, float] = (385.0, 495.0)
    """Such a pair between these is ringback (440 + 480 Hz, 400 + 450 Hz); beeps have them elsewhere, and seldom."""
    early_hops: int = 8
    """No tone is said to have started before so many windows; a shorter one is judged when it is over."""
    steadiness: tuple[Steadiness, ...] = STEADY_ENOUGH
    """A tone is said to have started if any of these fits."""
    shortest_ms: float = 32.0
    least_vote: float = -0.75
    """What must be said of a tone about which the forest is in doubt (see `doubt`): cross-validated, see the bench's
    `grow`."""
    fewest_hops: int = 5
    """Fewer windows say too little: those of four gained 0.2 % of hits and as many false triggers an hour."""
    crowd_ms: float = 2500.0
    crowd_hops: int = 8
    """Tones of at least so many hops that ended so shortly before another are its crowd: a tune, a song, a talk."""
    longest_ms: float = 1750.0
    """Longer tones are dial tones, fax answers and the like."""
    holds_ms: tuple[tuple[float, float], ...] = ((300.0, 55.0), (200.0, 170.0), (125.0, 90.0), (0.0, 170.0))
    """(tones at least so long, must be gone for so long): longest first. Up to 300 ms a second burst may follow, 40 to
    150 ms later; from 125 to 200 ms, where single beeps are common (Asterisk's, 871 Hz 160 ms), being quick is worth
    more than the double beeps of that length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgressSettings:
    """What counts as call progress: tones of the network, not of a mailbox."""

    same_tone: float = 0.015
    """Relative difference in frequency up to which two tones are the same one."""
    pair_tolerance: float = 0.018
    """The same for the known pairs: what the DTMF recommendation (Q.24) demands of a receiver."""
    memory_ms: float = 6500.0
    """Longest time from the end of one burst to the next in any cadence."""
    supervisory_hz: tuple[float, float] = (395.0, 455.0)
    """Single tones of busy and ringback outside North America: a repeat is call progress at once."""
    before_speech_hz: tuple[tuple[float, float], ...] = (
        (392.0, 495.0),
        (608.0, 632.0),
        (1060.0, 1140.0),
        (2075.0, 2125.0),
    )
    """Tones of busy, ringback and faxes, singly or in pairs: before anybody has spoken they are call progress."""
    fax_answer_hz: tuple[float, float] = (2075.0, 2125.0)
    """Heard before any speech: a fax or modem answers, and nothing that it sends later is a beep."""
    fax_calling_hz: tuple[float, float] = (1062.0, 1138.0)
    """A calling fax (T.30: 1100 +- 38 Hz); whoever has spoken, bursts of just its length are none of a mailbox."""
    cadence_hz: float = 0.008
    """Relative difference up to which a tone that is over has the frequency of a known cadence..."""
    cadence_share: float = 0.035
    cadence_ms: float = 12.0
    """...and its length: the network's clock is so much off, and so much is our measure."""
    longest_beep_ms: float = 1750.0
    """A tone that lasted longer is none, nor is its repeat."""
    rhythm: float = 0.12
    """Relative difference up to which two times are the same beat..."""
    rhythm_ms: float = 25.0
    """...or this, for short ones."""
    shortest_busy_ms: float = 180.0
    """A gap as long as the burst before it is a busy cadence from this length on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechSettings:
    """What counts as speech."""

    block_hops: int = 25
    """The noise floor is the quietest of the last blocks, each 250 ms..."""
    blocks: int = 8
    """...so a new steady noise is taken in after 2 s."""
    block_quantile: float = 0.2
    """A block's level is this quantile of its hops, so that lost packets do not pass for quiet."""
    first_floor_dbfs: float = -60.0
    """Supposed until the first blocks are full."""
    lowest_floor_dbfs: float = -65.0
    """Digital zero is no quieter than this, or comfort noise would stand out from it."""
    start_margin_db: float = 10.0
    keep_margin_db: float = 6.0
    """Above the floor: to begin, and to go on."""
    weakest_dbfs: float = -52.0
    tonality: float = 0.9
    tone_step_hz: float = 40.0
    """A hop this tonal, whose peak has not moved further than this, is a tone's (or a close pair's)."""
    window_hops: int = 30
    start_hops: int = 12
    """Speech begins with 120 ms of it within 300 ms."""
    hangover_ms: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """All of them."""

    tone: ToneSettings = ToneSettings()
    progress: ProgressSettings = ProgressSettings()
    speech: SpeechSettings = SpeechSettings()
    names: bool = True
    """Name the network's tones and say silence; it costs some 2 us a hop."""
