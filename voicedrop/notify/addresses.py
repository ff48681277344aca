"""Which addresses a webhook may go to: none inside the operator's own network, unless he says so."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from voicedrop.errors import WebhookRefused

NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
NAT64_LOCAL = ipaddress.ip_network("64:ff9b:1::/48")  # RFC 8215
SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598: a provider's own network
PROTOCOL = ipaddress.ip_network("192.0.0.0/24")  # RFC 6890; older Pythons count part of it as public


def is_public(address: str) -> bool:
    """Does an IP address belong to the public internet? What is no address does not.

    IPv4 addresses that are wrapped into IPv6 (mapped, NAT64, 6to4, Teredo) count as what they hold.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip in NAT64_LOCAL or ip.is_site_local:
            return False
    elif ip in SHARED or ip in PROTOCOL:
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


def check_url(text: str, *, allow_private: bool) -> URL:
    """A URL that may be posted to, as far as can be told without asking for its address.

    Raises:
        WebhookRefused: it may not; the text says why.
    """
    try:
        url = URL(text)
        host, port = url.host, url.port
    except ValueError as error:
        raise WebhookRefused(f"{text!r} is no URL: {error}") from error
    if not host or port == 0:
        raise WebhookRefused(f"{text!r} names no host: give https://HOST/PATH")
    if url.user is not None or url.password is not None:
        raise WebhookRefused("a URL with a login in it would be stored in the open: use the signature instead")
    if url.scheme != "https" and not (allow_private and url.scheme == "http"):
        raise WebhookRefused("only https:// is allowed (http:// too where webhooks.allow_private is set)")
    if not allow_private and _is_literal(host) and not is_public(host):
        raise WebhookRefused(f"{host} is a private address: set webhooks.allow_private to send there")
    return url


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only. The connection goes to the very addresses that were looked at, and
    is made anew each time, so that a name which changes its answer in between gains nothing."""

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """
        Raises:
            OSError: the name has no address, or only private ones.
        """
        found = await self._resolver.resolve(host, port, family)
        public = [one for one in found if is_public(one["host"])]
        if not public:
            raise OSError(None, f"{host} is at a private address: set webhooks.allow_private to send there")
        return public

    async def close(self) -> None:
        await self._resolver.close()


def connector_options(*, allow_private: bool) -> dict[str, Any]:
    """How aiohttp's connector is made."""
    options: dict[str, Any] = {"use_dns_cache": False, "force_close": True}
    return options if allow_private else {**options, "resolver": PublicResolver()}
