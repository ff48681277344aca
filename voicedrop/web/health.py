"""/healthz and /metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


class HealthServer:
    """A small HTTP server for probes. `health` gives the body of /healthz, whose "ok" decides the status."""

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        health: Callable[[], dict[str, Any]],
        api: web.Application | None = None,
    ) -> None:
        """`api`: the application that serves everything else on this port."""
        self._app = api if api is not None else web.Application()
        self._host, self._port = host, port
        self._registry = registry
        self._health = health
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """
        Raises:
            OSError: the port is taken.
        """
        self._app.router.add_get("/healthz", self._healthz)
        self._app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(self._app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    @property
    def port(self) -> int:
        """Where it listens, once it has started; that is news if it was told 0."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        body = self._health()
        return web.json_response(body, status=200 if body["ok"] else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": kind})
