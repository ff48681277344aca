"""The two trials on a live leg: Asterisk plays the messages, and brings the leg's audio to us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voicedrop.config import Settings
from voicedrop.doctor.machine import taken, why_not
from voicedrop.doctor.report import Report
from voicedrop.doctor.trial import CLIENT, LAST_PART_MS, Trial
from voicedrop.errors import AriError, TapError
from voicedrop.media.listener import TapListener
from voicedrop.model import Message
from voicedrop.shelved import KEPT


async def playing(report: Report, trial: Trial, found: Settings, messages: Mapping[str, Message]) -> None:
    """The end of each message is played: Asterisk finds it, may read it, and it is the same length."""
    check = "messages played"
    if not messages:
        report.not_checked(check, "there is no message that can be played")
        return
    place = _place(found)
    unread, other = [], []
    for name, message in messages.items():
        try:
            played_ms = await trial.play(message.media, message.duration_s)
        except TimeoutError:
            other.append(f"{name} ({message.media}.wav is longer than {message.file})")
            continue
        if played_ms is None:
            unread.append(f"{name} ({message.media}.wav)")
        elif played_ms < LAST_PART_MS // 2:
            other.append(f"{name} ({message.media}.wav is shorter than {message.file})")
    if unread:
        key = f"{place.section}.asterisk_folder" if place.asterisk_folder else f"{place.section}.folder"
        report.fail(
            check,
            f"Asterisk cannot play {', '.join(unread)}",
            f"let Asterisk's user read them: chmod -R a+rX {place.folder}, and a+x on the folders above "
            "(try: sudo -u asterisk ls);\n"
            f"if Asterisk sees that folder elsewhere (container, chroot), set {place.section}.asterisk_folder: "
            f"now {key} says {place.asterisk_folder or place.folder}",
        )
    if other:
        report.fail(
            check,
            f"Asterisk plays another file: {', '.join(other)}",
            f"set {place.section}.asterisk_folder to the folder that Asterisk sees as {place.section}.folder, or copy "
            "the files there",
        )
    if not unread and not other:
        report.ok(check, f"Asterisk has played the end of {len(messages)} message(s)")


@dataclass(frozen=True)
class _Place:
    """Where the messages are that were found, and the section of the settings that says so."""

    section: str
    folder: Path
    asterisk_folder: str


def _place(found: Settings) -> _Place:
    if (found.state_dir / KEPT).exists():
        return _Place("library", found.library_folder().absolute(), found.library.asterisk_folder)
    return _Place("messages", found.messages.folder.absolute(), found.messages.asterisk_folder)


async def live_audio(report: Report, trial: Trial, found: Settings, *, busy: bool, uri: str) -> None:
    """A tap on the leg, with the doctor in the engine's place.

    Never beside an engine: of two connections of one section that Asterisk 22 makes at the same moment, both
    may bring the token of one, and an agent's call would go on untapped.
    """
    check, tap = "live audio", found.tap
    where = f"{tap.host}:{tap.port}"
    if not uri:
        report.not_checked(check, f"Asterisk has no section [{CLIENT}]")
        return
    if busy:
        report.not_checked(check, "an engine is running; for a proof, run the doctor while it is stopped")
        return
    fault = await taken(tap.host, tap.port)
    listener = TapListener(tap.host, tap.port, most=1)
    try:
        if not fault:
            await listener.start()
    except OSError as error:
        fault = why_not(error)
    try:
        if fault:
            report.fail(
                check,
                f"the engine could not listen for it: {where} {fault}",
                f"find who has it: ss -ltnp 'sport = :{tap.port}'; end that, or set tap.host and tap.port, and write "
                "Asterisk's files again",
            )
            return
        await trial.hear(listener)
    except TapError as error:
        report.fail(
            check,
            f"{error}: {uri}, where Asterisk looks, did not lead it to {where}",
            f"make uri in Asterisk's websocket_client.conf [{CLIENT}] lead to tap.host and tap.port;\n"
            "on another machine or in a container set tap.host to an address that Asterisk reaches, or tap.uri, and "
            "open the firewall for it;\nAsterisk's log tells why: grep res_websocket_client /var/log/asterisk/full",
        )
    except (AriError, TimeoutError) as error:
        report.fail(
            check,
            f"Asterisk refuses a part of the tap: {str(error) or 'no answer in time'}",
            "look into Asterisk's log for chan_websocket and res_stasis_snoop",
        )
    else:
        report.ok(check, f"Asterisk has brought it to {where}")
    finally:
        await listener.stop()
