import asyncio

import pytest
import structlog

from haechi.streaming import UntrustedState
from ingest.running import run_until_stopped


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _fails() -> None:
    raise ValueError("the registry has a row that nobody can read")


async def test_a_task_that_fails_ends_the_process_and_the_log_says_which_and_why() -> None:
    with structlog.testing.capture_logs() as log, pytest.raises(UntrustedState, match="'registry' has ended"):
        await run_until_stopped(_for_ever(), {"registry": _fails(), "live": _for_ever()}, stop=lambda: None)
    [told] = [line for line in log if line["event"] == "process.task_ended"]
    assert (told["task"], str(told["exc_info"])) == ("registry", "the registry has a row that nobody can read")
