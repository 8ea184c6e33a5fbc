"""Tests of a button and of telephones: what is a test, what is not, and how a test becomes real.

    a press of the button                                             | is
    the first one that happened and came within the window            | a Test, told to the guardians only
    any further one, also within the window                           | Actual
    one that happened before the window was opened, and comes late    | Actual
    one that comes after the window, whenever it happened             | Actual
    one while anything real of the person is open                     | Actual (and no window can be opened then)
    man-down, strap cut, tamper, at any time                          | Actual
    a Test of which a guardian says that it was real                  | Actual, raised anew with the same fixes

Whatever is in doubt is Actual.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from haechi.domain.alerting import KINDS, Alert, Because, Severity, raised
from haechi.domain.deliveries import NO_CHANNEL, DeliveryView
from haechi.domain.incidents import Incident, IncidentEvent
from haechi.domain.signatures import in_words, signature

TEST_PLACE = "test"  # a test and the real thing are never one incident
_PHONES = KINDS["phone-test"]


def as_test(alert: Alert, asked_by: str) -> Alert:
    """The press that a window was opened for: an incident of its own, below everything real."""
    words = f"{alert.because.words}; the test that {in_words(asked_by)} asked for"
    return of_test(msgspec.structs.replace(alert, because=msgspec.structs.replace(alert.because, words=words)))


def of_test(alert: Alert) -> Alert:
    """The alert as one that belongs to the test of its subject, which it makes no graver than it is."""
    return msgspec.structs.replace(alert, place=TEST_PLACE, status="Test", severity=Severity.ADVISORY)


def as_real(test: Incident, by: str, at: datetime) -> Alert:
    """A test press of which a guardian says that it was no test. `starts_at` is the statement: the press's own alert
    was applied already, as a test."""
    fixes = test.because.fixes or (test.scene.fixes[-1:] if test.scene else ())
    words = f"{in_words(by)} says that the press of test {test.number} was real; it was pressed at {test.starts_at:%H:%M:%S} UTC"
    because = Because("urgent", words, fixes=fixes, values=test.because.values)
    return msgspec.structs.replace(
        raised(KINDS[test.kind], test.subject, "-", test.district, at, because, title=test.title),
        point=fixes[-1].point if fixes else test.point,
        accuracy_m=fixes[-1].accuracy_m if fixes else test.accuracy_m,
    )


def phone_test(person: str, district: str, due_at: datetime, asked_by: str | None, at: datetime) -> Alert:
    """Asks the guardians of a person whether a message reaches them. The same due test is the same alert."""
    words = f"asked for by {in_words(asked_by)}" if asked_by else "asked every month"
    because = Because("drill", f"A test of the guardians' telephones, {words}")
    return raised(_PHONES, person, TEST_PLACE, district, due_at, because, now=at, status="Test")


def all_answered(deliveries: Sequence[DeliveryView], trail: Sequence[IncidentEvent]) -> bool:
    """Whether every guardian who could be told of a test has answered."""
    told = {
        signature(delivery.recipient.id)
        for delivery in deliveries
        if delivery.recipient.kind == "guardian" and delivery.recipient.channel != NO_CHANNEL
    }
    return told <= {event.by for event in trail}
