"""What the documents say is so: links, commands, settings, receipt fields, metrics and the lab's tables.

Run as a program (python -m tests.unit.test_docs) it writes the tables of docs/lab.md anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from pydantic import BaseModel

from voicedrop import config
from voicedrop.__main__ import app
from voicedrop.call.facts import DropFacts
from voicedrop.config import Settings
from voicedrop.engine.metrics import Metrics
from voicedrop.lab import zoo
from voicedrop.lab.site import PORT_OFFSETS, Site
from voicedrop.model import Cue, CueReason, EventKind, HeardBeep, Message, Outcome
from voicedrop.policy.rules import RULES
from voicedrop.policy.settings import OF_RECORD, Asked
from voicedrop.store.entries import EVENTS
from voicedrop.store.receipt import Clock, Particulars, receipt

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "docs" / "lab.md"
EXAMPLE = ROOT / "config.example.yaml"
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        ROOT / "docker" / "README.md",
        ROOT / "asterisk-config" / "README.md",
    ]
)
NAMES = [str(file.relative_to(ROOT)) for file in DOCUMENTS]

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"^(?: {4}|\t).*$", re.MULTILINE)
SPAN = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
MAKE = re.compile(r"(?<![\w-])make ([a-z][a-z-]*)")
VOICEDROP = re.compile(r"(?:^|[ /`])voicedrop ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?", re.MULTILINE)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_in(text: str) -> str:
    """Whatever is set as code: fenced and indented blocks, and spans in lines of text."""
    blocks = FENCE.findall(text)
    rest = FENCE.sub("", text)
    return "\n".join([*blocks, *INDENTED.findall(rest), *SPAN.findall(rest)])


def anchors_of(text: str) -> set[str]:
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in HEADING.findall(text)}


# -- links and commands -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_link_leads_somewhere(name: str) -> None:
    text = FENCE.sub("", text_of(name))
    broken = []
    for link in LINK.findall(text):
        path, _, anchor = link.partition("#")
        if path.startswith("https://"):
            continue
        target = (ROOT / name).parent / path if path else ROOT / name
        found = target.exists() and (not anchor or anchor in anchors_of(target.read_text(encoding="utf-8")))
        if not found:
            broken.append(link)
    assert broken == []


def test_the_readme_leads_to_every_document() -> None:
    linked = {link.partition("#")[0] for link in LINK.findall(text_of("README.md"))}
    missing = {f"docs/{file.name}" for file in (ROOT / "docs").iterdir()} - linked
    assert missing == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_make_target_exists(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of("Makefile"), re.MULTILINE))
    assert set(MAKE.findall(code_in(text_of(name)))) - targets == set()


def commands() -> dict[str, set[str]]:
    """The command line's commands, each with its own sub-commands."""
    found = {}
    for name, command in typer.main.get_command(app).commands.items():
        found[name] = set(getattr(command, "commands", {}))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_command_exists(name: str) -> None:
    known = commands()
    for command, below in VOICEDROP.findall(code_in(text_of(name))):
        assert command in known, f"voicedrop {command}"
        if below and known[command]:
            assert below in known[command], f"voicedrop {command} {below}"


def test_every_command_is_documented() -> None:
    everything = "\n".join(code_in(text_of(name)) for name in NAMES)
    for command, below in commands().items():
        if command == "demo":  # `make demo`
            continue
        for line in [f"voicedrop {command} {sub}" for sub in below] or [f"voicedrop {command}"]:
            assert line in everything, line


@pytest.mark.parametrize("name", NAMES)
def test_no_figure_is_left_open(name: str) -> None:
    assert re.findall(r"@@\w*@@", text_of(name)) == []


# -- settings ---------------------------------------------------------------------------------------


def keys_of(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from keys_of(field.annotation, f"{above}{name}.")
        else:
            yield f"{above}{name}"


def keys_in(section: dict[str, object], above: str = "") -> Iterator[str]:
    for name, value in section.items():
        if isinstance(value, dict):
            yield from keys_in(value, f"{above}{name}.")
        else:
            yield f"{above}{name}"


@pytest.fixture
def _no_settings_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.upper().startswith("VOICEDROP__")]:
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("_no_settings_from_the_environment")
def test_the_example_is_a_configuration_and_shows_the_defaults() -> None:
    loaded = config.load(EXAMPLE)
    assert loaded.ari.secret() == "change-me"
    assert loaded == Settings(ari=config.Ari(password=loaded.ari.password))


def test_the_example_has_every_key() -> None:
    assert set(keys_in(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))) == set(keys_of(Settings))


@pytest.mark.parametrize("name", NAMES)
def test_settings_that_are_named_exist(name: str) -> None:
    known = set(keys_of(Settings))
    sections = {key.partition(".")[0] for key in known if "." in key}
    named = re.findall(rf"`((?:{'|'.join(sections)})\.[a-z_.]+)`", text_of(name))
    files = {f"{section}.{ending}" for section in sections for ending in ("py", "json", "yaml", "conf")}
    assert set(named) - known - files - set(EventKind) - set(EVENTS.values()) == set()


def test_every_rule_of_the_gate_is_explained_in_its_order() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| .* \| (always|never|may be|may be, waits) \|$", text_of("docs/policy.md"), re.MULTILINE
    )
    expected = {rule.slug: "always" if rule.attended else "never" for rule in RULES}
    expected |= {slug: "may be, waits" if slug in OF_RECORD else "may be" for slug in Asked}
    assert [slug for slug, _ in rows] == [rule.slug for rule in RULES]
    assert dict(rows) == expected


# -- receipts, metrics ------------------------------------------------------------------------------


def a_receipt() -> dict[str, object]:
    beep = HeardBeep(started_at=1.0, ended_at=2.0, frequencies_hz=(1000.0,), level_dbfs=-12.0)
    facts = DropFacts(accepted_at=0.0, cue=Cue(reason=CueReason.BEEP, at=2.1, beep=beep), steps=[("ended", 3.0)])
    message = Message(slot=1, label="a", file=Path(), media="", duration_s=1.0, sha256="")
    what = Particulars(drop="d", node="n", door="dial", channel="c", slot=1)
    return receipt(what, message, facts, Clock(wall=0.0, monotonic=0.0))


def fields(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, below in value.items():
            yield name
            yield from fields(below)
    elif isinstance(value, list):
        for one in value:
            yield from fields(one)


def test_every_field_of_a_receipt_is_explained() -> None:
    text = text_of("docs/integrators.md")
    assert [name for name in fields(a_receipt()) if f"`{name}`" not in text] == []
    rows = re.findall(r"^\| `(\w+)` \| (?:text|number|time|list|object)", text, re.MULTILINE)
    assert rows == list(a_receipt()), "the table has a row for each, in the receipt's own order"


def test_every_outcome_and_cue_is_explained() -> None:
    for name in ("docs/integrators.md", "docs/glossary.md"):
        text = text_of(name)
        assert [str(word) for word in [*Outcome, *CueReason] if f"`{word}`" not in text] == [], name


def test_every_kind_of_event_is_explained() -> None:
    text = text_of("docs/integrators.md")
    table = text[text.index("## Events") : text.index("## Webhooks")]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert [str(kind) for kind in EventKind if not any(f"`{kind}`" in row for row in rows)] == []


def test_every_metric_is_explained_and_no_other() -> None:
    kinds = {"counter": "_total", "gauge": "", "histogram": ""}
    real = {family.name + kinds[family.type] for family in Metrics().registry.collect()}
    assert set(re.findall(r"^\| `(voicedrop_\w+)", text_of("docs/integrators.md"), re.MULTILINE)) == real
    mentioned = {m for name in NAMES for m in re.findall(r"`(voicedrop_[a-z_]+)[`{]", text_of(name))}
    assert mentioned - real == set()


# -- the lab's tables -------------------------------------------------------------------------------

PORT_NAMES = {
    "pbx_rtp": "RTP of the PBX",
    "carrier_rtp": "RTP of the carrier",
    "pbx_lossy_rtp": "RTP of the PBX over the bad network, and the relay's, on 127.0.0.2 and 127.0.0.3",
    "carrier_lossy_rtp": "RTP of the carrier over the bad network, and the relay's, on 127.0.0.1 and 127.0.0.4",
    "pbx_sip": "SIP of the PBX",
    "carrier_sip": "SIP of the carrier",
    "engine_http": "the engine's `/healthz` and `/metrics`",
    "pbx_http": "HTTP and ARI of the PBX",
    "engine_tap": "where the PBX brings the audio of a tap",
    "engine_agi": "where the PBX asks whether a drop may be (FastAGI)",
    "carrier_http": "HTTP and ARI of the carrier",
}


def port_table() -> str:
    here = Site(home=Path())
    rows = ["| port | what |", "|---|---|"]
    for name, what in PORT_NAMES.items():
        if f"{name}_first" in PORT_OFFSETS:
            rows.append(f"| {here.port(f'{name}_first')}–{here.port(f'{name}_last')} | {what} |")
        else:
            rows.append(f"| {here.port(name)} | {what} |")
    return "\n".join(rows)


def zoo_table() -> str:
    rows = ["| subscriber | numbers | what it is | what a drop comes to |", "|---|---|---|---|"]
    for one in zoo.subscribers():
        numbers = f"{one.number(0)} to {one.number(99)[-4:]}"
        if "outcome" in one.drop:
            comes_to = f"`{one.drop['outcome']}`"
            comes_to += f", cue `{one.drop['cue']}`" if "cue" in one.drop else ""
            comes_to += f", {one.drop['restarts']} restart" if "restarts" in one.drop else ""
        elif "disposition" in one.drop:
            comes_to = f"no drop: {one.drop['disposition'].replace('_', ' ')}"
        else:
            comes_to = "used by other tests"
        rows.append(f"| `{one.key}` | {numbers} | {one.about} | {comes_to} |")
    return "\n".join(rows)


def lab_with_tables(text: str) -> str:
    """docs/lab.md with both tables as they should be."""
    for name, table in (("ports", port_table()), ("zoo", zoo_table())):
        begin, end = f"<!-- {name}: written by python -m tests.unit.test_docs -->\n", f"<!-- {name} end -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}{table}\n{end}{after}"
    return text


def test_the_labs_tables_are_those_of_the_code() -> None:
    text = LAB.read_text(encoding="utf-8")
    assert text == lab_with_tables(text), "write them anew: python -m tests.unit.test_docs"


def test_every_port_is_in_the_table() -> None:
    covered = {name for key in PORT_NAMES for name in (key, f"{key}_first", f"{key}_last")}
    assert set(PORT_OFFSETS) <= covered


def test_every_subscriber_has_numbers_of_its_own() -> None:
    areas = [one.area for one in zoo.subscribers()]
    assert len(areas) == len(set(areas))


if __name__ == "__main__":
    LAB.write_text(lab_with_tables(LAB.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{LAB} is written")
