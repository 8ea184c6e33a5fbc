"""Apache Kafka's jars: named and hashed in `kafka_jars.txt`, fetched once from Maven Central into the user's cache."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import filelock

from haechi.embedded.process import ServerFailed

VERSION = "4.4.0"
LOCK = Path(__file__).with_name("kafka_jars.txt")
PAUSES_S = (1.0, 5.0)
"""Before a jar that did not come is asked for again: one of many often fails, the network or the registry, and only once."""


@dataclass(frozen=True)
class Jar:
    """One line of the lock: Maven coordinates and the SHA-256 of the file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Its name in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def cache_folder() -> Path:
    """`HAECHI_CACHE`, else `~/.cache/haechi` (XDG_CACHE_HOME is heeded)."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("HAECHI_CACHE") or Path(home) / "haechi")


def read_lock() -> list[Jar]:
    """Every jar that Kafka needs, and no other."""
    lines = (line.replace(":", " ").split() for line in LOCK.read_text().splitlines())
    return [Jar(group, artifact, version, sha256) for group, artifact, version, sha256 in lines]


def jars(cache: Path, say: Callable[[str], None]) -> Path:
    """The folder with Kafka's jars, fetched if it isn't there yet; complete or absent, never half.

    Raises:
        ServerFailed: no network, no space, or a file that is not the one in the lock.
    """
    folder = cache / f"kafka-{VERSION}-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:8]}"
    if folder.is_dir():
        return folder
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(cache / "kafka.lock"):
            if not folder.is_dir():
                _fetch_all(folder, say)
    except OSError as error:
        raise ServerFailed(
            f"kafka: its jars could not be fetched into {cache}: {error}. The first start needs the network (Maven "
            f"Central, 45 MB) and the space; without one, copy {folder.name} into that folder from a machine that ran "
            "once, or name another cache with HAECHI_CACHE."
        ) from error
    return folder


def _fetch_all(folder: Path, say: Callable[[str], None]) -> None:
    from jgo.maven import MavenContext

    lock = read_lock()
    say(f"kafka: fetching Apache Kafka {VERSION} once, {len(lock)} jars, 45 MB, into {folder.parent}")
    staging = Path(tempfile.mkdtemp(prefix="kafka-", dir=folder.parent))
    try:
        maven = MavenContext(repo_cache=staging / "maven", timeout=30)
        (staging / "jars").mkdir()

        def fetch(jar: Jar) -> None:
            for pause_s in PAUSES_S:
                try:
                    return once(jar)
                except OSError:
                    time.sleep(pause_s)
            return once(jar)

        def once(jar: Jar) -> None:
            artifact = maven.project(jar.group, jar.artifact).at_version(jar.version).artifact()
            try:
                file = artifact.resolve()
                if hashlib.sha256(file.read_bytes()).hexdigest() != jar.sha256:
                    raise OSError(f"{jar.file_name}: not the file that is named in {LOCK.name}")
                file.replace(staging / "jars" / jar.file_name)
            except RuntimeError as error:  # what jgo raises for "not there"
                raise OSError(f"{jar.file_name}: not found in the registry") from error
            finally:
                artifact.cached_path.unlink(missing_ok=True)  # a part of it would be taken for the whole

        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(fetch, jar) for jar in lock]
            try:
                for done, future in enumerate(as_completed(waiting), 1):
                    future.result()
                    if done % 15 == 0:
                        say(f"kafka: {done} of {len(lock)} jars")
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        (staging / "jars").chmod(0o755)
        (staging / "jars").rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
