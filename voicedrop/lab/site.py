"""Where the lab lives and which ports it takes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from voicedrop.errors import LabError

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Site:
    """One lab on one machine. Every port is an offset from `port_base`, on 127.0.0.1 only.

    The default base keeps clear of a PBX's usual ports (5060, 8088, 10000-20000) and of the kernel's
    range for outgoing connections.
    """

    home: Path
    port_base: int = 21000

    @property
    def root(self) -> Path:
        """The Debian tree in which both Asterisks run when there is no Docker."""
        return self.home / "root"

    @property
    def lab(self) -> Path:
        """What the two servers know as /lab."""
        return self.root / "lab"

    @property
    def debs(self) -> Path:
        return self.home / "debs"

    def port(self, name: str) -> int:
        return self.port_base + PORT_OFFSETS[name]

    @property
    def pbx_url(self) -> str:
        return f"http://127.0.0.1:{self.port('pbx_http')}"

    @property
    def carrier_url(self) -> str:
        return f"http://127.0.0.1:{self.port('carrier_http')}"

    def seen_by_asterisk(self, path: Path) -> str:
        """A path under `lab` as the servers see it."""
        return "/lab/" + str(path.relative_to(self.lab))


PORT_OFFSETS = {
    "pbx_rtp_first": 0,
    "pbx_rtp_last": 1999,
    "carrier_rtp_first": 2000,
    "carrier_rtp_last": 3999,
    "pbx_lossy_rtp_first": 4100,
    "pbx_lossy_rtp_last": 4199,
    "carrier_lossy_rtp_first": 4200,
    "carrier_lossy_rtp_last": 4299,
    "pbx_sip": 4060,
    "carrier_sip": 4070,
    "engine_http": 4080,
    "pbx_http": 4088,
    "engine_tap": 4090,
    "engine_agi": 4073,
    "carrier_http": 4098,
}


def site() -> Site:
    """The lab of this machine: VOICEDROP_LAB_DIR and VOICEDROP_LAB_PORTS move it."""
    if not (CHECKOUT / "docker" / "zoo.yaml").is_file():
        raise LabError("the lab needs a checkout of voicedrop: run it from there, installed with `make venv`")
    home = Path(os.environ.get("VOICEDROP_LAB_DIR") or Path.home() / ".cache" / "voicedrop-lab")
    base = os.environ.get("VOICEDROP_LAB_PORTS", "21000")
    if not base.isdigit() or not 1024 <= int(base) <= 60000:
        raise LabError(f"VOICEDROP_LAB_PORTS is {base!r}: allowed is a port number from 1024 to 60000")
    return Site(home=home.absolute(), port_base=int(base))
