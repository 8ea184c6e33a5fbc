from datetime import UTC, date, datetime
from random import Random

import pytest
import shapely

from sample_feeds.district.map import District, read
from sample_feeds.people import GUARDIANS, PACES, PLACES, RESIDENTS, Town
from sample_feeds.phones import Receiver

DAY = date(2026, 11, 23)
EVERY_S = 60
EXIT_BUFFER_M = 20  # of the centre's default rule


@pytest.fixture(scope="module")
def district() -> District:
    return read()


@pytest.fixture(scope="module")
def forbidden(district: District) -> shapely.Geometry:
    """Buildings and the river, but for its bridges."""
    bridges = shapely.union_all([g.shape for g in district.grounds if g.kind == "bridge"]).buffer(0.5)
    water = shapely.difference(district.ground("river").shape, bridges)
    shape = shapely.union_all([*(b.shape for b in district.buildings if b.kind == "building"), water])
    shapely.prepare(shape)
    return shape


@pytest.mark.parametrize("seed", [1, 2, 77])
def test_a_day_leads_nobody_into_a_building_or_the_river_nor_out_of_a_safe_zone(
    seed: int, district: District, forbidden: shapely.Geometry
) -> None:
    town = Town(district, seed)
    for resident in RESIDENTS:
        moments = [town.at(resident, DAY, s) for s in range(0, 86_400, EVERY_S)]
        points = shapely.points([(m.x, m.y) for m in moments])
        assert not shapely.contains_properly(forbidden, points).any(), resident.name
        speeds = {m.speed for m in moments} - {0.0}
        slowest, fastest = PACES[resident.life]
        assert all(slowest <= speed <= fastest for speed in speeds)
        zone = town.zone(resident)
        if zone is not None:
            assert shapely.contains_properly(zone.buffer(-30), points).all(), resident.name


def test_what_the_phones_report_of_ordinary_life_never_counts_as_outside(district: District) -> None:
    town = Town(district, 5)
    for resident in RESIDENTS:
        zone, receiver = town.zone(resident), Receiver(Random(resident.slug), district.plane)
        if zone is None:
            continue
        fixes = [receiver.fix(town.at(resident, DAY, s), datetime.now(UTC)) for s in range(0, 86_400, 60)]
        points = shapely.points(district.plane.to_metres([(f.lon, f.lat) for f in fixes]))
        beyond = shapely.distance(zone, points) - [f.accuracy_m for f in fixes]
        assert (beyond <= EXIT_BUFFER_M).all(), resident.name


def test_a_fix_is_never_more_wrong_than_it_says(district: District) -> None:
    town, resident = Town(district, 1), RESIDENTS[12]
    receiver = Receiver(Random(1), district.plane)
    errors = []
    for s in range(0, 86_400, 10):
        moment = town.at(resident, DAY, s)
        fix = receiver.fix(moment, datetime.now(UTC))
        x, y = district.plane.to_metres((fix.lon, fix.lat))
        errors.append(((x - moment.x) ** 2 + (y - moment.y) ** 2) ** 0.5)
        assert errors[-1] <= fix.accuracy_m
    assert max(errors) > 3, "a receiver that is never wrong tests nothing"


def test_everybody_goes_out_and_is_home_at_night(district: District) -> None:
    town = Town(district, 9)
    for resident in RESIDENTS:
        home = town.homes[resident.slug]
        for second in (0, 86_399):
            at = town.at(resident, DAY, second)
            assert (at.x, at.y) == home, resident.name
    walking = sum(bool({town.at(r, DAY, s).speed for s in range(0, 86_400, 60)} - {0.0}) for r in RESIDENTS)
    assert walking >= 25


def test_the_seed_moves_people_and_the_same_seed_does_not(district: District) -> None:
    def noon(seed: int) -> list[tuple[float, float]]:
        town = Town(district, seed)
        return [(m.x, m.y) for r in RESIDENTS for m in [town.at(r, DAY, 8.2 * 3600)]]

    assert noon(1) == noon(1)
    assert noon(1) != noon(2)


def test_thirty_people_each_have_a_name_of_their_own_and_somebody_who_is_told() -> None:
    assert len({r.slug for r in RESIDENTS}) == len({r.name for r in RESIDENTS}) == 30
    assert all(r.guardians for r in RESIDENTS)
    assert len({g.slug for g in GUARDIANS}) == len(GUARDIANS)
    assert {haunt for r in RESIDENTS for haunt in r.haunts} <= set(PLACES)
