"""Runs handed from process to process as jobs of procrastinate, in tables of its own in our database.

A job says that somebody should take the run up, and no more: who holds a run is decided where it is claimed, so a job
too many harms nothing. https://procrastinate.readthedocs.io
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING

from bot.errors import Misconfigured, StoreFailed
from bot.outages import OutageLog
from storage import postgres
from storage.errors import translating_errors

if TYPE_CHECKING:
    from procrastinate import App
    from psycopg import AsyncConnection

ANY, TASK = "runs", "conduct"  # the queue of runs that no worker is to have before others; what is done with them
POLL_S = 2.0  # jobs are told of at once; this is for the case that telling fails
RETRY_S = 0.5  # between two tries to take jobs, where the database cannot be used
SETTLED_S = 10.0  # whoever has waited for jobs for so long can take them
DEAD_S = 60.0  # a job whose process has been silent for so long is thrown away: its run was handed over anew
MAX_CONNECTIONS = 4
# The pool doubles its waits between tries to connect, for 5 minutes; so it begins anew soon after the database is back.
POOL_WAIT_S, RECONNECT_S = 5.0, 3.0
NOISY = ("procrastinate.worker", "procrastinate.utils", "psycopg.pool")  # loggers that tell of each lost connection

Conduct = Callable[[str], Awaitable[None]]  # takes a run


class HandOver:
    """The jobs: `offer` hands a run over, `serve` takes runs until it is cancelled."""

    def __init__(self, app: App, name: str) -> None:
        """Take procrastinate's app, which is open, and the store's name for people."""
        self._app = app
        self._name = name

    async def offer(self, run: str, worker: str) -> None:
        """Hand a run over to a worker, to any where it is ""; it waits there once. Raises StoreFailed."""
        from procrastinate.exceptions import AlreadyEnqueued  # of an extra

        job = self._app.configure_task(TASK, queue=_name_queue(worker), queueing_lock=f"{worker} {run}")
        with _translating(self._name), suppress(AlreadyEnqueued):
            await job.defer_async(run=run)

    async def serve(self, worker: str, conduct: Conduct, most: int) -> None:
        """Take the runs of a worker, `most` at once, and let each be conducted, until cancelled.

        Runs go on where the database cannot be used for a while; their jobs do not, and are missed by nobody.
        """

        async def take(run: str) -> None:
            await conduct(run)

        self._app.task(name=TASK)(take)
        outage = OutageLog("runs cannot be taken")
        while True:
            settled = asyncio.get_running_loop().call_later(SETTLED_S, outage.end)
            try:
                await self._app.run_worker_async(
                    queues=[ANY, _name_queue(worker)],
                    concurrency=most,
                    fetch_job_polling_interval=POLL_S,
                    shutdown_graceful_timeout=0.0,
                    install_signal_handlers=False,
                    delete_jobs="always",
                )
            except Exception as error:
                outage.note(error.__cause__ or error)
            finally:
                settled.cancel()
            await asyncio.sleep(RETRY_S)

    async def forget_dead(self) -> None:
        """Throw away the jobs of processes that are gone. Raises StoreFailed."""
        from procrastinate.jobs import Status  # of an extra

        jobs = self._app.job_manager
        with _translating(self._name):
            for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=DEAD_S):
                await jobs.finish_job(job, Status.FAILED, delete_job=True)


def _name_queue(worker: str) -> str:
    return f"{ANY} {worker}" if worker else ANY


@contextmanager
def _translating(name: str) -> Iterator[None]:
    """Raise StoreFailed where the database cannot be used."""
    from procrastinate.exceptions import ConnectorException  # of an extra

    with translating_errors(name):
        try:
            yield
        except ConnectorException as error:
            raise error.__cause__ or error from None


def _is_no_outage(record: logging.LogRecord) -> bool:
    """Return whether a record of a library's is about more than a lost connection, of which `HandOver.serve` tells."""
    from procrastinate.exceptions import ConnectorException  # of an extra

    lost = record.exc_info is not None and isinstance(record.exc_info[1], ConnectorException)
    return not lost and (record.name != "psycopg.pool" or record.levelno > logging.WARNING)


async def _leave_read_only(connection: AsyncConnection) -> None:
    """Raise for a connection that cannot write: the pool makes another, which may do so again."""
    if connection.info.parameter_status("default_transaction_read_only") == "on":
        raise StoreFailed("the server is read-only")


@asynccontextmanager
async def open_hand_over(url: str) -> AsyncIterator[HandOver]:
    """Open the jobs of a database, and make their tables first if necessary. Raises Misconfigured, StoreFailed."""
    try:
        from procrastinate import App, PsycopgConnector  # an extra, which a bot in one process does without
    except ImportError as error:
        raise Misconfigured(
            f"Several processes hand runs over by procrastinate, which cannot be loaded ({error}): install Moot with "
            "the extra postgres."
        ) from error
    for noisy in NOISY:
        logging.getLogger(noisy).addFilter(_is_no_outage)
    name = postgres.describe_url(url)
    connector = PsycopgConnector(
        conninfo=url,
        kwargs=postgres.PATIENCE,
        min_size=1,
        max_size=MAX_CONNECTIONS,
        reset=_leave_read_only,
        timeout=POOL_WAIT_S,
        reconnect_timeout=RECONNECT_S,
    )
    app = App(connector=connector)
    with translating_errors(name):
        await asyncio.to_thread(postgres.make_tables_once, url, "procrastinate_jobs", app.schema_manager.get_schema())
    async with app.open_async():
        yield HandOver(app, name)
