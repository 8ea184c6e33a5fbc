"""The committed clips: made again from their seed, they have the same truth, byte for byte."""

import numpy as np
import pytest

from sample_feeds.scenes import assets, clips, film, stage, view
from sample_feeds.scenes.cameras import FPS
from sample_feeds.scenes.compose import Composer
from sample_feeds.scenes.truth import header_text, read, table

EVERY_PLAN = [p for name in clips.SETS for p in clips.plans(name)]


@pytest.mark.parametrize(
    "name", ["school-yard-trespass", "river-bank", "scoring-gate-ir", "tampering-frozen", "hard-dog"]
)
def test_a_committed_clips_truth_is_made_again_byte_for_byte(name) -> None:
    plan = next(p for p in EVERY_PLAN if p.name == name)
    header, rows = clips.truth_of(plan)
    folder = film.FOLDER / plan.set
    assert header_text(header) == (folder / f"{name}.json").read_text(encoding="utf-8")
    assert table(rows) == (folder / f"{name}.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("plan", EVERY_PLAN, ids=lambda p: p.name)
def test_every_clip_is_committed_with_its_truth(plan) -> None:
    truth = read(film.FOLDER / plan.set / f"{plan.name}.mp4")
    assert (film.FOLDER / plan.set / f"{plan.name}.mp4").stat().st_size > 10_000
    assert len(truth.frames) == truth.header.frames == plan.frames
    assert truth.header.seed == plan.seed


def test_another_seed_makes_other_clips() -> None:
    assert clips.plans("scoring") == clips.plans("scoring", clips.SEEDS["scoring"])
    here, there = clips.plans("scoring"), clips.plans("scoring", 7)
    assert [p.name for p in here] == [p.name for p in there]
    assert all(a.walks != b.walks for a, b in zip(here, there, strict=True))


def test_tuning_and_scoring_share_no_person_no_view_and_no_way() -> None:
    tuning, scoring = clips.plans("tuning"), clips.plans("scoring")
    assert not {w.identity for p in tuning for w in p.walks} & {w.identity for p in scoring for w in p.walks}
    assert not {p.camera.id for p in tuning} & {p.camera.id for p in scoring}
    assert not {w.steps for p in tuning for w in p.walks} & {w.steps for p in scoring for w in p.walks}


def test_hard_footage_and_the_calm_yard_are_empty() -> None:
    for plan in [*clips.plans("hard"), clips.plans("demo")[0]]:
        assert not any(read(film.FOLDER / plan.set / f"{plan.name}.mp4").frames)


def test_the_trespasser_is_in_the_yard_for_ten_seconds_at_sixty_pixels_and_gone_at_the_seam() -> None:
    from shapely import Point

    from sample_feeds.district import map as district_map

    district = district_map.read()
    yard = district.ground("school-yard").shape
    truth = read(film.FOLDER / "demo" / "school-yard-trespass.mp4")
    tall = [
        k
        for k, people in enumerate(truth.frames)
        for p in people
        if p.visible.h * truth.header.height >= 60
        and yard.contains(Point(district.plane.to_metres((p.ground.lon, p.ground.lat))))
    ]
    assert len(tall) >= 10 * FPS
    assert truth.frames[0] == truth.frames[-1] == ()


def test_the_child_at_the_river_is_alone_and_was_at_the_crossing_and_in_the_park() -> None:
    names = ("crossing", "park-path", "river-bank", "school-gate")
    seen = {n: {p.identity for f in read(film.FOLDER / "demo" / f"{n}.mp4").frames for p in f} for n in names}
    assert seen["river-bank"] == {clips.CHILD}
    assert all(clips.CHILD in who for who in seen.values())


@pytest.mark.parametrize("plan", clips.plans("demo"), ids=lambda p: p.name)
def test_the_demo_loops_without_a_jump(plan) -> None:
    """From the last frame to the first everyone goes on as from any frame to the next."""
    last = {f.person.id: f for f in stage.figures(plan.camera, plan.walks, (plan.frames - 1) / FPS, plan.period)}
    first = {f.person.id: f for f in stage.figures(plan.camera, plan.walks, 0.0, plan.period)}
    for who in last.keys() & first.keys():
        moved = np.hypot(last[who].pose.x - first[who].pose.x, last[who].pose.y - first[who].pose.y)
        assert moved <= last[who].person.speed * 2.3 / FPS + 1e-6
    assert plan.frames % 50 == 0 or not plan.effects, "the wind's period fits into the clip"


def test_pixels_agree_with_the_truth() -> None:
    """Where a person is drawn, and nowhere else, the picture differs from the same picture without the person."""
    plan = next(p for p in clips.plans("scoring") if p.light == "rain")
    header, rows = clips.truth_of(plan)
    camera = plan.camera
    plate = assets.read_plate(camera.id, (camera.width, camera.height), only=plan.light)
    composer = Composer(camera, plate, plan.light, film.read_sheets(plan), plan.effects, plan.seed)
    checked = 0
    for frame in range(0, plan.frames, 12):
        for row in [r for r in rows if r.frame == frame and r.share > 0.9 and r.box[3] * header.height > 38]:
            present = [
                f for f in stage.figures(camera, plan.walks, frame / FPS, plan.period) if f.person.id == row.identity
            ]
            moved = np.abs(composer.frame(frame, present).astype(int) - composer.frame(frame, [])).max(2) > 14
            ys, xs = np.nonzero(moved)
            got = np.array(
                [
                    xs.min() / camera.width,
                    ys.min() / camera.height,
                    np.ptp(xs) / camera.width,
                    np.ptp(ys) / camera.height,
                ]
            )
            assert got == pytest.approx(np.array(row.visible), abs=0.028), (frame, row.identity)
            checked += 1
    assert checked >= 3


def test_a_clip_is_made_and_shown(tmp_path) -> None:
    from dataclasses import replace

    plan = replace(clips.plans("tampering")[0], seconds=1.0, name="small")
    steps: list[int] = []
    path = film.make(plan, tmp_path, lambda: steps.append(1))
    assert len(steps) == plan.frames == 10
    assert [p.shape for p in film.read(path)] == [(360, 640, 3)] * 10
    assert view.draw(path, tmp_path / "drawn.mp4", 2) == 5
    assert view.draw(path, tmp_path / "stills", 5) == 2
    assert len(list((tmp_path / "stills").glob("*.png"))) == 2


def test_a_frozen_clip_stands_still_while_its_truth_does_too() -> None:
    plan = next(p for p in clips.plans("tampering") if p.frozen_from)
    truth = read(film.FOLDER / plan.set / f"{plan.name}.mp4")
    assert len(set(truth.frames[plan.frozen_from :])) == 1
