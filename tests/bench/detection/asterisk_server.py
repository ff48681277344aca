"""An Asterisk of the bench's own, in the lab's Debian tree: it opens no port and takes its audio from us.

Streams come in by AudioSocket, which Asterisk reads as fast as it is fed; so the hours of a corpus take minutes,
and the number of frames read when a detector declares is the time in the stream, to the frame.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.bench.detection.asterisk_stream import Listener, Stream
from tests.bench.detection.waves import Samples
from voicedrop.errors import LabError
from voicedrop.lab import servers, tree
from voicedrop.lab.debian import RECIPE
from voicedrop.lab.site import Site
from voicedrop.shipped import write_filled

NAME: Final = "ear"
"""The server's folder below the lab's, beside those of the PBX and the carrier."""
CONF: Final = Path(__file__).parent / "asterisk-conf"
CONNECT_TIMEOUT_S: Final = 30.0
_UUID_MESSAGE_BYTES: Final = 3 + 16


def obstacle(site: Site) -> str | None:
    """Why Asterisk cannot be run on this machine; None if it can."""
    stamp = site.home / "built"
    if not stamp.is_file() or stamp.read_text() != RECIPE:
        return (
            f"the lab's Debian tree is not in {site.home}: "
            "`VOICEDROP_LAB_BACKEND=tree voicedrop lab up`, as root, builds it"
        )
    if os.geteuid() != 0:
        return "Asterisk in the lab's Debian tree needs root"
    return None


class EarServer:
    """Runs from ``with`` to its end. `listen` may be called from several threads at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._home = site.lab / NAME
        self._waiting: dict[str, Stream] = {}
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads = [
            threading.Thread(target=self._accept, name="audiosocket", daemon=True),
            threading.Thread(target=self._hear_declarations, name="declarations", daemon=True),
        ]

    def __enter__(self) -> Self:
        tree.stop(self._site, NAME, signal.SIGTERM)
        shutil.rmtree(self._home, ignore_errors=True)
        for folder in ("cache", "db", "log", "run", "spool/outgoing", "spool/tmp"):
            (self._home / folder).mkdir(parents=True)
        modules = sorted(self._site.root.glob("usr/lib/*/asterisk/modules"))[0]
        home = self._site.seen_by_asterisk(self._home)
        write_filled(CONF, self._home / "etc", {"home": home, "moddir": f"/{modules.relative_to(self._site.root)}"})
        self._declared = self._home / "run/declared"
        self._pipe(self._declared)
        for folder, _, files in os.walk(self._home):
            for name in ("", *files):
                self._give(Path(folder, name))
        # Open for writing as well, so that reading does not end when no channel has the pipe open.
        self._declarations = os.fdopen(os.open(self._declared, os.O_RDWR), "r")
        tree.start(self._site, NAME)
        try:
            self._wait_until_ready()
        except LabError:
            tree.stop(self._site, NAME, signal.SIGKILL)
            raise
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        tree.stop(self._site, NAME, signal.SIGTERM)
        # Wakes the two threads: each ends at what it now reads.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._declared.write_text("\n")
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._declarations.close()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + servers.START_TIMEOUT_S
        while "fully booted" not in tree.command(self._site, NAME, "core waitfullybooted", check=False):
            if time.monotonic() > until:
                raise LabError(f"the bench's Asterisk did not start:\n{tree.console(self._site, NAME)}")
            time.sleep(0.1)

    @property
    def version(self) -> str:
        return tree.command(self._site, NAME, "core show version").split(" built")[0].strip()

    def cpu_s(self) -> float:
        """Process time so far, user's and system's."""
        pid = tree.pid_of(self._site, NAME)
        if pid is None:
            raise LabError(f"the bench's Asterisk is gone:\n{tree.console(self._site, NAME)}")
        # The fields behind the name, which may hold blanks; 14 and 15 of proc_pid_stat(5).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def listen(self, listener: Listener, samples: Samples) -> list[int]:
        """Play a stream into a channel with this listener; how many frames it had read at each declaration.

        Raises:
            LabError: the channel did not come or did not read the stream to its end.
        """
        return [at for at, _ in self.ask(listener, samples)]

    def ask(self, listener: Listener, samples: Samples) -> list[tuple[int, tuple[str, ...]]]:
        """The same, with the words that the dialplan wrote beside the stream's name."""
        name = str(uuid.uuid4())
        # In the order in which the dialplan comes to them.
        gates = [self._home / f"run/{name}.gate{number}" for number in (1, 0)]
        for gate in gates:
            self._pipe(gate)
        stream = Stream(gates)
        self._waiting[name] = stream
        try:
            self._call(name, listener)
            return list(zip(stream.play(samples, CONNECT_TIMEOUT_S), stream.said, strict=True))
        finally:
            del self._waiting[name]
            stream.close()
            for gate in gates:
                gate.unlink()

    def _call(self, name: str, listener: Listener) -> None:
        """Asterisk calls us, by a call file: written aside, then moved to where it is looked for."""
        port = self._socket.getsockname()[1]
        variables = {
            "STREAM": name,
            "HZ": str(listener.hz),
            "MS": str(listener.ms),
            "DB": str(listener.db),
            "BACK": f"{listener.context},s,listen",
        }
        aside = self._home / f"spool/tmp/{name}.call"
        aside.write_text(
            f"Channel: AudioSocket/127.0.0.1:{port}/{name}\nContext: {listener.context}\nExtension: s\nPriority: 1\n"
            + "".join(f"Setvar: {key}={value}\n" for key, value in variables.items())
        )
        self._give(aside)
        aside.rename(self._home / f"spool/outgoing/{name}.call")

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            connection.settimeout(CONNECT_TIMEOUT_S)
            message = connection.recv(_UUID_MESSAGE_BYTES, socket.MSG_WAITALL)
            stream = self._waiting.get(str(uuid.UUID(bytes=message[3:])))
            if stream is None:
                connection.close()
            else:
                stream.connected(connection)

    def _hear_declarations(self) -> None:
        for line in self._declarations:
            name, *words = line.split() or [""]
            if not name:
                return
            if name in self._waiting:
                self._waiting[name].declared(words)

    def _pipe(self, path: Path) -> None:
        os.mkfifo(path)
        self._give(path)

    def _give(self, path: Path) -> None:
        """To Asterisk's user, whom the tree's own folders belong to."""
        owner = (self._site.root / "var/lib/asterisk").stat()
        os.chown(path, owner.st_uid, owner.st_gid)
