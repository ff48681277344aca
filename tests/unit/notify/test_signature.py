"""A webhook's signature, and how long a failed one waits."""

from __future__ import annotations

import hashlib
import hmac
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from voicedrop.notify.signature import sign
from voicedrop.notify.webhooks import FIRST_WAIT_S, LONGEST_WAIT_S, SPREAD, wait_s


def test_by_the_definition_of_hmac() -> None:
    """RFC 2104 by hand, without the hmac module."""
    secret, body, at = b"whsec_abc", b'{"id":1}', 1_700_000_000
    key = secret.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + f"{at}.".encode() + body).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
    assert sign(body, ["whsec_abc"], at) == f"t={at},v1={outer}"


def test_as_openssl_says() -> None:
    body = b'{"kind":"drop.ended"}'
    told = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", "s3cret"], input=b"1700000000." + body, capture_output=True, check=True
    )
    assert sign(body, ["s3cret"], 1_700_000_000) == f"t=1700000000,v1={told.stdout.decode().split()[-1]}"


@given(st.binary(max_size=200), st.lists(st.text(min_size=1), min_size=1, max_size=3), st.integers(0, 2**33))
def test_every_valid_secret_signs(body: bytes, secrets: list[str], at: int) -> None:
    first, *digests = sign(body, secrets, at).split(",")
    assert first == f"t={at}"
    assert [one.removeprefix("v1=") for one in digests] == [
        hmac.digest(secret.encode("utf-8"), f"{at}.".encode() + body, "sha256").hex() for secret in secrets
    ]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waits_grow_and_are_bounded(attempt: int, chance: float) -> None:
    wait = wait_s(attempt, chance)
    assert FIRST_WAIT_S * (1 - SPREAD) <= wait <= LONGEST_WAIT_S * (1 + SPREAD)
    assert wait_s(attempt + 1, 0.5) >= wait_s(attempt, 0.5)
