"""An endpoint has a share of the sender, and no more."""

from alerts.breaker import COOL_DOWN_S, FAILURES_TO_OPEN
from alerts.endpoints import ENOUGH, Endpoints


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_name_is_the_same_endpoint() -> None:
    endpoints = Endpoints(Time())
    assert endpoints.of("a:443", "https://a/x") is endpoints.of("a:443", "https://a/y")
    assert endpoints.of("a:443", "https://a/x") is not endpoints.of("b:443", "https://b/x")


def test_who_has_enough_to_do_is_left_out_as_its_addresses_are_written() -> None:
    endpoints = Endpoints(Time())
    endpoints.of("idle:443", "https://idle/hook").waiting = 1
    busy = endpoints.of("a:443", "https://a/hook?x=1")
    busy.waiting = ENOUGH
    assert endpoints.leave_out() == ["a"]
    busy.waiting = ENOUGH - 1
    assert not busy.able_again  # not at the very edge, or every delivery would wake the sender
    busy.waiting = ENOUGH // 2
    assert busy.able_again
    assert endpoints.leave_out() == []
    assert not busy.able_again


def test_while_the_breaker_refuses_the_endpoint_is_left_out_until_it_may_be_probed() -> None:
    time = Time()
    endpoints = Endpoints(time)
    ill = endpoints.of("a:80", "http://a:80/")
    for _ in range(FAILURES_TO_OPEN):
        ill.report(ill=True)
    assert endpoints.leave_out() == ["a:80"]
    time.now = COOL_DOWN_S
    assert endpoints.leave_out() == []
    assert ill.ask() == 0
    assert endpoints.leave_out() == ["a:80"]  # the probe is under way
    ill.report(ill=False)
    assert endpoints.leave_out() == []


def test_what_is_no_address_is_never_left_out() -> None:
    endpoints = Endpoints(Time())
    endpoints.of("gateway", "+82 10 0000 0000").waiting = ENOUGH
    assert endpoints.leave_out() == []
