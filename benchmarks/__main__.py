"""`python -m benchmarks` lists them; `python -m benchmarks NAME --json` runs one and ends with one JSON line."""

import argparse
import sys
from importlib import import_module
from pathlib import Path

from rich.console import Console

from benchmarks.result import Options, Result
from haechi.errors import HaechiError

# name -> what it shows; each is the module of the same name.
BENCHMARKS = {
    "sos": "press of the button → the guardian's webhook, ms (p99 of ≥ 1,000 presses)",
    "withdrawal": "a consent is withdrawn, a guardian barred → nothing of it is processed or told any more, ms",
    "positions": "safe zones on the real Kafka: positions per CPU-second of the agent at a batch of 200",
    "zone_change": "one zone of 150,000 is changed: ms of CPU until it holds, against a book of zones made anew",
    "recovery": "kill -9 of a worker with state → its first event after the restart, seconds",
    "gateway": "positions by HTTP: accepted per CPU-second of the gateway, against a naive FastAPI one",
    "geofence_truth": "false leaves of a safe zone per device-day against exact truth, beside Traccar's and Home Assistant's rules",
    "trail": "positions into the trail: rows per CPU-second of us and PostgreSQL, by COPY against INSERT",
    "scenes": "the shipped detector on the scoring set: recall of people, false boxes, ms per frame",
}


def main() -> int:
    """0, or 2 with a reason in words."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", choices=[*BENCHMARKS, "all"])
    parser.add_argument("--json", action="store_true", help="only the JSON line")
    parser.add_argument("--quick", action="store_true", help="under a minute, rougher")
    parser.add_argument("--full", action="store_true", help="as long as it takes")
    parser.add_argument("--peer", type=Path, help="what to compare with, where the benchmark takes one")
    parser.add_argument("--noise", type=Path, help="another noise table for geofence_truth")
    parser.add_argument("--seed", type=int, help="another scoring seed for geofence_truth")
    asked = parser.parse_args()
    console = Console(stderr=True, quiet=asked.json)
    if asked.name is None:
        for name, shows in BENCHMARKS.items():
            print(f"{name:14} {shows}")
        return 0
    options = Options(quick=asked.quick, full=asked.full, peer=asked.peer, noise=asked.noise, seed=asked.seed)
    for name in BENCHMARKS if asked.name == "all" else (asked.name,):
        console.print(f"[bold]{name}[/]: {BENCHMARKS[name]} …", highlight=False)
        try:
            result: Result = import_module(f"benchmarks.{name}").run(options)
        except HaechiError as error:
            Console(stderr=True).print(f"[bold red]{name}:[/] {error}", highlight=False)
            return 2
        print(result.line())
    return 0


if __name__ == "__main__":
    sys.exit(main())
