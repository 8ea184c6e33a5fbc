"""A process of tasks: all run for ever; the first failure ends it, and its supervisor starts it again."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog

from haechi.streaming import UntrustedState

log = structlog.get_logger(__name__)


async def run_until_stopped(
    main: Coroutine[Any, Any, None], work: Mapping[str, Coroutine[Any, Any, None]], stop: Callable[[], None]
) -> None:
    """`main` beside all of `work`. SIGTERM and SIGINT call `stop`, upon which `main` should end; then the work is
    cancelled. What fails first is raised.
    """
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]
    first = asyncio.create_task(main, name="main")
    try:
        done, _ = await asyncio.wait({first, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {first}:
            reason = None if task.cancelled() else task.exception()
            log.critical("process.task_ended", task=task.get_name(), cancelled=task.cancelled(), exc_info=reason)
            raise UntrustedState(f"The task '{task.get_name()}' has ended.") from reason
        first.result()
    finally:
        for task in (first, *tasks):
            task.cancel()
        await asyncio.gather(first, *tasks, return_exceptions=True)
