"""`haechi explain alert` over a real incident."""

from datetime import UTC, datetime

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from alerts.cli import app, explained
from haechi.config import PostgresSettings, Settings
from haechi.domain.alerting import urgent_alert
from haechi.domain.incidents import Acknowledge
from haechi.domain.signatures import signature
from haechi.errors import NotFound
from haechi.store.audit import Audit
from tests.alerts.town import DISTRICT, Town


@pytest.fixture
def settings(postgres_database: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    data = tmp_path_factory.mktemp("data")
    return Settings(data=data, district=DISTRICT, postgres=PostgresSettings(url=SecretStr(postgres_database)))


async def test_an_sos_is_explained_from_what_was_stored_and_the_look_leaves_a_trace(
    town: Town, settings: Settings
) -> None:
    applied = await town.intake.apply(urgent_alert(town.call(battery=31.0), datetime.now(UTC)))
    incident = applied.incident
    assert incident is not None
    await town.incidents.apply_command(
        incident.id, DISTRICT, Acknowledge(signature(town.ids["mother"]), datetime.now(UTC))
    )
    said = (await explained(settings, str(incident.number))).text()
    assert said == (await explained(settings, incident.alert_id)).text()
    assert f"Incident {incident.number}: SOS pressed, mother (guardian) is on it" in said
    assert "37.56650, 126.97800" in said
    assert "battery 31 %" in said
    assert "acknowledged after" in said
    assert "mother (guardian) by webhook, because guards the person" in said
    assert "desk (desk) by webhook, because sos goes to desk" in said
    looks = await Audit(town.pool).looks(town.child)
    assert {(look.who, look.shown) for look in looks} == {("command line", f"incident {incident.number}")}


async def test_what_is_not_there_is_said_in_words(town: Town, settings: Settings) -> None:
    with pytest.raises(NotFound, match="no incident '777'"):
        await explained(settings, "777")


def test_the_command_says_what_it_needs() -> None:
    assert "The incident's number, its id, or the alert's id" in CliRunner().invoke(app, ["alert", "--help"]).output
