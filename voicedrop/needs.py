"""What the engine needs of an Asterisk: its version and its modules, each with what it is for."""

from __future__ import annotations

import re
from collections.abc import Mapping

from voicedrop.config import Settings

# The first version of each series that has chan_websocket.
FIRST_VERSIONS: Mapping[int, int] = {20: 16, 21: 11, 22: 6}
NEWEST_CHANGE = 23  # from here on every version has it

_ENGINE = {
    "res_ari.so": "the engine's interface",
    "res_ari_applications.so": "the engine's interface",
    "res_ari_asterisk.so": "the engine's interface",
    "res_ari_bridges.so": "the engine's interface",
    "res_ari_channels.so": "the engine's interface",
    "res_ari_events.so": "tells the engine what happens",
    "res_ari_playbacks.so": "the engine's interface",
    "res_http_websocket.so": "carries the events to the engine",
    "res_stasis.so": "hands a leg to the engine",
    "res_stasis_playback.so": "plays the messages",
    "res_stasis_snoop.so": "listens to a leg",
    "chan_websocket.so": "brings the live audio to the engine",
    "res_websocket_client.so": "knows where the engine listens",
    "bridge_simple.so": "joins the agent and the callee, and the two halves of a tap",
    "format_wav.so": "reads the messages",
    "codec_ulaw.so": "the telephone network's codec",
    "codec_alaw.so": "the telephone network's codec",
}
_DOORS = {
    "pbx_config.so": "reads extensions.conf",
    "app_stasis.so": "the dialplan's way into the engine",
    "app_channelredirect.so": "the feature code takes the callee's leg out of the Dial()",
    "app_stack.so": "Gosub, which the feature code runs",
    "app_dial.so": "the Dial() door, and calls while the engine is away",
    "app_playback.so": "leaves the message while the engine is away",
    "app_waitforsilence.so": "leaves the message while the engine is away",
    "res_agi.so": "the feature code asks the engine",
    "func_channel.so": "CHANNEL(), which tells the agent",
    "func_global.so": "SHARED(), which hands the agent's name over with the leg",
    "func_logic.so": "IF(), in the drop's limit, and IMPORT(), which tells who was called",
    "func_timeout.so": "TIMEOUT(), which ends a leg that nobody ends",
}
_SIP = {
    "chan_pjsip.so": "SIP",
    "res_pjsip.so": "SIP",
    "res_pjsip_session.so": "SIP",
    "res_pjsip_sdp_rtp.so": "SIP's media",
    "res_rtp_asterisk.so": "SIP's media",
    "res_pjsip_dtmf_info.so": "codes that telephones send by SIP INFO",
}

TIMING = ("res_timing_timerfd.so", "res_timing_pthread.so", "res_timing_kqueue.so", "res_timing_dahdi.so")
"""Any one of them: playing and listening go by its clock."""

FOR_TRIAL = ("res_stasis.so", "res_ari_channels.so", "res_ari_events.so", "res_http_websocket.so")
FOR_PLAYING = ("res_stasis_playback.so", "res_ari_playbacks.so", "format_wav.so")
FOR_TAP = (
    "chan_websocket.so",
    "res_websocket_client.so",
    "res_stasis_snoop.so",
    "res_ari_bridges.so",
    "bridge_simple.so",
)


def modules(settings: Settings) -> dict[str, str]:
    """The modules that an engine of these settings needs, with what each is for."""
    needed = {**_ENGINE, **_DOORS}
    if settings.dial.endpoint.upper().startswith("PJSIP/"):
        needed |= _SIP
    return needed


def version(text: str) -> tuple[int, int] | None:
    """The series and the release in Asterisk's own version text; None if it is a build without a number."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def is_new_enough(number: tuple[int, int]) -> bool:
    """Whether this version has the live audio over websocket."""
    series, release = number
    return series >= NEWEST_CHANGE or release >= FIRST_VERSIONS.get(series, 1 << 30)
