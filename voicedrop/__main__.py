"""The command line."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from voicedrop import __version__, config, log
from voicedrop.administration import DEFAULT_CONFIG, ConfigFile, message_commands, token_commands
from voicedrop.errors import VoicedropError
from voicedrop.lab.cli import app as lab

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Voicemail drop for Asterisk: press a code, be free at once, the message lands after the beep.",
)
app.add_typer(message_commands, name="messages")
app.add_typer(token_commands, name="tokens")
app.add_typer(lab, name="lab")


@app.command()
def run(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Run the engine."""
    from voicedrop.run import run as run_engine

    settings = config.load(config_file)
    log.configure(settings.log.format, settings.log.level)
    asyncio.run(run_engine(settings))


@app.command()
def receipts(
    config_file: ConfigFile = DEFAULT_CONFIG,
    drop: Annotated[UUID | None, typer.Option(help="Only the receipt of this drop.")] = None,
) -> None:
    """Print the receipts, oldest first, one JSON object a line; last those of orders that ended without an engine."""
    from voicedrop import ordering

    async def show() -> None:
        async for one in ordering.receipts(config.load(config_file), drop):
            print(json.dumps(one, ensure_ascii=False))

    asyncio.run(show())


@app.command()
def retire(
    node: Annotated[str, typer.Argument(help="The name of an engine that never comes back.")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """End the drops that a lost engine has taken up: each gets its one outcome. None is made a second time."""
    from voicedrop import ordering

    print(asyncio.run(ordering.retire(config.load(config_file), node)))


@app.command()
def drop(
    number: Annotated[str, typer.Argument(help="As + and digits.")],
    message: Annotated[str, typer.Option(help="The message's label.")],
    method: Annotated[str, typer.Option(help="single or two_call.")] = "single",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, and print the receipt.")] = False,
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Leave a message with nobody on the line; prints the drop's id. A running engine makes the call."""
    from voicedrop import ordering
    from voicedrop.policy.settings import Method

    if method not in (Method.SINGLE, Method.TWO_CALL):
        raise typer.BadParameter("single or two_call", param_hint="--method")
    settings = config.load(config_file)
    ordered = asyncio.run(ordering.order(settings, number, message, Method(method)))
    print(ordered)
    if wait:
        most = 2 * settings.drop.limit_s
        print(ordering.show(asyncio.run(ordering.receipt(settings, ordered, wait_s=most))))


@app.command()
def doctor(config_file: ConfigFile = DEFAULT_CONFIG) -> None:
    """Check the configuration, Asterisk and the way between them; say what to change."""
    from voicedrop.doctor import examine

    raise typer.Exit(0 if asyncio.run(examine(config_file)) else 1)


@app.command()
def detect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="WAV, FLAC, OGG, MP3, of any rate.")],
    cue: Annotated[bool, typer.Option("--cue", help="Also say when a message would start, and start again.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="PNG", help="Draw the file, if it is only one.")] = None,
    channel: Annotated[int, typer.Option(min=1, metavar="N", help="Which channel of a stereo file.")] = 1,
    message_ms: Annotated[float, typer.Option(min=20, help="How long the message is that --cue imagines.")] = 15_000,
) -> None:
    """Listen to recorded calls as if they were live; print the beeps and the speech in them."""
    # Before numpy is loaded, here and in the processes of the pool: several at once must not spin on the same cores.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from voicedrop.offline.detect import Options
    from voicedrop.offline.detect import detect as detect_in

    if plot is not None and len(files) != 1:
        raise typer.BadParameter("a picture is drawn of one file only", param_hint="--plot")
    options = Options(channel=channel, cue=cue, message_ms=message_ms)
    raise typer.Exit(0 if detect_in(files, options, as_json=as_json, plot=plot) else 1)


@app.command(name="asterisk-config")
def asterisk_config(
    folder: Annotated[Path, typer.Argument(help="Usually /etc/asterisk/voicedrop.")],
    config_file: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write the files that your Asterisk's configuration includes, filled in for this engine."""
    from voicedrop.shipped import write_shipped

    for file in write_shipped(folder, config.load(config_file)):
        print(file)


@app.command()
def demo() -> None:
    """The whole thing once, in the lab: a call, the code, the message in the mailbox, the proof."""
    from voicedrop.lab.demo import demo as run_demo
    from voicedrop.lab.site import site

    if not run_demo(site(), lambda text: typer.echo(text, err=True)):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main() -> None:
    """Entry point: one plain line for what a user can mend, a traceback only for our own faults."""
    try:
        app()
    except VoicedropError as error:
        print(f"voicedrop: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
