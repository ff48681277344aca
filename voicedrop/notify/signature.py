"""The signature of a webhook: HMAC-SHA256 over the time and the body."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

HEADER = "Voicedrop-Signature"


def sign(body: bytes, secrets: Sequence[str], timestamp: int) -> str:
    """The header's value: ``t=<Unix seconds>,v1=<hex>``, with one v1 for each secret that is valid now."""
    signed = f"{timestamp}.".encode() + body
    digests = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={timestamp}", *(f"v1={digest}" for digest in digests)])
