"""The lab's two Asterisks as containers, for machines where a Docker engine answers.

The same functions as for the Debian tree, over `docker compose`. The containers use the host's network
and mount `site.lab` at /lab, so ports and paths are the ones that `Site` tells.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from voicedrop.errors import LabError
from voicedrop.lab import conf
from voicedrop.lab.site import CHECKOUT, Site

COMPOSE_FILE = CHECKOUT / "docker" / "compose.yaml"
DOCKERFILE = CHECKOUT / "docker" / "Dockerfile.asterisk"
IMAGE = "voicedrop-lab-asterisk"
PROMPTS = "usr/share/asterisk/sounds/en_US_f_Allison"
# Whom the containers run as when the lab is started by root; otherwise they run as who started it.
NOT_ROOT = 10001

ANSWER_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 60.0
BUILD_TIMEOUT_S = 900.0
STOP_TIMEOUT_S = 10.0
CONSOLE_LINES = 10

Say = Callable[[str], None]
Answer = subprocess.CompletedProcess[str]


def docker_answers() -> bool:
    """Whether a Docker engine that can run the lab answers."""
    return not obstacle()


def obstacle() -> str:
    """Why Docker cannot run the lab, as a clause for a sentence; empty if it can."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    shown = "{{.ServerVersion}}|{{.OperatingSystem}}|{{.SecurityOptions}}"
    try:
        engine = _docker("info", "--format", shown, timeout_s=ANSWER_TIMEOUT_S, check=False)
        version, _, about = engine.stdout.strip().partition("|")
        if engine.returncode != 0 or not version:
            return "no Docker engine answers"
        # The lab talks with its containers over 127.0.0.1, and these keep a loopback of their own.
        if "name=rootless" in about or "name=userns" in about or about.startswith("Docker Desktop"):
            return "this Docker engine does not share the machine's own network with containers"
        where = _docker(
            "context", "inspect", "--format", "{{.Endpoints.docker.Host}}", timeout_s=ANSWER_TIMEOUT_S, check=False
        )
        if not where.stdout.startswith("unix://"):
            return "this Docker engine is on another machine"
        if _docker("compose", "version", timeout_s=ANSWER_TIMEOUT_S, check=False).returncode != 0:
            return "docker has no compose command"
    except LabError:
        return f"no Docker engine answers within {ANSWER_TIMEOUT_S:.0f} s"
    return ""


def build(site: Site, say: Say) -> None:
    """Make the servers' image if it is not there yet, and what the lab needs of it outside.

    Raises:
        LabError: the image cannot be built; the text is the end of what docker said.
    """
    _write_variables(site)
    image = f"{IMAGE}:{_recipe()}"
    if _docker("image", "inspect", image, check=False).returncode != 0:
        say(f"building the image {image} with Asterisk in it (once, about a minute)")
        _compose(site, "build", "pbx", timeout_s=BUILD_TIMEOUT_S)
    _copy_out(site, image)
    _write_engine_files(site)


def own_files(site: Site) -> None:
    """Give the mounted files to the containers' user; nothing to do unless root made them."""
    if os.geteuid() != 0:
        return
    for top in (site.lab, _engine_home(site)):
        for folder, _, files in os.walk(top):
            os.chown(folder, *_owner())
            for file in files:
                os.chown(Path(folder) / file, *_owner())


def start(site: Site, server: str) -> None:
    """Start one server in the background; Docker keeps it running."""
    _compose(site, "up", "--detach", "--no-deps", "--no-build", server)


def stop(site: Site, server: str, how: signal.Signals) -> None:
    """End one server by `how`; SIGKILL where that does not help within ten seconds."""
    if pid_of(site, server) is None:
        return
    for sign in (how, signal.SIGKILL):
        # Docker does not restart a container that was ended by its own command.
        _docker("kill", "--signal", sign.name, _container(site, server), check=False)
        until = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < until:
            if pid_of(site, server) is None:
                return
            time.sleep(0.05)
    raise LabError(f"the {server} (container {_container(site, server)}) does not end")


def down(site: Site) -> None:
    """End and remove every container of the lab, the engine's too."""
    if _variables_file(site).is_file():
        _compose(site, "down", "--timeout", f"{STOP_TIMEOUT_S:.0f}")


def pid_of(site: Site, server: str) -> int | None:
    """The process id of the server's container, as the host sees it."""
    shown = "{{if .State.Running}}{{.State.Pid}}{{end}}"
    done = _docker("container", "inspect", "--format", shown, _container(site, server), check=False)
    if done.returncode != 0 and "no such container" not in done.stderr.lower():
        raise LabError(f"docker does not tell whether the {server} runs: {done.stderr.strip()}")
    return int(done.stdout.strip() or 0) or None


def command(site: Site, server: str, text: str, *, check: bool = True) -> str:
    """What the server's console answers to a command."""
    asterisk = ["asterisk", "-C", f"/lab/{server}/etc/asterisk.conf", "-rx", text]
    done = _docker("exec", _container(site, server), *asterisk, check=False)
    if check and done.returncode != 0:
        raise LabError(f"the {server} does not answer: {(done.stdout + done.stderr).strip()}")
    return done.stdout


def console(site: Site, server: str) -> str:
    """The end of what the server wrote to its terminal."""
    done = _docker("logs", "--tail", str(CONSOLE_LINES), _container(site, server), check=False)
    return (done.stdout + done.stderr).strip()


def variables(site: Site) -> dict[str, str]:
    """What compose.yaml wants to know about this lab."""
    uid, gid = _owner()
    return {
        "VOICEDROP_LAB_NAME": _name(site),
        "VOICEDROP_LAB_RECIPE": _recipe(),
        "VOICEDROP_LAB_HOST": socket.gethostname(),
        "VOICEDROP_LAB_UID": str(uid),
        "VOICEDROP_LAB_GID": str(gid),
        "VOICEDROP_LAB_FILES": str(site.lab),
        "VOICEDROP_LAB_ENGINE": str(_engine_home(site)),
    }


def _write_variables(site: Site) -> None:
    """A file, so that `docker compose` can be used by hand as well (docker/README.md)."""
    # Single quotes, in which Compose takes every character as it is.
    lines = [f"{name}='{value}'" for name, value in variables(site).items()]
    site.lab.mkdir(parents=True, exist_ok=True)
    _variables_file(site).write_text("\n".join(lines) + "\n")


def _write_engine_files(site: Site) -> None:
    """What the engine's container mounts: its configuration, with paths as it sees them, and its state."""
    etc = _engine_home(site) / "etc"
    settings = conf.engine_settings(
        site,
        node="lab-compose",
        state_dir="/var/lib/voicedrop",
        ari={"password_file": "/etc/voicedrop/ari.secret"},
        messages={"folder": "/lab/messages"},
        library={"folder": "/lab/library"},
    )
    conf.write_engine_config(etc / "config.yaml", settings)
    secret = etc / "ari.secret"
    secret.touch(mode=0o600)
    secret.write_text(conf.secret_file(site, "ari").read_text())
    (_engine_home(site) / "state").mkdir(exist_ok=True)


def _copy_out(site: Site, image: str) -> None:
    """The voice prompts, and the name of the module folder, to where the Debian tree would have them."""
    modules = sorted(site.root.glob("usr/lib/*/asterisk/modules"))
    if modules and (site.root / PROMPTS).is_dir():
        return
    found = _docker("run", "--rm", "--network", "none", image, "sh", "-c", "ls -d /usr/lib/*/asterisk/modules")
    (site.root / found.stdout.strip().lstrip("/")).mkdir(parents=True, exist_ok=True)
    (site.root / PROMPTS).parent.mkdir(parents=True, exist_ok=True)
    part = site.root / f"{PROMPTS}.part"
    shutil.rmtree(part, ignore_errors=True)
    container = _docker("create", "--network", "none", image).stdout.strip()
    try:
        _docker("cp", f"{container}:/{PROMPTS}", str(part))
    finally:
        _docker("rm", "--force", container, check=False)
    shutil.rmtree(site.root / PROMPTS, ignore_errors=True)
    part.rename(site.root / PROMPTS)


def _owner() -> tuple[int, int]:
    return (os.geteuid(), os.getegid()) if os.geteuid() != 0 else (NOT_ROOT, NOT_ROOT)


def _recipe() -> str:
    """Changes with the Dockerfile, so that an older image is not taken for the present one."""
    return hashlib.sha256(DOCKERFILE.read_bytes()).hexdigest()[:12]


def _name(site: Site) -> str:
    """The Compose project; another lab on this engine has another."""
    return f"voicedrop-lab-{hashlib.sha256(str(site.home).encode()).hexdigest()[:8]}"


def _container(site: Site, server: str) -> str:
    return f"{_name(site)}-{server}"


def _engine_home(site: Site) -> Path:
    return site.home / "compose-engine"


def _variables_file(site: Site) -> Path:
    return site.home / "compose.env"


def _compose(site: Site, *arguments: str, timeout_s: float = COMMAND_TIMEOUT_S) -> Answer:
    where = ["--env-file", str(_variables_file(site)), "--file", str(COMPOSE_FILE)]
    return _docker("compose", *where, *arguments, timeout_s=timeout_s)


def _docker(*arguments: str, timeout_s: float = COMMAND_TIMEOUT_S, check: bool = True) -> Answer:
    line = ["docker", *arguments]
    shown = shlex.join(line)
    try:
        done = subprocess.run(
            line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{shown}` did not end within {timeout_s:.0f} s") from error
    except OSError as error:
        raise LabError(f"`{shown}` did not work: {error.strerror}") from error
    if check and done.returncode != 0:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-CONSOLE_LINES:])
        raise LabError(f"`{shown}` failed:\n{tail}")
    return done
