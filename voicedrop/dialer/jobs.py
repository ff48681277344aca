"""The queue of unattended drops: Procrastinate on the database that is there anyway.

A job is one drop. One at a time runs for a number (the job's lock), however many engines there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ProcrastinateException

from voicedrop.dialer.order import Order
from voicedrop.errors import StoreUnreachable, VoicedropError
from voicedrop.store.database import Connection
from voicedrop.tasks import beside

log = structlog.get_logger(__name__)
# It writes every job's arguments into its log: numbers. What matters of a job we say ourselves.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)

TASK = "voicedrop.unattended_drop"
AGAIN_S = 5  # a job that could not be run just now
STALLED_S = 30.0  # a worker that has said nothing for so long is dead
LOOK_S = 10.0
BACKOFF_S = 2.0
POOL = 4
NOT_READ = "another version of voicedrop put it: order it anew, and run one version on all nodes"
# It has no connection of its own: jobs are put in the transaction of who puts them.
_DEFERRING = procrastinate.App(connector=procrastinate.PsycopgConnector())


class NotNow(VoicedropError):
    """The drop cannot be made at the moment; nothing was done."""


def open_queue(url: str) -> procrastinate.App:
    """The queue in this database; use it in `async with queue.open_async()`."""
    return procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=POOL))


async def put(connection: Connection, order: Order, *, trunk: str, at: datetime | None = None) -> int:
    """Accept an order; it is in the queue when the transaction is committed. The same drop is never put twice.

    Raises:
        StoreUnreachable: it is not accepted.
    """
    try:
        return await _DEFERRING.configure_task(
            TASK, queue=trunk, lock=order.number, queueing_lock=order.drop, schedule_at=at, connection=connection
        ).defer_async(**order.arguments())
    except (ProcrastinateException, psycopg.Error) as error:
        raise StoreUnreachable(f"the drop was not accepted: {error}") from error


class Jobs:
    """Runs the jobs of one trunk. `work` makes a drop and returns when it has ended. `end_lost` ends orders whose job
    is gone; it is asked at the start and every few seconds."""

    def __init__(
        self,
        url: Callable[[], str],
        trunk: str,
        workers: int,
        work: Callable[[Order], Awaitable[None]],
        end_lost: Callable[[], Awaitable[None]],
    ) -> None:
        self._url = url
        self._trunk = trunk
        self._workers = workers
        self._work = work
        self._end_lost = end_lost

    async def run(self) -> None:
        """Until it is cancelled. With the database away it waits."""
        while True:
            try:
                async with self._open() as queue:
                    worker = queue.run_worker_async(
                        queues=[self._trunk],
                        concurrency=self._workers,
                        install_signal_handlers=False,
                        delete_jobs="always",  # it holds a number, and what came of it stands in the receipt
                        stalled_worker_timeout=STALLED_S,
                        shutdown_graceful_timeout=1.0,
                    )
                    await beside(worker, {"stalled jobs": self._take_up(queue)})
            except (ProcrastinateException, psycopg.Error, OSError) as error:
                log.warning("jobs_wait", reason=str(error))
            await asyncio.sleep(BACKOFF_S)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[procrastinate.App]:
        queue = open_queue(self._url())
        again = procrastinate.RetryStrategy(wait=AGAIN_S, retry_exceptions={NotNow})

        @queue.task(name=TASK, queue=self._trunk, retry=again)
        async def unattended_drop(**arguments: Any) -> None:
            try:
                order = Order.of(arguments)
            except (TypeError, ValueError, KeyError) as error:  # its order is ended by `end_lost`
                log.error("job_not_read", drop=arguments.get("drop"), fault=type(error).__name__, hint=NOT_READ)
                raise
            try:
                await self._work(order)
            except asyncio.CancelledError:  # the worker stops: what it had begun is resolved by who gets the job next
                raise NotNow("the worker has stopped") from None
            except NotNow as error:
                log.info("job_waits", drop=order.drop, reason=str(error), again_s=AGAIN_S)
                raise
            except Exception:
                log.exception("job_failed", drop=order.drop)
                raise

        async with queue.open_async():
            yield queue

    async def _take_up(self, queue: procrastinate.App) -> None:
        """Jobs whose worker died go back into the queue; what was attempted already is not made again. Orders without
        a job end."""
        while True:
            with contextlib.suppress(ProcrastinateException, psycopg.Error):
                for job in await queue.job_manager.get_stalled_jobs(
                    queue=self._trunk, seconds_since_heartbeat=STALLED_S
                ):
                    log.warning("job_taken_up", job=job.id)
                    await queue.job_manager.retry_job(job)
            await self._end_lost()
            await asyncio.sleep(LOOK_S)
