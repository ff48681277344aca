"""One FastAGI connection, by pyst2. Blocks: it runs in a thread, and its socket has a deadline."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from asterisk.agi import AGI, AGIException

from voicedrop.errors import AgiError

BIGGEST_REQUEST = 16 * 1024  # bytes; Asterisk sends about 600 and the arguments
LONGEST_LINE = 2048


@dataclass(frozen=True)
class Request:
    """What a dialplan asked: agi://HOST/`script`,`args`…"""

    script: str
    args: tuple[str, ...]


class Session(AGI):  # type: ignore[misc]  # pyst2 has no types
    """pyst2's AGI on a socket. Its own constructor would take the process's SIGHUP, and write every line to stderr."""

    def __init__(self, connection: socket.socket) -> None:
        """Read what Asterisk says at the beginning.

        Raises:
            AgiError: it is not AGI, or comes too slowly.
        """
        self.stdin = _Lines(connection)
        self.stdout = connection.makefile("w", encoding="utf-8", newline="\n")
        self.stderr = _Nowhere()
        self.env: dict[str, str] = {}
        self._got_sighup = False
        with _errors():
            self._get_agi_env()

    @property
    def request(self) -> Request:
        """What is asked."""
        script = self.env.get("agi_network_script", "")
        found = {name: value for name, value in self.env.items() if name.startswith("agi_arg_")}
        return Request(
            script, tuple(found[f"agi_arg_{n}"] for n in range(1, len(found) + 1) if f"agi_arg_{n}" in found)
        )

    def answer_with(self, variables: Mapping[str, str]) -> None:
        """Set these on the channel that asked.

        Raises:
            AgiError: Asterisk did not take them.
        """
        with _errors():
            for name, value in variables.items():
                self.execute("SET VARIABLE", name, self._quote(value))


class _Lines:
    """What Asterisk sends, bounded."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("r", encoding="utf-8", errors="replace", newline="\n")
        self._left = BIGGEST_REQUEST

    def readline(self) -> str:
        """The next line; an end in the middle of what Asterisk should say is an error."""
        line = self._file.readline(LONGEST_LINE)
        self._left -= len(line)
        if not line.endswith("\n") or self._left < 0:
            raise OSError("the connection ended, or more came than Asterisk would send")
        return line


class _Nowhere(io.TextIOBase):
    """Numbers and names do not belong on stderr."""

    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (AGIException, OSError, ValueError) as error:
        raise AgiError(f"{type(error).__name__}: {error}") from error
