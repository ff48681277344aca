"""Sends what is in the outbox to the webhooks: signed, at least once, in the order of each drop."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp
import structlog

from voicedrop import __version__
from voicedrop.errors import StoreError, WebhookRefused
from voicedrop.notify.addresses import check_url, connector_options
from voicedrop.notify.envelope import envelope
from voicedrop.notify.signature import HEADER, sign
from voicedrop.store import webhooks
from voicedrop.store.database import Database
from voicedrop.store.webhooks import Due

log = structlog.get_logger(__name__)

AT_ONCE = 16  # posts under way
LOOK_S = 5.0  # the outbox is looked at this often, whether or not somebody has told of something new
FIRST_WAIT_S = 5.0  # after a first failure; doubled after each further one
LONGEST_WAIT_S = 3600.0
SPREAD = 0.2  # a wait is longer or shorter by up to this part, so that many do not come back at once
LEASE_SLACK_S = 30.0  # a delivery that is taken comes back this long after its deadline, should we die
ANSWER_BYTES = 300  # of the answer that is kept with a failure
GONE = 410


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    allow_private: bool = False
    """Whether http:// and private addresses are allowed."""
    timeout_s: float = 10.0
    """For one post, from the connection to the answer."""
    max_attempts: int = 20
    """After this many failures a delivery is given up."""
    disable_after_s: float = 3 * 86_400.0
    """A webhook that has failed for this long without one success is disabled."""


def wait_s(attempt: int, chance: float) -> float:
    """How long to wait after the n-th failed attempt (1, 2, …); `chance` from 0 to 1."""
    wait = min(FIRST_WAIT_S * 2.0 ** (min(attempt, 32) - 1), LONGEST_WAIT_S)
    return wait * (1 + SPREAD * (2 * chance - 1))


def body_of(due: Due) -> bytes:
    """What is posted: the same bytes at every attempt."""
    content = envelope(event=due.event, kind=due.kind, at=due.at, drop=due.drop, data=due.body)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class WebhookSender:
    """One for a process; several processes share the work."""

    def __init__(
        self,
        database: Database,
        settings: WebhookSettings,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._settings = settings
        self._now = now
        self._chance = chance
        self._woken = asyncio.Event()
        self._lease = timedelta(seconds=settings.timeout_s + LEASE_SLACK_S)

    def wake(self) -> None:
        """There may be something new."""
        self._woken.set()

    async def run(self) -> None:
        """Until it is cancelled. A database that is away is waited for."""
        down = False
        async with self._session() as session:
            while True:
                self._woken.clear()
                try:
                    sent = await self.send_due(session)
                    down = False
                except StoreError as error:
                    (log.debug if down else log.warning)("webhooks_wait", reason=str(error))
                    down, sent = True, 0
                if not sent:
                    await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(LOOK_S):
                await self._woken.wait()
        except TimeoutError:
            return

    def _session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=AT_ONCE, **connector_options(allow_private=self._settings.allow_private))
        return aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            headers={"User-Agent": f"voicedrop/{__version__}", "Content-Type": "application/json"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send_due(self, session: aiohttp.ClientSession) -> int:
        """Make the deliveries that are due now, at most `AT_ONCE`; how many those were.

        Raises:
            StoreError: no database. What was taken comes back when its lease has run out.
        """
        async with self._database.transaction() as connection:
            taken = await webhooks.take_due(connection, now=self._now(), lease=self._lease, limit=AT_ONCE)
        if taken:
            async with asyncio.TaskGroup() as tasks:
                for due in taken:
                    tasks.create_task(self._send(session, due), name=f"webhook {due.delivery}")
        return len(taken)

    async def _send(self, session: aiohttp.ClientSession, due: Due) -> None:
        status, error = await self._post(session, due)
        now = self._now()
        try:
            async with self._database.transaction() as connection:
                if not error and status is not None:
                    await webhooks.delivered(connection, due, status=status, now=now)
                    return
                last = due.attempt >= self._settings.max_attempts
                again = None if last else now + timedelta(seconds=wait_s(due.attempt, self._chance()))
                await webhooks.failed(connection, due, status=status, error=error, again_at=again, now=now)
                if reason := self._why_disable(due, status, now):
                    await webhooks.disable(connection, due.webhook, reason, now=now)
                    log.error("webhook_disabled", webhook=str(due.webhook), reason=reason)  # a URL may hold a secret
        except StoreError as fault:
            log.warning("webhook_not_settled", delivery=str(due.delivery), reason=str(fault))

    def _why_disable(self, due: Due, status: int | None, now: datetime) -> str:
        if status == GONE:
            return "it answered 410 Gone"
        since = due.failing_since
        if since is not None and (now - since).total_seconds() >= self._settings.disable_after_s:
            return f"it has failed since {since.isoformat(timespec='seconds')}"
        return ""

    async def _post(self, session: aiohttp.ClientSession, due: Due) -> tuple[int | None, str]:
        """The status, and what went wrong, empty if nothing did."""
        body = body_of(due)
        headers = {
            HEADER: sign(body, due.secrets, int(self._now().timestamp())),
            "Voicedrop-Delivery": str(due.delivery),
        }
        try:
            url = check_url(due.url, allow_private=self._settings.allow_private)
            async with session.post(url, data=body, headers=headers, allow_redirects=False) as answer:
                if 200 <= answer.status < 300:
                    return answer.status, ""
                told = (await answer.content.read(ANSWER_BYTES)).decode(errors="replace").replace("\0", "")
                return answer.status, f"HTTP {answer.status} {answer.reason or ''}: {told}".strip(" :")
        except TimeoutError:
            return None, f"no answer within {self._settings.timeout_s:g} s"
        except (aiohttp.ClientError, OSError, WebhookRefused) as error:
            return None, str(error) or type(error).__name__
