"""Kafka's jars: complete or absent, and the ones that were named."""

import hashlib

import pytest

from haechi.embedded import kafka_jars
from haechi.embedded.process import ServerFailed


def test_every_jar_is_named_once_with_its_hash():
    jars = kafka_jars.read_lock()
    assert len({jar.file_name for jar in jars}) == len(jars) == 45
    assert all(len(jar.sha256) == 64 for jar in jars)
    assert any(jar.file_name == f"kafka_2.13-{kafka_jars.VERSION}.jar" for jar in jars)


def test_without_a_network_the_first_start_says_what_to_do(tmp_path, monkeypatch):
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
