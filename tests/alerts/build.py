"""Builders of incidents and deliveries for these tests."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from haechi.domain.alerting import Because, Severity
from haechi.domain.deliveries import Delivery, Recipient
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident

AT = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)
SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def incident(**changes: Any) -> Incident:
    """An open SOS of the person `child`, at Seoul's city hall."""
    plain = Incident(
        id="0b9c6a0e-0000-4000-8000-000000000001",
        alert_id="0b9c6a0e-0000-4000-8000-000000000002",
        number=7,
        kind="sos",
        subject="child",
        place="-",
        district="haneul",
        severity=Severity.LIFE_SAFETY,
        status="Actual",
        state="unacknowledged",
        title="SOS pressed",
        starts_at=AT,
        received_at=AT,
        decided_at=AT,
        opened_at=AT,
        because=Because("urgent", "SOS pressed on device abcd…"),
        point=Point(126.978, 37.5665),
        accuracy_m=12.0,
    )
    return msgspec.structs.replace(plain, **changes)


def delivery(address: str = "https://example.org/hook", **changes: Any) -> Delivery:
    """The first attempt of a delivery to the guardian `mother`."""
    plain = Delivery(
        id="msg_1",
        incident_id="0b9c6a0e-0000-4000-8000-000000000001",
        recipient=Recipient("guardian", "mother", "Kim Minji", "webhook", address),
        state="sending",
        attempts=1,
        created_at=AT,
        incident=incident(),
    )
    return msgspec.structs.replace(plain, **changes)
