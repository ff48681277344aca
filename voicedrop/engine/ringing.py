"""Ringing a callee for an agent, and joining the two legs."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import asdict, dataclass

from voicedrop.engine.services import AGENT_APP, Services

CREATE_TIMEOUT_S = 5.0
INVALID_NUMBER = 28  # Q.850
CALL_VARIABLE = "VOICEDROP_CALL"
_NUMBER = re.compile(r"\+[0-9]{3,15}")


@dataclass(frozen=True)
class Whose:
    """Who calls whom, and the caller's own reference."""

    agent: str
    number: str
    ref: str


def is_number(text: str) -> bool:
    """A plus sign and digits: nothing else ever reaches the endpoint template."""
    return _NUMBER.fullmatch(text) is not None


async def ring(
    services: Services,
    *,
    agent: str,
    callee: str,
    bridge: str,
    whose: Whose,
    started: asyncio.Event,
) -> None:
    """Make the callee's channel, join it with the agent's, and dial. `started` is set by its StasisStart.

    Raises:
        AriError, TimeoutError: it could not be done; what was made is the caller's to clear away.
    """
    ari, dial = services.ari, services.settings.dial
    await ari.create_channel(
        dial.endpoint.replace("{number}", whose.number),
        app=AGENT_APP,
        channel_id=callee,
        originator=agent,
        app_args="callee",
    )
    async with asyncio.timeout(CREATE_TIMEOUT_S):
        await started.wait()
    # Recovery reads from here whose call this is.
    await ari.set_variable(callee, CALL_VARIABLE, json.dumps(asdict(whose)))
    # dtmf_events: otherwise two SIP legs are bridged natively and no digit is reported.
    await ari.create_bridge(bridge, bridge_type="mixing,dtmf_events")
    await ari.add_to_bridge(bridge, agent, absorb_dtmf=True)
    await ari.add_to_bridge(bridge, callee)
    if dial.caller_id:
        # After the bridge, which would put the agent's own number there.
        await ari.set_variable(callee, "CONNECTEDLINE(num)", dial.caller_id)
    await ari.dial(callee, timeout_s=dial.ring_timeout_s, caller="" if dial.caller_id else agent)
