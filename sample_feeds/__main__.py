"""`python -m sample_feeds play …`: the process that `haechi demo` adds to the others."""

import argparse
import asyncio
from pathlib import Path

from setproctitle import setproctitle

from haechi import config
from haechi.cli import guarded_words
from haechi.telemetry import configure_logging
from sample_feeds.play import Options, run


def main() -> None:
    """Plays until it is ended."""
    parser = argparse.ArgumentParser(prog="python -m sample_feeds", description=__doc__)
    parser.add_argument("what", choices=["play"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rtsp-port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--no-cameras", action="store_true")
    parser.add_argument("--no-model", action="store_true")
    parser.add_argument("--report", type=Path, required=True)
    asked = parser.parse_args()
    setproctitle("haechi sample district")
    with guarded_words():
        settings = config.load()
        configure_logging(settings.telemetry, "sample")
        options = Options(
            port=asked.port,
            rtsp_port=asked.rtsp_port,
            seed=asked.seed,
            once=asked.once,
            cameras=not asked.no_cameras,
            model=not asked.no_model,
            report=asked.report,
        )
        asyncio.run(run(settings, options))


if __name__ == "__main__":
    main()
