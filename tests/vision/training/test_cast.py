from sample_feeds.scenes.people import BY_ID
from vision.training.cast import AGES, HEIGHTS, invented, split


def test_invented_people_follow_from_the_seed_alone(tmp_path):
    assert invented(7, 20, tmp_path) == invented(7, 20, tmp_path)
    assert invented(7, 20, tmp_path) != invented(8, 20, tmp_path)
    assert invented(7, 30, tmp_path)[:20] == invented(7, 20, tmp_path)


def test_nobody_invented_is_one_of_the_districts_people(tmp_path):
    people = invented(7, 60, tmp_path)
    assert not {person.id for person in people} & set(BY_ID)
    looks = {(p.top, p.bottom) for p in BY_ID.values()}
    assert not {(p.top, p.bottom) for p in people} & looks


def test_all_ages_and_both_sexes_are_among_them_at_heights_that_people_have(tmp_path):
    people = invented(7, 60, tmp_path)
    assert {person.age for person in people} == set(AGES)
    assert {(person.gender, person.age) for person in people} == set(HEIGHTS)
    for person in people:
        low, high = HEIGHTS[person.gender, person.age]
        assert low <= person.height_m <= high


def test_only_shapes_that_the_body_has_are_chosen(tmp_path):
    for gender in ("female", "male"):
        for age in AGES:
            (tmp_path / f"caucasian-{gender}-{age}.target").touch()
    assert {person.body for person in invented(7, 40, tmp_path)} == {"caucasian"}


def test_who_is_validated_on_is_not_trained_on(tmp_path):
    people = invented(7, 24, tmp_path)
    trained, validated = split(people, 6, held_out=False), split(people, 6, held_out=True)
    assert len(validated) == 4
    assert sorted([*trained, *validated], key=lambda person: person.id) == list(people)
