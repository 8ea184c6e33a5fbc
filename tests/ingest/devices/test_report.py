"""What is the same in every format: which field is refused, what is unknown, and when it was."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from haechi.domain.geo import Point
from ingest.devices import batch, osmand, owntracks, traccar
from ingest.devices.report import NoFix, Posted, Report, urgent_of
from ingest.refusal import Refused

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Form(NamedTuple):
    """A format: how it is read, and what it calls each field (with dots between the levels of its JSON)."""

    parse: Callable[[Posted], Any]
    lat: str
    lon: str
    time: str
    accuracy: str
    speed: str
    course: str
    battery: str
    alarm: str
    more: dict[str, object]


FORMS = {
    "osmand": Form(osmand.parse, "lat", "lon", "timestamp", "accuracy", "speed", "bearing", "batt", "alarm", {"id": "d"}),
    "traccar client": Form(
        osmand.parse,
        "location.coords.latitude",
        "location.coords.longitude",
        "location.timestamp",
        "location.coords.accuracy",
        "location.coords.speed",
        "location.coords.heading",
        "location.battery.level",
        "location.alarm",
        {"device_id": "d"},
    ),
    "owntracks": Form(owntracks.parse, "lat", "lon", "tst", "acc", "vel", "cog", "batt", "alarm", {"_type": "location"}),
    "traccar": Form(
        traccar.parse_position,
        "position.latitude",
        "position.longitude",
        "position.fixTime",
        "position.accuracy",
        "position.speed",
        "position.course",
        "position.attributes.batteryLevel",
        "position.attributes.alarm",
        {"device.uniqueId": "d"},
    ),
    "batch": Form(
        lambda posted: raised(batch.parse(posted)[0]),
        "positions.lat",
        "positions.lon",
        "positions.at",
        "positions.accuracy_m",
        "positions.speed",
        "positions.course",
        "positions.battery",
        "positions.alarm",
        {"positions.device": "d"},
    ),
}  # fmt: skip
every_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def raised(item: Report | Refused) -> Report:
    if isinstance(item, Refused):
        raise item
    return item


def read(form: Form, fields: dict[str, object]) -> Report:
    """What the format makes of a fix at 37.5 N, 127.1 E with these fields too, and of a refusal: that."""
    flat = form.more | {form.lat: 37.5, form.lon: 127.1} | fields
    if form is FORMS["osmand"]:
        posted = Posted(urlencode(flat).encode(), b"", NOW)
    else:
        posted = Posted(b"", json.dumps(nested(flat)).encode(), NOW, "d")
    report: Report | NoFix = form.parse(posted)
    assert isinstance(report, Report)
    return report


def nested(flat: dict[str, object]) -> dict[str, object]:
    document: dict[str, Any] = {}
    for path, value in flat.items():
        *above, last = path.split(".")
        inner = document
        for name in above:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return {name: [inner] if name == "positions" else inner for name, inner in document.items()}


@every_form
@pytest.mark.parametrize("zero", [0, 0.0, "0"])
def test_a_call_at_0_0_is_from_a_tracker_that_does_not_know_its_place(form: Form, zero: object) -> None:
    """The last known place helps; the Gulf of Guinea does not."""
    assert read(form, {form.lat: zero, form.lon: zero, form.alarm: "sos"}).point is None
    assert read(form, {form.lat: zero, form.lon: 0.001}).point == Point(0.001, 0)


@every_form
@pytest.mark.parametrize("value", [0, 0.0, -1])
def test_an_accuracy_of_0_or_less_is_unknown(form: Form, value: float) -> None:
    assert read(form, {form.accuracy: value}).accuracy_m is None


@every_form
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("accuracy", "near"),
        ("speed", 99_999),
        ("course", 361),
        ("battery", 101),
        ("lat", 91),
        ("lat", "north"),
        ("lon", 181),
        ("time", "soon"),
        ("time", 12),
        ("time", int(NOW.timestamp()) + 2 * 86_400),
    ],
)
def test_a_field_that_cannot_be_is_refused_by_the_name_that_the_sender_gave_it(
    form: Form, field: str, value: object
) -> None:
    name: str = getattr(form, field)
    with pytest.raises(Refused) as refused:
        read(form, {name: value})
    assert (refused.value.status, refused.value.field) == (422, name.removeprefix("positions."))


@every_form
def test_of_several_wrong_fields_the_first_is_named(form: Form) -> None:
    with pytest.raises(Refused) as refused:
        read(form, {form.time: "soon", form.battery: 1000})
    assert refused.value.field == form.time.removeprefix("positions.")


@pytest.mark.parametrize("form", [FORMS[name] for name in FORMS if name != "osmand"])
@pytest.mark.parametrize("value", [True, False, [37.5], {"lat": 37.5}])
def test_a_place_that_is_no_number_is_none(form: Form, value: object) -> None:
    with pytest.raises(Refused) as refused:
        read(form, {form.lat: value})
    assert refused.value.field == form.lat.removeprefix("positions.")


@every_form
@pytest.mark.parametrize("field", ["lat", "lon"])
def test_a_coordinate_that_is_missing_is_named_as_the_sender_would_write_it(form: Form, field: str) -> None:
    name: str = getattr(form, field)
    with pytest.raises(Refused) as refused:
        read(form, {name: None if form is not FORMS["osmand"] else ""})
    assert (refused.value.status, refused.value.field) == (400, name.removeprefix("positions."))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("batt", 900, "is 900, more than 100."),
        ("lat", 91, "is 91, outside -90 to 90."),
        ("speed", 2000, "is 2000, more than 1943.85."),
    ],
)
def test_what_is_out_of_bounds_is_told_with_the_bound_in_the_senders_unit(field: str, value: int, words: str) -> None:
    with pytest.raises(Refused) as refused:
        read(FORMS["osmand"], {field: value})
    assert str(refused.value) == f"The field '{field}' {words}"


@every_form
def test_a_call_for_help_is_one_in_every_format(form: Form) -> None:
    assert read(form, {form.alarm: "sos"}).urgent == "sos"
    assert read(form, {}).urgent is None


@pytest.mark.parametrize("name", ["location.alarm", "location.extras.alarm", "alarm"])
def test_traccar_clients_alarm_is_found_wherever_its_template_puts_it(name: str) -> None:
    assert read(FORMS["traccar client"], {name: "sos"}).urgent == "sos"


@pytest.mark.parametrize(
    ("alarms", "kind"),
    [
        ("cancel", "cancel"),
        ("cancel,sos", "sos"),
        ("sos, cancel", "sos"),
        ("cancel,tampering", "tamper"),
        ("tampering,removing,fallDown", "man-down"),
        ("cancelled", None),
    ],
)
def test_of_several_alarms_the_most_urgent_counts_and_a_cancel_never_hides_a_call(
    alarms: str, kind: str | None
) -> None:
    assert urgent_of(alarms) == kind


@pytest.fixture
def in_seoul(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@every_form
@pytest.mark.usefixtures("in_seoul")
def test_a_time_without_an_offset_is_utc_wherever_the_server_stands(form: Form) -> None:
    assert read(form, {form.time: "2026-03-01T11:59:30"}).at == datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)
