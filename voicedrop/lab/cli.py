"""voicedrop lab …"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from voicedrop.lab.site import site

app = typer.Typer(no_args_is_help=True, help="A telephone lab: two real Asterisks on loopback (from a checkout).")


def _say(text: str) -> None:
    typer.echo(text, err=True)


@app.command()
def up() -> None:
    """Build what is missing and start the lab. Twice is harmless."""
    from voicedrop.lab import servers

    servers.up(site(), _say)


@app.command()
def down() -> None:
    """End the lab; no process is left."""
    from voicedrop.lab import servers

    servers.down(site())


@app.command()
def status() -> None:
    """What runs, and on which ports."""
    from voicedrop.lab import conf, servers

    here = site()
    for server in conf.SERVERS:
        pid = servers.pid_of(here, server)
        typer.echo(
            f"{server:8} {'process ' + str(pid) if pid else 'down':16} "
            f"SIP {here.port(server + '_sip')}  HTTP {here.port(server + '_http')}"
        )


@app.command()
def logs(server: Annotated[str, typer.Argument(help="pbx or carrier")] = "pbx", lines: int = 40) -> None:
    """The end of a server's log."""
    from voicedrop.errors import LabError
    from voicedrop.lab import conf

    if server not in conf.SERVERS:
        raise LabError(f"there is no {server!r} in the lab: it has {', '.join(conf.SERVERS)}")
    text = (site().lab / server / "log/full").read_text(errors="replace")
    typer.echo("\n".join(text.splitlines()[-lines:]))


@app.command()
def relay(
    loss: Annotated[float, typer.Option(help="Per cent of the packets that are lost.", min=0, max=100)] = 5.0,
    jitter_ms: Annotated[float, typer.Option(help="Delays are spread from 0 to twice this.", min=0)] = 30.0,
    in_order: Annotated[bool, typer.Option("--in-order", help="No packet overtakes another.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed, the same losses.")] = 1,
) -> None:
    """Be the bad network behind the PBX's endpoint carrier-lossy, until Ctrl-C; prints what was lost."""
    import json
    from dataclasses import asdict

    from voicedrop.lab.impairment import Impairment
    from voicedrop.lab.relay import serve

    bad = Impairment(loss=loss / 100, jitter_ms=jitter_ms, in_order=in_order, seed=seed)
    typer.echo(json.dumps(asdict(serve(site(), bad))))


@app.command()
def call(
    subscriber: Annotated[str, typer.Argument(help="A subscriber of the zoo, e.g. mailbox.")] = "mailbox",
    slot: Annotated[int, typer.Option(help="The message's slot.")] = 1,
    agent: Annotated[str, typer.Option(help="1xxx: ARI-bridged door, 2xxx: Dial() door.")] = "1001",
) -> None:
    """An agent's call to a subscriber, the code pressed; prints the receipt and what was kept."""
    import json

    from voicedrop.lab.demo import one_call
    from voicedrop.lab.report import verdict

    shown = asyncio.run(one_call(site(), subscriber, slot, agent, _say))
    typer.echo(json.dumps(shown.receipt, indent=2))
    if shown.delivery is not None:
        typer.echo(f"{verdict(shown.delivery)}\n{shown.kept}")


@app.command()
def play(number: Annotated[str, typer.Argument(help="The number whose last recording to show.")]) -> None:
    """Where the last recording that a number kept is, and how long it is."""
    import soundfile

    from voicedrop.errors import LabError
    from voicedrop.lab import recordings

    here = site()
    calls = recordings.calls_to(here, number)
    if not calls:
        raise LabError(f"nobody has called {number} yet")
    file = asyncio.run(recordings.kept(here, calls[-1], wait_s=1.0))
    info = soundfile.info(file)
    typer.echo(f"{file}  {info.duration:.2f} s")
    player = _player()
    if player:
        import subprocess

        subprocess.run([*player, str(file)], check=False)


def _player() -> list[str]:
    import shutil

    for command in (["aplay", "-q"], ["paplay"], ["play", "-q"]):
        if shutil.which(command[0]):
            return command
    return []
