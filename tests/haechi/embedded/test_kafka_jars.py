"""Kafka's jars: complete or absent, and the ones that were named."""

import hashlib
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from haechi.embedded import kafka_jars
from haechi.embedded.process import ServerFailed


def test_every_jar_is_named_once_with_its_hash():
    jars = kafka_jars.read_lock()
    assert len({jar.file_name for jar in jars}) == len(jars) == 45
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert any(jar.file_name == f"kafka_2.13-{kafka_jars.VERSION}.jar" for jar in jars)


class Moody(BaseHTTPRequestHandler):
    """A registry that breaks off in the middle of a jar, then has no time, and then has it."""

    def do_GET(self):
        asked = self.server.asked
        asked[self.path] += 1
        body = self.path.encode() * 1000
        self.send_response(503 if asked[self.path] == 2 else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if asked[self.path] == 1 else body)

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def moody(monkeypatch):
    """Where the jars are fetched from."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Moody) as registry:
        registry.asked = Counter()
        serving = Thread(target=registry.serve_forever)
        serving.start()
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setattr(
            "jgo.maven._core.DEFAULT_REMOTE_REPOS", {"moody": f"http://127.0.0.1:{registry.server_port}"}
        )
        yield
        registry.shutdown()
        serving.join()


@pytest.mark.usefixtures("moody")
def test_a_jar_that_does_not_come_is_asked_for_again(tmp_path, monkeypatch):
    bodies = {name: f"/org/{name}/1/{name}-1.jar".encode() * 1000 for name in ("one", "two")}
    jars = [kafka_jars.Jar("org", name, "1", hashlib.sha256(body).hexdigest()) for name, body in bodies.items()]
    monkeypatch.setattr(kafka_jars, "read_lock", lambda: jars)
    monkeypatch.setattr(kafka_jars, "PAUSES_S", (0.0, 0.0))
    folder = kafka_jars.jars(tmp_path, lambda _: None)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {
        f"{name}-1.jar": body for name, body in bodies.items()
    }


def test_without_a_network_the_first_start_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(kafka_jars, "PAUSES_S", (0.0, 0.0))
    for proxy in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(proxy, "http://127.0.0.1:9")  # the discard port: nothing listens
    with pytest.raises(ServerFailed) as failed:
        kafka_jars.jars(tmp_path, lambda _: None)
    assert "The first start needs the network" in str(failed.value)
    assert "HAECHI_CACHE" in str(failed.value)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []  # nothing half


def test_jars_that_are_there_need_no_network_and_say_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    lock = hashlib.sha256(kafka_jars.LOCK.read_bytes()).hexdigest()[:8]
    folder = tmp_path / f"kafka-{kafka_jars.VERSION}-{lock}"
    folder.mkdir()
    said = []
    assert kafka_jars.jars(tmp_path, said.append) == folder
    assert said == []


def test_the_cache_is_the_users_unless_named(monkeypatch, tmp_path):
    monkeypatch.setenv("HAECHI_CACHE", str(tmp_path / "named"))
    assert kafka_jars.cache_folder() == tmp_path / "named"
    monkeypatch.delenv("HAECHI_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert kafka_jars.cache_folder() == tmp_path / "haechi"
