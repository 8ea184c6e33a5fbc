"""The kinds of camera source: to add one, write its file and a line here."""

from collections.abc import Callable
from urllib.parse import urlsplit

from haechi.errors import ConfigError
from ingest.cameras.av_source import AvSource
from ingest.cameras.pictures import Source

SOURCES: dict[str, Callable[[str], Source]] = {
    "rtsp": AvSource,
    "rtsps": AvSource,
    "http": AvSource,
    "https": AvSource,
    "file": AvSource,
}


def open_source(url: str) -> Source:
    """The source of a camera's url; raises ConfigError for a scheme that nobody reads."""
    scheme = urlsplit(url).scheme
    if scheme not in SOURCES:
        raise ConfigError(f"A camera's url begins with {', '.join(f'{s}://' for s in SOURCES)}; not with '{scheme}'.")
    return SOURCES[scheme](url)
