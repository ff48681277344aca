"""The shipped settings, as far as Asterisk tells them: what its files of the same names include."""

from __future__ import annotations

import shlex
from pathlib import Path

from voicedrop.config import Settings
from voicedrop.doctor.questions import Questions
from voicedrop.doctor.report import Report
from voicedrop.doctor.trial import CLIENT

DOCTORS_CONTEXT = "voicedrop-doctor"
PLACES = (  # context, extension that must be in it, what it is for
    ("voicedrop-bridged", "+12025550123", "the ARI-bridged door"),
    ("voicedrop-dial", "+12025550123", "the Dial() door"),
    ("voicedrop-feature", "s", "the feature code"),
    ("voicedrop-drop", "1", "the callee's way into the drop"),
    ("voicedrop-finish", "s", "the message while the engine is away"),
    ("voicedrop-next", "s", "the agent's next number"),
    (DOCTORS_CONTEXT, "s", "this doctor's own call"),
)
SLOTS = range(1, 10)
FEWEST_SESSIONS = 200  # the engine's own 64, its events, and room for others
SHORTEST_WRITE_TIMEOUT_MS = 500
PLACEHOLDER = "0"  # a number, for the endpoint template
TRUNK = {  # what voicedrop-endpoint sets, as PJSIP_ENDPOINT() tells it
    "direct_media": "false",
    "rtp_symmetric": "true",
    "force_rport": "true",
    "rewrite_contact": "true",
}


def _write_again(file: Path, name: str, reload: str, before: str = "") -> str:
    """The remedy for a file that is not included, or an old one."""
    return (
        f"voicedrop asterisk-config /etc/asterisk/voicedrop -c {shlex.quote(str(file))}; "
        f"in {name}: {before}#include voicedrop/{name};\nthen: asterisk -rx '{reload}'"
    )


async def websocket_client(report: Report, ari: Questions, found: Settings, file: Path) -> bool:
    """Whether there is a section at all."""
    check, ours = f"{CLIENT} section", found.tap.reached_by()
    remedy = _write_again(file, "websocket_client.conf", "module reload res_websocket_client.so")
    section = await ari.websocket_client(CLIENT)
    if section is None:
        report.fail(check, f"Asterisk's websocket_client.conf has no section [{CLIENT}]", remedy)
        return False
    wrong = []
    if section.get("connection_type") != "per_call_config":
        wrong.append(f"connection_type is {section.get('connection_type')}, not per_call_config")
    if "media" not in [one.strip() for one in section.get("protocols", "").split(",")]:
        wrong.append(f"protocols is {section.get('protocols')!r}, not media")
    theirs = section.get("uri", "")
    if theirs != ours:
        wrong.append(f"uri is {theirs}, but this engine listens for {ours}")
        remedy += f";\nor, if Asterisk's is right, set tap.uri to {theirs} and tap.port to the port behind it"
    if wrong:
        report.fail(check, "; ".join(wrong), remedy)
    else:
        report.ok(check, f"Asterisk brings the live audio to {ours}")
    return True


async def dialplan(report: Report, ari: Questions, leg: str, found: Settings, file: Path) -> bool:
    """Whether the doctor's own context is there."""
    check = "dialplan"
    if await ari.evaluate(leg, f"DIALPLAN_EXISTS({DOCTORS_CONTEXT},s,1)") is None:
        report.warn(check, "it cannot be looked into", "asterisk -rx 'module load func_dialplan.so'")
        return True  # the call itself will tell
    places = list(PLACES)
    absent = [place for place in places if not await _exists(ari, leg, place[0], place[1], 1)]
    if absent:
        report.fail(
            check,
            "it lacks " + ", ".join(f"[{context}] ({purpose})" for context, _, purpose in absent),
            _write_again(file, "extensions.conf", "dialplan reload")
            + "\n(FreePBX: extensions_custom.conf, then fwconsole reload)",
        )
    else:
        report.ok(check, f"the {len(places)} contexts voicedrop-… are there")
    after = found.agent
    if after.after == "continue":
        where = f"{after.context},{after.extension},{after.priority}"
        if await _exists(ari, leg, after.context, after.extension, after.priority):
            report.ok("agent's next place", where)
        else:
            report.fail(
                "agent's next place",
                f"the dialplan has no {where}",
                "set agent.context, agent.extension and agent.priority to a place that exists, or agent.after: hangup",
            )
    return all(context != DOCTORS_CONTEXT for context, _, _ in absent)


async def _exists(ari: Questions, leg: str, context: str, extension: str, priority: int) -> bool:
    return await ari.evaluate(leg, f"DIALPLAN_EXISTS({context},{extension},{priority})") == "1"


async def files(report: Report, ari: Questions, leg: str, file: Path) -> None:
    """What can only be read in the files themselves, not whether Asterisk has read them anew since."""
    checks = ("feature codes", "HTTP sessions", "event reader's time")
    if await ari.evaluate(leg, "AST_CONFIG(http.conf,general,enabled)") is None:
        report.not_checked(checks, "func_config is not loaded: asterisk -rx 'module load func_config.so'")
        return
    absent = [
        slot
        for slot in SLOTS
        if "voicedrop-feature" not in (await _of_file(ari, leg, "features.conf", "applicationmap", f"vmdrop{slot}"))
    ]
    if absent:
        report.fail(
            checks[0],
            f"features.conf has no {', '.join(f'vmdrop{slot}' for slot in absent)} in [applicationmap]",
            _write_again(file, "features.conf", "module reload features", before="[applicationmap] and ")
            + "\n(FreePBX: features_applicationmap_custom.conf)",
        )
    else:
        report.ok(checks[0], "vmdrop1 to vmdrop9 are in the application map")
    sessions = await _of_file(ari, leg, "http.conf", "general", "sessionlimit")
    if _number(sessions) < FEWEST_SESSIONS:
        report.warn(
            checks[1],
            f"http.conf has sessionlimit {sessions or '100 (its default)'}: ARI stops when it is used up",
            _write_again(file, "http.conf", "module reload http"),
        )
    else:
        report.ok(checks[1], f"sessionlimit = {sessions}")
    timeout = await _of_file(ari, leg, "ari.conf", "general", "websocket_write_timeout")
    if _number(timeout) < SHORTEST_WRITE_TIMEOUT_MS:
        report.warn(
            checks[2],
            f"ari.conf has websocket_write_timeout {timeout or '100 (its default)'} ms: a busy engine is cut off",
            _write_again(file, "ari.conf", "module reload res_ari.so"),
        )
    else:
        report.ok(checks[2], f"websocket_write_timeout = {timeout} ms")


async def _of_file(ari: Questions, leg: str, file: str, section: str, key: str) -> str:
    return await ari.evaluate(leg, f"AST_CONFIG({file},{section},{key})") or ""


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


async def trunks(report: Report, ari: Questions, leg: str, found: Settings) -> None:
    """The endpoints that lead to the network: the engine's own, and the one of the dialplan."""
    template = found.dial.endpoint.replace("{number}", PLACEHOLDER)
    technology, _, rest = template.partition("/")
    name = rest.rpartition("@")[2] if "@" in rest else ""
    if technology.upper() != "PJSIP" or not name:
        report.not_checked("trunk", f"dial.endpoint {found.dial.endpoint} is no PJSIP/{{number}}@NAME")
    elif not await ari.endpoint_exists("PJSIP", name):
        known = ", ".join(await ari.endpoints("PJSIP")) or "none"
        report.fail(
            "trunk",
            f"dial.endpoint leads to {name!r}, which Asterisk does not know",
            f"set dial.endpoint to one of Asterisk's endpoints (it knows: {known}),\n"
            f"or write [{name}](voicedrop-endpoint) into pjsip.conf; then: asterisk -rx 'module reload res_pjsip.so'",
        )
    else:
        await _trunk(report, ari, leg, name)
    dialplans = await ari.global_variable("VOICEDROP_TRUNK")
    if not dialplans or not await ari.endpoint_exists("PJSIP", dialplans):
        report.warn(
            "VOICEDROP_TRUNK",
            f"is {dialplans!r}, no endpoint: the Dial() door, and calls while the engine is away, lead nowhere",
            f"in extensions.conf: [globals] VOICEDROP_TRUNK = {name or 'YOUR-ENDPOINT'}; "
            "then: asterisk -rx 'dialplan reload'",
        )
    else:
        report.ok("VOICEDROP_TRUNK", dialplans)


async def _trunk(report: Report, ari: Questions, leg: str, name: str) -> None:
    wrong = []
    for key, wanted in TRUNK.items():
        value = await ari.evaluate(leg, f"PJSIP_ENDPOINT({name},{key})")
        if value is not None and value != wanted:
            wrong.append(f"{key} = {value}")
    allow = await ari.evaluate(leg, f"PJSIP_ENDPOINT({name},allow)")
    if allow is not None and not {"ulaw", "alaw"} & set(allow.strip("()").split("|")):
        wrong.append(f"allow = {allow}")
    if wrong:
        report.warn(
            "trunk",
            f"the endpoint {name} has {', '.join(wrong)}: audio may pass Asterisk by, or not be understood",
            f"in pjsip.conf use the template: [{name}](voicedrop-endpoint), with `#include voicedrop/pjsip.conf` above;"
            "\nthen: asterisk -rx 'module reload res_pjsip.so'",
        )
    else:
        report.ok("trunk", f"PJSIP endpoint {name}, codecs {allow or 'not told'}")


async def sounds(report: Report, ari: Questions) -> None:
    """What the shipped dialplan plays besides the messages."""
    if await ari.sound_exists("beeperr"):
        report.ok("Asterisk's sounds", "beeperr is there")
    else:
        report.warn(
            "Asterisk's sounds",
            "there is no beeperr: at the Dial() door an agent does not hear that a slot has no message",
            "install Asterisk's core sounds (Debian: apt-get install asterisk-core-sounds-en-wav)",
        )
