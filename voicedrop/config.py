"""The settings: a YAML file, with any key overridden by an environment variable (VOICEDROP__ARI__URL).

A mistake names the key, the value and what is allowed, and all mistakes are told at once.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from voicedrop.call.conversation import ConversationSettings
from voicedrop.call.cue_settings import CueSettings
from voicedrop.call.facts import DropSettings
from voicedrop.errors import ConfigError
from voicedrop.section_policy import Policy
from voicedrop.section_unattended import Unattended
from voicedrop.sections import (
    Agi,
    DatabaseSection,
    Evidence,
    Library,
    Port,
    Retention,
    Seconds,
    Section,
    Webhooks,
)


class Ari(Section):
    """How to reach Asterisk."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+/?$")] = "http://127.0.0.1:8088"
    username: str = "voicedrop"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    timeout_s: Seconds = 5.0

    @model_validator(mode="after")
    def _one_password(self) -> Ari:
        if bool(self.password.get_secret_value()) == bool(self.password_file):
            raise ValueError("give exactly one of password and password_file")
        if self.password_file is not None and not self.password_file.is_file():
            raise ValueError(f"password_file {self.password_file} is not there")
        return self

    def secret(self) -> str:
        if self.password_file is not None:
            return self.password_file.read_text().strip()
        return self.password.get_secret_value()


class Tap(Section):
    """Where Asterisk brings the live audio, and how much of it."""

    host: str = "127.0.0.1"
    port: Port = 8090
    uri: Annotated[str, Field(pattern=r"^(wss?://.+)?$")] = ""
    """What Asterisk connects to; empty: ws://HOST:PORT/tap. For containers and proxies."""
    max: Annotated[int, Field(ge=1, le=5000)] = 200
    """Above this many taps, agents' calls go on untapped until a code is pressed."""
    connect_timeout_s: Seconds = 3.0

    def reached_by(self) -> str:
        return self.uri or f"ws://{self.host}:{self.port}/tap"


class Api(Section):
    """The REST API, on the address of `http`."""

    rate_per_s: Annotated[float, Field(gt=0, le=100_000)] = 20.0
    """Requests a second that one token may make in the long run."""
    burst: Annotated[int, Field(ge=1, le=100_000)] = 100
    """And how many at once."""
    followers: Annotated[int, Field(ge=0, le=10_000)] = 100
    """Open streams of /v1/events."""


class Http(Section):
    """Health and metrics."""

    host: str = "127.0.0.1"
    port: Port = 8080


class Dial(Section):
    """How the ARI-bridged door rings a callee."""

    endpoint: Annotated[str, Field(pattern=r"^[^{}]*\{number\}[^{}]*$")] = "PJSIP/{number}@trunk"
    ring_timeout_s: Annotated[int, Field(ge=5, le=300)] = 60
    caller_id: Annotated[str, Field(pattern=r"^(\+?[0-9]{2,15})?$")] = ""
    """The number shown to the callee; empty: what the agent's channel brings."""


class Feature(Section):
    """The code of the ARI-bridged door."""

    code: Annotated[str, Field(pattern=r"^[0-9*#]{1,4}$")] = "*9"
    half_code_s: Seconds = 1.5
    confirmation: bool = True


class Agent(Section):
    """What becomes of the agent when he is free."""

    after: Literal["hangup", "continue"] = "hangup"
    context: str = "voicedrop-next"
    extension: str = "s"
    priority: Annotated[int, Field(ge=1)] = 1


class CueSection(Section):
    """When to start the message (all in seconds)."""

    silence_s: Seconds = 3.0
    silence_unheard_s: Seconds = 8.0
    give_up_s: Seconds = 60.0
    beep_memory_s: Seconds = 10.0
    take_back_s: Seconds = 10.0
    max_restarts: Annotated[int, Field(ge=0, le=10)] = 2


class DropSection(Section):
    """One drop."""

    tail_s: Seconds = 0.5
    limit_s: Annotated[int, Field(ge=30, le=1800)] = 300
    """Asterisk itself ends a leg this long after its drop was accepted."""
    max_active: Annotated[int, Field(ge=1, le=2000)] = 100
    """Above this many drops at a time a code is refused."""


class Messages(Section):
    """The folder of messages and its index, messages.yaml."""

    folder: Path = Path("messages")
    asterisk_folder: str = ""
    """The same folder as Asterisk sees it, where that differs (containers, chroots)."""


class Shutdown(Section):
    grace_s: Annotated[float, Field(ge=0, le=600)] = 30.0
    """Drops that wait for their cue get this long; then their leg goes to the dialplan."""


class Log(Section):
    format: Literal["auto", "console", "json"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


class Settings(BaseSettings):
    """Everything the engine can be told."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_prefix="VOICEDROP__", env_nested_delimiter="__")

    node: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,24}$")] = "n1"
    """This engine's name; every id it gives begins with it. Two engines never share one."""
    state_dir: Path = Path("var")
    ari: Ari
    tap: Tap = Tap()
    http: Http = Http()
    api: Api = Api()
    dial: Dial = Dial()
    feature: Feature = Feature()
    agent: Agent = Agent()
    cue: CueSection = CueSection()
    drop: DropSection = DropSection()
    messages: Messages = Messages()
    library: Library = Library()
    database: DatabaseSection = DatabaseSection()
    agi: Agi = Agi()
    evidence: Evidence = Evidence()
    webhooks: Webhooks = Webhooks()
    retention: Retention = Retention()
    policy: Policy = Policy()
    unattended: Unattended = Unattended()
    shutdown: Shutdown = Shutdown()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings

    def library_folder(self) -> Path:
        return self.library.folder or self.state_dir / "library"

    def drop_settings(self, *, vouched: bool = True) -> DropSettings:
        cue = CueSettings(**self.cue.model_dump())
        return DropSettings(cue=cue, tail_s=self.drop.tail_s, vouched=vouched, sure=self.unattended.least())

    def conversation_settings(self) -> ConversationSettings:
        return ConversationSettings(**self.feature.model_dump())


def load(path: Path) -> Settings:
    """Read the settings.

    Raises:
        ConfigError: the file cannot be read, or values are wrong; every fault is listed.
    """
    try:
        raw: Any = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {_place(error)}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected keys and values, found {type(raw).__name__}")
    if strange := [key for key in raw if not isinstance(key, str)]:
        raise ConfigError(f"{path}: keys are words, not {', '.join(map(repr, strange))}")
    try:
        return Settings(**raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {error.error_count()} fault(s)\n{_explain(error)}") from None
    except SettingsError as error:
        raise ConfigError(f"an environment variable cannot be used: {error}") from None


def _place(error: Exception) -> str:
    """Where and what, without the line itself: it may hold the password."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        problem = re.sub(r"'..+'", "'…'", error.problem or "")
        return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {problem}"
    return "it holds characters that are no text"


def _explain(error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "(file)"
        value = fault["input"]
        shown = "a section" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
        # A password may also stand under a misspelt key, or in the place of its section.
        secret = "pass" in key or "database" in key
        if secret or (key.startswith("ari") and fault["type"] in ("extra_forbidden", "model_type")):
            shown = "(hidden)"
        lines.append(f"  {key} = {shown}: {_allowed(fault['type'], fault['msg'])}")
    return "\n".join(lines)


def _allowed(kind: str, text: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such key"
    if kind == "missing":
        return "this key must be given"
    return text.replace("Input should be", "allowed is").replace("String should match pattern", "must match")
