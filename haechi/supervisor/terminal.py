"""What the person at the terminal sees of a supervisor: one live table, or plain lines where it is no terminal."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterable

from rich.console import Console
from rich.live import Live as LiveDisplay
from rich.table import Table

from haechi.shown import shown
from haechi.supervisor.site import ProcessState
from haechi.supervisor.supervisor import Supervisor

_MARKS = {
    "live": "[green]●[/]",
    "starting": "[yellow]◐[/]",
    "silent": "[red]◌[/]",
    "waiting": "[red]○[/]",
    "stopped": "○",
}


def table_of(states: Iterable[ProcessState]) -> Table:
    """One row a process: shape and word, so that it reads without colour."""
    table = Table("", "process", "state", "pid", "restarts", "why", box=None, header_style="bold", pad_edge=False)
    for state in states:
        table.add_row(
            _MARKS[state.state],
            state.name,
            state.state,
            str(state.pid or ""),
            str(state.restarts or ""),
            shown(state.why[:100]),
        )
    return table


Job = Callable[[Supervisor], Coroutine[None, None, int]]


async def watch(supervisor: Supervisor, job: Job | None = None) -> int:
    """Start, show, and end on Ctrl-C, SIGTERM, or when the job is done; the exit code is the job's."""
    console = Console()
    loop = asyncio.get_running_loop()
    starting = asyncio.ensure_future(supervisor.start())
    loop.add_signal_handler(signal.SIGINT, _stop, supervisor, starting)
    loop.add_signal_handler(signal.SIGTERM, _stop, supervisor, starting)
    console.print("Haechi is starting …")
    try:
        await starting
    except asyncio.CancelledError:
        console.print("Stopped before it had started.")
        return 130
    console.print(f"The wall: {supervisor.addresses['wall']}")
    if supervisor.sign_in is not None:
        name, password = supervisor.sign_in
        console.print(f"Sign in as {name} with password {password}", highlight=False)
    try:
        tasks = [asyncio.create_task(_until_stopped(supervisor)), asyncio.create_task(_show(supervisor, console))]
        if job is not None:
            tasks.append(asyncio.create_task(job(supervisor)))
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return max(task.result() for task in done)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        console.print("Haechi is stopping …")
        await supervisor.end()


def _stop(supervisor: Supervisor, starting: "asyncio.Future[None]") -> None:
    starting.cancel()
    supervisor.stop()


async def _until_stopped(supervisor: Supervisor) -> int:
    await supervisor.run()
    return 0


async def _show(supervisor: Supervisor, console: Console) -> int:
    if console.is_terminal:
        with LiveDisplay(table_of(supervisor.states), console=console, refresh_per_second=4) as display:
            while True:
                await asyncio.sleep(0.5)
                display.update(table_of(supervisor.states))
    said: dict[str, str] = {}
    everything = False
    while True:
        for state in supervisor.states:
            if said.get(state.name) != state.state:
                said[state.name] = state.state
                console.print(f"{state.name}: {state.state} {state.why}".rstrip(), highlight=False)
        if supervisor.ready and not everything:
            everything = True
            console.print("Everything is live.")
        await asyncio.sleep(0.5)
