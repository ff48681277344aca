"""Asterisk itself: does it answer, does it let us in, is it new enough, does it run what we need."""

from __future__ import annotations

from voicedrop import needs
from voicedrop.config import Settings
from voicedrop.doctor.questions import Questions
from voicedrop.doctor.report import Report
from voicedrop.errors import AriError, AriRefused, AriUnreachable, Gone

AGENT_APP = "voicedrop"  # an engine that is connected holds it


async def reached(report: Report, ari: Questions, found: Settings) -> str | None:
    """Asterisk's version text, or None: then nothing else can be asked."""
    check, url = "ARI", found.ari.url
    try:
        info = await ari.info()
    except AriUnreachable as error:
        report.fail(
            check,
            f"Asterisk at {url} does not answer ({_short(error)})",
            "start Asterisk, or set ari.url to where `asterisk -rx 'http show status'` says that it listens;\n"
            "in http.conf: [general] enabled = yes, bindaddr, bindport",
        )
    except AriRefused as error:
        report.ok(check, f"an Asterisk answers at {url}")
        report.fail(
            "ARI login",
            f"Asterisk refuses the login {found.ari.username!r} ({error.status})",
            f"make ari.username and {_password_key(found)} the same as [{found.ari.username}] in Asterisk's ari.conf,\n"
            "then: asterisk -rx 'module reload res_ari.so'; `asterisk -rx 'ari show users'` lists the names",
        )
        return None
    except (Gone, AriError) as error:
        said = {
            404: f"something answers at {url}, but no ARI is there",
            503: f"Asterisk at {url} is not ready, or its HTTP sessions are used up",
        }
        report.fail(
            check,
            said.get(error.status, f"{url} gives no answer of ARI's ({_short(error)})"),
            "in ari.conf: [general] enabled = yes; in http.conf: no prefix, and sessionlimit = 1000;\n"
            "then: asterisk -rx 'module load res_ari.so'; asterisk -rx 'module load res_ari_asterisk.so'",
        )
    else:
        report.ok(check, f"an Asterisk answers at {url}")
        report.ok("ARI login", f"as {found.ari.username!r}")
        return str((info.get("system") or {}).get("version", ""))
    report.not_checked("ARI login", "ARI cannot be reached")
    return None


def version(report: Report, text: str) -> None:
    check, number = "version", needs.version(text)
    wanted = ", ".join(f"{series}.{release}" for series, release in needs.FIRST_VERSIONS.items())
    if number is None:
        report.warn(check, f"Asterisk {text!r} has no plain number", f"make sure that it is at least one of {wanted}")
    elif needs.is_new_enough(number):
        report.ok(check, f"Asterisk {text}")
    else:
        report.fail(
            check,
            f"Asterisk {text} cannot bring live audio by websocket",
            f"install Asterisk {wanted} or any later of its series, or {needs.NEWEST_CHANGE} and later",
        )


async def modules(report: Report, ari: Questions, found: Settings) -> set[str]:
    """The modules that are needed and do not run."""
    try:
        states = await ari.modules()
    except AriError as error:
        report.fail(
            "modules", f"they cannot be listed: {_short(error)}", "asterisk -rx 'module load res_ari_asterisk.so'"
        )
        return set()
    needed = needs.modules(found)
    missing = {name for name in needed if states.get(name) != "Running"}
    for name in sorted(missing):
        report.fail(f"module {name.removesuffix('.so')}", *_missing(name, needed[name], name in states))
    if not any(states.get(name) == "Running" for name in needs.TIMING):
        name = needs.TIMING[0]
        report.fail("module for timing", *_missing(name, "the clock of playing and listening", name in states))
    if not missing:
        report.ok("modules", f"the {len(needed)} that are needed run")
    return missing


def _missing(name: str, purpose: str, loaded: bool) -> tuple[str, str]:
    """What is said of a module that does not run, and the remedy."""
    if loaded:
        return (
            f"{name} is loaded but does not run ({purpose})",
            f"asterisk -rx 'module load {name}', and read in Asterisk's log why it declines",
        )
    return (
        f"{name} is not loaded ({purpose})",
        f"asterisk -rx 'module load {name}', and take any `noload = {name}` out of modules.conf;\n"
        "where the file is not there, install Asterisk's modules (Debian: apt-get install asterisk-modules)",
    )


async def other_engine(report: Report, ari: Questions, *, ours_runs: bool) -> bool:
    """Whether any engine is connected. Two cannot share an application: the later one takes the earlier's calls."""
    check = "applications"
    taken = AGENT_APP in await ari.applications()
    if taken and not ours_runs:
        report.warn(
            check,
            f"another engine is connected to this Asterisk as {AGENT_APP!r}; a second one would take its calls over",
            "end the other engine first; if it is this one, http.host and http.port are not those it was started with",
        )
    elif ours_runs and not taken:
        report.warn(
            check,
            f"the running engine is not connected to this Asterisk as {AGENT_APP!r}",
            "restart the engine with this configuration",
        )
    else:
        report.ok(check, f"{AGENT_APP!r} is {'held by the running engine' if taken else 'free'}")
    return taken


def _password_key(found: Settings) -> str:
    return f"the file {found.ari.password_file}" if found.ari.password_file else "ari.password"


def _short(error: AriError) -> str:
    """Without the request, which means nothing to an operator."""
    return str(error.__cause__ or error) or type(error.__cause__).__name__
