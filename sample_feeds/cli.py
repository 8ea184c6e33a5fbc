"""`haechi demo`: the whole centre with a district that lives."""

import asyncio
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from haechi import config
from haechi.config import Settings, changed
from haechi.embedded.addresses import HOST, AddressBook
from haechi.errors import Conflict, HaechiError
from haechi.process import NAMES
from haechi.supervisor import Extra, Supervisor
from haechi.supervisor.terminal import watch
from sample_feeds import report as reports
from sample_feeds.cameras import CAMERAS, CLIPS
from sample_feeds.district.map import PATH as MAP
from sample_feeds.play import TOKEN

SAMPLE = "sample"  # the process, and the folder below the data folder
NEEDS_CAMERAS = ("ingest.cameras", "vision", "analytics.sightings")
ONCE_S = 600.0

app = typer.Typer(add_completion=False, help=__doc__)


@app.callback(invoke_without_command=True)
def demo(
    data: Annotated[Path | None, typer.Option(help="The folder that holds everything (default .haechi).")] = None,
    seed: Annotated[int, typer.Option(help="Moves everybody around: another day for the same people.")] = 1,
    once: Annotated[bool, typer.Option("--once", help="Play the scenario once, report, and end.")] = False,
    report: Annotated[Path | None, typer.Option(help="Where the report goes, as JSON.")] = None,
    no_cameras: Annotated[bool, typer.Option("--no-cameras", help="Without cameras and what looks at them.")] = False,
) -> None:
    """Start the centre and the sample district, and look after them until Ctrl-C."""
    cameras = not no_cameras and _clips_are_here()
    demo = Demo(config.load(data=data), seed=seed, once=once, report=report, cameras=cameras)
    try:
        sys.exit(asyncio.run(demo.run()))
    except Conflict as error:
        raise HaechiError(
            f"{error} `haechi demo` fills only a district that it made: name another folder with --data."
        ) from error


class Demo:
    """`up`, and the sample district as one process more."""

    def __init__(self, settings: Settings, *, seed: int, once: bool, report: Path | None, cameras: bool) -> None:
        self._seed = seed
        self._once = once
        self._cameras = cameras
        self._folder = settings.data.absolute() / SAMPLE
        self._report = report.absolute() if report is not None else self._folder / "report.json"
        self._settings = changed(settings, self._changes(settings))

    async def run(self) -> int:
        """The exit code: of a single play, whether it passed."""
        if self._once:
            self._report.unlink(missing_ok=True)
        names = tuple(name for name in NAMES if self._cameras or name not in NEEDS_CAMERAS)
        supervisor = Supervisor(self._settings, names, sample=True, extra=self._sample)
        return await watch(supervisor, self._play_once if self._once else self._live_on)

    def _changes(self, settings: Settings) -> dict[str, object]:
        changes: dict[str, object] = {}
        if settings.wall.map is None:
            changes["wall.map"] = str(MAP)
        if settings.vision.model == "auto" and (model := _shipped_model()) is not None:
            changes["vision.model"] = str(model)  # not what was fetched: the demo is the same everywhere
        return changes

    async def _sample(self, supervisor: Supervisor) -> Sequence[Extra]:
        """Its process, once the servers are there: ports that are kept, a token, the one network that may be called."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        book = AddressBook(self._folder / "addresses.json", print)
        port, rtsp_port = book.port("receivers"), book.port("rtsp")
        supervisor.settings = changed(supervisor.settings, {"alerts.allow_networks": (f"{HOST}:{port}",)})
        supervisor.addresses["receivers"] = f"http://{HOST}:{port}"
        arguments = [sys.executable, "-m", "sample_feeds", "play", "--port", str(port), "--rtsp-port", str(rtsp_port)]
        arguments += ["--seed", str(self._seed), "--report", str(self._report)]
        if self._once:
            arguments.append("--once")
        if self._cameras:
            supervisor.addresses["rtsp"] = f"rtsp://{HOST}:{rtsp_port}"
        else:
            arguments.append("--no-cameras")
        if supervisor.settings.vision.model in ("auto", "none"):  # the shipped one would be named
            arguments.append("--no-model")
        token = await supervisor.token("sample district", "administrator")
        return [Extra(SAMPLE, arguments, {TOKEN: token})]

    async def _live_on(self, supervisor: Supervisor) -> int:
        print(f"Those who are told: {supervisor.addresses['receivers']}")
        await asyncio.Event().wait()
        return 0

    async def _play_once(self, supervisor: Supervisor) -> int:
        console = Console()
        try:
            async with asyncio.timeout(ONCE_S):
                while not self._report.exists():  # noqa: ASYNC110 - another process writes it
                    await asyncio.sleep(0.5)
        except TimeoutError:
            console.print(f"The play did not end within {ONCE_S:.0f} s; see {supervisor.settings.data / 'logs'}.")
            return 2
        played = reports.read(self._report)
        reports.show(played, console)
        return 0 if played.passed else 1


def _clips_are_here() -> bool:
    wanted = {clip for camera in CAMERAS for clip in (camera.clip, camera.trespass) if clip is not None}
    missing = sorted(clip for clip in wanted if not (CLIPS / f"{clip}.mp4").exists())
    if missing:
        print(f"The rendered clips are not here ({', '.join(missing)}): the demo runs without cameras.")
    return not missing


def _shipped_model() -> Path | None:
    """The model in the package that sees, which is found by name: nothing of it is imported here."""
    found = find_spec("vision")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        models = Path(folder) / "models"
        for ending in ("*_openvino_model", "*.onnx", "*.pt"):
            for model in sorted(models.glob(ending)):
                return model
    return None
