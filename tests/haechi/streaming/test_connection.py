"""One url says where Kafka is and how to be let in."""

import pytest

from haechi.config import KafkaSettings
from haechi.errors import ConfigError
from haechi.streaming import connect


def test_a_plain_url_may_name_several_servers() -> None:
    connection = connect(KafkaSettings(url="kafka://a:1,b"))
    assert connection.servers == ("a:1", "b:9092")
    assert connection.options()["security_protocol"] == "PLAINTEXT"


def test_a_password_goes_by_sasl_and_is_not_shown() -> None:
    connection = connect(KafkaSettings(url="kafka+sasl://me:p%40ss@a:1?mechanism=scram-sha-512"))
    options = connection.options()
    assert options["security_protocol"] == "SASL_PLAINTEXT"
    assert (options["sasl_mechanism"], options["sasl_plain_username"]) == ("SCRAM-SHA-512", "me")
    assert options["sasl_plain_password"] == "p@ss"
    assert "p@ss" not in repr(connection)


def test_tls_checks_certificates() -> None:
    options = connect(KafkaSettings(url="kafka+sasl+ssl://me:pass@a:1")).options()
    assert options["security_protocol"] == "SASL_SSL"
    assert options["ssl_context"].check_hostname


def test_the_prefix_stands_before_every_name() -> None:
    assert connect(KafkaSettings(url="kafka://a:1", prefix="north.")).name("urgent") == "north.urgent"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://a:1", "begins with 'http://'"),
        ("kafka://", "write kafka://host:port"),
        ("kafka+sasl://a:1", "write kafka://host:port"),
        ("kafka://me:pass@a:1", "write kafka://host:port"),
        ("kafka+sasl://me:pass@a:1?mechanism=GUESS", "mechanism 'GUESS' is not known"),
        ("kafka+ssl://a:1?ca=/nowhere.pem", "cannot be read"),
        (None, "no Kafka is configured"),
    ],
)
def test_a_wrong_url_is_refused_in_words(url: str | None, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        connect(KafkaSettings(url=url))
