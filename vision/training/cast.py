"""Invented people who are only ever trained on: looks drawn by seed, rendered as the sample district's people are."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Literal, get_args

from sample_feeds.scenes.people import AUBURN, BLACK, BROWN, GREY, SKIN, Colour, Identity

Age = Literal["child", "young", "old"]
Gender = Literal["female", "male"]
HEIGHTS: dict[tuple[Gender, Age], tuple[float, float]] = {
    ("female", "child"): (1.05, 1.45),
    ("male", "child"): (1.05, 1.5),
    ("female", "young"): (1.52, 1.76),
    ("male", "young"): (1.62, 1.9),
    ("female", "old"): (1.46, 1.66),
    ("male", "old"): (1.55, 1.78),
}
AGES = {"child": 0.2, "young": 0.55, "old": 0.25}
KINDS = {"asian": 0.6, "caucasian": 0.25, "african": 0.15}


def invented(seed: int, count: int, body: Path) -> tuple[Identity, ...]:
    """The people of a seed, as far as the body has their shapes; their names say that they are nobody's."""
    return tuple(_person(Random(f"{seed}-person-{k}"), k, body) for k in range(count))


def _person(rnd: Random, number: int, body: Path) -> Identity:
    age: Age = rnd.choices(get_args(Age), [AGES[each] for each in get_args(Age)])[0]
    gender: Gender = rnd.choice(get_args(Gender))
    there = {kind: share for kind, share in KINDS.items() if (body / f"{kind}-{gender}-{age}.target").exists()}
    hair = GREY if age == "old" and rnd.random() < 0.8 else rnd.choice((BLACK, BLACK, BROWN, AUBURN))
    return Identity(
        id=f"nobody-{number:03d}",
        name=f"Nobody {number}",
        age=age,
        gender=gender,
        body=rnd.choices(list(there), list(there.values()))[0] if there else "asian",
        height_m=round(rnd.uniform(*HEIGHTS[gender, age]), 2),
        speed=round(rnd.uniform(0.8, 1.5), 2),
        skin=rnd.choice(SKIN),
        hair=hair,
        long_hair=rnd.random() < (0.6 if gender == "female" else 0.06),
        top=_cloth(rnd),
        bottom=_cloth(rnd),
        shoes=_cloth(rnd) if rnd.random() < 0.3 else (0.03, 0.025, 0.02),
        sleeves=rnd.random() < 0.65,
        skirt=gender == "female" and rnd.random() < 0.3,
        carries=rnd.choices(("", "backpack", "bag"), (0.5, 0.25, 0.25))[0],
        girth=round(rnd.uniform(0.96, 1.14), 2),
        runs=rnd.random() < 0.2,
    )


def _cloth(rnd: Random) -> Colour:
    """Linear RGB: black, white and grey as often as on a street, else any colour."""
    kind = rnd.random()
    if kind < 0.25:
        red, green, blue = (rnd.uniform(0.015, 0.06),) * 3
    elif kind < 0.45:
        red, green, blue = (rnd.uniform(0.25, 0.75),) * 3
    else:
        red, green, blue = colorsys.hsv_to_rgb(rnd.random(), rnd.uniform(0.3, 0.95), rnd.uniform(0.05, 0.75))
    return (round(red, 3), round(green, 3), round(blue, 3))


def split(people: Sequence[Identity], every: int, *, held_out: bool) -> list[Identity]:
    """Every so manieth person is held out: only validated on."""
    return [person for k, person in enumerate(people) if (k % every == every - 1) == held_out]
