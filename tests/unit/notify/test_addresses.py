"""No webhook goes to an address inside the operator's own network."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from voicedrop.errors import WebhookRefused
from voicedrop.notify.addresses import PublicResolver, check_url, connector_options, is_public

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::7f00:1",
    "64:ff9b::10.0.0.1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:c0a8:101::1",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "100::1",
    "localhost",
    "",
    "2130706433",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/x", "only https"),
        ("ftp://example.com/x", "only https"),
        ("file:///etc/passwd", "no host"),
        ("https://user:pw@example.com/", "login"),
        ("https://127.0.0.1/", "private"),
        ("https://[::1]/", "private"),
        ("https://[::ffff:10.0.0.1]/", "private"),
        ("https://169.254.169.254/latest/meta-data", "private"),
        ("https://example.com:0/", "no host"),
        ("https://example.com:99999/", "no URL"),
        ("nonsense", "no host"),
        ("", "no host"),
    ],
)
def test_urls_that_are_refused(url: str, why: str) -> None:
    with pytest.raises(WebhookRefused, match=why):
        check_url(url, allow_private=False)


def test_urls_that_are_allowed() -> None:
    assert str(check_url("https://example.com/hook?a=1", allow_private=False)) == "https://example.com/hook?a=1"
    assert check_url("http://127.0.0.1:9/hook", allow_private=True).port == 9
    with pytest.raises(WebhookRefused):
        check_url("gopher://127.0.0.1/", allow_private=True)


class Answers(AbstractResolver):
    """A resolver that changes its answer: public at the first question, private from then on."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        address = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=socket.AI_NUMERICHOST)
        ]

    async def close(self) -> None:
        pass


async def test_a_name_that_changes_its_answer_is_looked_at_each_time() -> None:
    answers = Answers("93.184.216.34", "127.0.0.1")
    guarded = PublicResolver(answers)
    assert [one["host"] for one in await guarded.resolve("rebind.example", 443)] == ["93.184.216.34"]
    with pytest.raises(OSError, match="private address"):
        await guarded.resolve("rebind.example", 443)


async def test_the_connection_is_not_made_to_a_name_at_a_private_address() -> None:
    answers = Answers("127.0.0.1")
    connector = aiohttp.TCPConnector(use_dns_cache=False, resolver=PublicResolver(answers))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorError, match="private address"):
            await session.post("https://rebind.example/", data=b"x")
    assert answers.asked == 1


async def test_a_number_that_the_system_takes_for_an_address() -> None:
    """http://2130706433/ is 127.0.0.1 for getaddrinfo."""
    connector = aiohttp.TCPConnector(**connector_options(allow_private=False))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.post("https://2130706433/", data=b"x")
