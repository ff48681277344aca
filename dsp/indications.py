"""The tones that the world's exchanges play: frequencies, rhythm, and who uses them.

Facts from Asterisk's sample indications.conf (which cites ITU-T E.180 Supplement 2 and national papers), the UK's
also from BT SIN 350. Left out are tones that are modulated (India, Japan, Singapore, South Africa, Thailand: 400 or
425 Hz by 15 to 50 Hz), and a steady 400 Hz, which is Japan's dial tone and the UK's "number unobtainable".
"""

from typing import Final, NamedTuple

from dsp.events import ToneName


class Indication(NamedTuple):
    """A tone and its rhythm."""

    name: ToneName
    hz: tuple[float, ...]
    """One or two, ascending."""
    rhythm_ms: tuple[float, ...]
    """On, off, on, off..., again and again; empty for a tone that goes on."""
    regions: tuple[str, ...]
    """Countries, by the names that Asterisk gives them: those of ISO 3166, but ``uk``."""


def _of(name: ToneName, hz: tuple[float, ...], rhythm_ms: tuple[float, ...], regions: str) -> Indication:
    return Indication(name, hz, rhythm_ms, tuple(regions.split()))


_DOUBLE_RING: Final = (400.0, 200.0, 400.0, 2000.0)

INDICATIONS: Final = (
    _of("ringback", (440, 480), (2000, 4000), "us"),
    _of("ringback", (440, 480), (1000, 2000), "tw"),
    _of("ringback", (425, 480), (1000, 4000), "ph"),
    _of("ringback", (400, 450), _DOUBLE_RING, "uk nz au"),
    _of("ringback", (413, 438), _DOUBLE_RING, "au"),
    _of("ringback", (425,), _DOUBLE_RING, "my"),
    _of("ringback", (425,), (1000, 4000), "de it nl ch dk no fi pl cz gr bg ee lt ru br mx id ve"),
    _of("ringback", (425,), (1000, 3000), "be"),
    _of("ringback", (425,), (1000, 5000), "pt se"),
    _of("ringback", (425,), (1500, 3000), "es"),
    _of("ringback", (425,), (1250, 3750), "hu"),
    _of("ringback", (440,), (1500, 3500), "fr"),
    _of("ringback", (400,), (1000, 3000), "cl"),
    _of("ringback", (450,), (1000, 4000), "cn"),
    _of("ringback", (414,), (1000, 3000), "il"),
    _of("ringback", (420,), (1000, 5000), "at th"),
    # Where countries disagree (250 + 250 ms is busy in Brazil, Mexico and Sweden, 200 + 200 ms in Spain), the name is
    # that of most; those countries are not in the list of the others.
    _of("reorder", (480, 620), (250, 250), "us ph tw"),
    _of("reorder", (400,), (400, 350, 225, 525), "uk"),
    _of("reorder", (400,), (250, 250), "in nz za"),
    _of("reorder", (400,), (200, 200), "cl"),
    _of("reorder", (400,), (300, 300), "th"),
    _of("reorder", (425,), (240, 240), "de"),
    _of("reorder", (425,), (250, 250), "nl bg id ve sg mx"),
    _of("reorder", (425,), (200, 200), "it ch dk no fi pt gr ee lt"),
    _of("reorder", (425,), (170, 170), "be cz ru"),
    _of("reorder", (425,), (200, 200, 200, 200, 200, 600), "es"),
    _of("reorder", (425,), (250, 250, 750, 250), "br"),
    _of("reorder", (425,), (250, 750), "se"),
    _of("reorder", (440,), (250, 250), "fr"),
    _of("reorder", (414,), (250, 250), "il"),
    _of("reorder", (420,), (200, 200), "at"),
    _of("reorder", (450,), (700, 700), "cn"),
    _of("busy", (480, 620), (500, 500), "us ph tw"),
    _of("busy", (400,), (375, 375), "uk"),
    _of("busy", (400,), (500, 500), "cl jp nz th za"),
    _of("busy", (400,), (750, 750), "in"),
    _of("busy", (425,), (480, 480), "de"),
    _of("busy", (425,), (500, 500), "it nl be ch dk no pl pt bg id my ve"),
    _of("busy", (425,), (375, 375), "au"),
    _of("busy", (425,), (350, 350), "lt ru"),
    _of("busy", (425,), (330, 330), "cz"),
    _of("busy", (425,), (300, 300), "fi gr ee hu"),
    _of("busy", (425,), (750, 750), "sg"),
    _of("busy", (440,), (500, 500), "fr"),
    _of("busy", (414,), (500, 500), "il"),
    _of("busy", (420,), (400, 400), "at"),
    _of("busy", (450,), (350, 350), "cn"),
    _of("dial_tone", (350, 440), (), "us uk tw"),
    _of("dial_tone", (350, 450), (), "uk"),
    _of("dial_tone", (413, 438), (), "au"),
    _of("dial_tone", (425,), (), "de nl be ch dk no fi pl pt es bg ee hu lt ru se br mx id my ph sg ve"),
    _of("dial_tone", (440,), (), "fr"),
    _of("dial_tone", (420,), (), "at"),
    _of("dial_tone", (414,), (), "il"),
    _of("dial_tone", (450,), (), "cn"),
    _of("dial_tone", (425,), (200, 200, 600, 1000), "it"),
    _of("dial_tone", (425,), (330, 330, 660, 660), "cz"),
    _of("dial_tone", (425,), (200, 300, 700, 800), "gr"),
)

LOWEST_HZ: Final = 330.0
HIGHEST_HZ: Final = 650.0
"""All of them lie between these, 1.5 % off and more."""

SIT_LOW_HZ: Final = (913.8, 1370.6, 1776.7)
SIT_HIGH_HZ: Final = (985.2, 1428.5, 1776.7)
SIT_PLAIN_HZ: Final = (950.0, 1400.0, 1800.0)
"""Special information tones: North America's, whose first two say which by being low or high, and ITU-T E.180's."""
SIT_SHORT_MS: Final = 274.0
SIT_LONG_MS: Final = 380.0
SIT_KINDS: Final = {
    # (lengths of the first two, their frequencies): the kind. S short, L long; L low, H high.
    ("SS", "LL"): "intercept",
    ("LS", "HL"): "vacant_code",
    ("SL", "LH"): "reorder",  # of the local exchange
    ("SL", "HL"): "reorder",  # of a carrier between areas
    ("LL", "HH"): "no_circuit",  # local
    ("LL", "LL"): "no_circuit",  # of a carrier
}
"""Bell's table (a recorder manual of 1983, and Telcordia's since)."""
