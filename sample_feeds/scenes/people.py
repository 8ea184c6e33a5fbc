"""The people of the sample district. None of them exists; names, looks and ways of walking are invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Colour = tuple[float, float, float]
SKIN = ((0.55, 0.35, 0.25), (0.48, 0.30, 0.20), (0.62, 0.42, 0.32), (0.22, 0.12, 0.075), (0.38, 0.22, 0.14))
BLACK, BROWN, GREY, AUBURN = (0.012, 0.01, 0.01), (0.05, 0.03, 0.02), (0.38, 0.37, 0.36), (0.2, 0.08, 0.03)


@dataclass(frozen=True)
class Identity:
    """One person's fixed look. `body` is the ethnic-and-age shape's file, `build` the figure's; colours are linear RGB."""

    id: str
    name: str
    age: Literal["child", "young", "old"]
    gender: Literal["female", "male"]
    body: str
    height_m: float
    speed: float  # m/s at an easy walk
    skin: Colour
    hair: Colour
    long_hair: bool
    top: Colour
    bottom: Colour
    shoes: Colour = (0.03, 0.025, 0.02)
    sleeves: bool = True
    skirt: bool = False
    carries: Literal["", "backpack", "bag"] = ""
    girth: float = 1.0
    runs: bool = False


IDENTITIES = (
    Identity("haneul", "Byeolha Haneul", "child", "female", "asian", 1.24, 1.05, SKIN[0], BLACK, True, (0.75, 0.55, 0.05), (0.08, 0.12, 0.3), carries="backpack"),
    Identity("garam", "Solmoe Garam", "child", "male", "asian", 1.33, 1.15, SKIN[1], BLACK, False, (0.05, 0.25, 0.5), (0.06, 0.06, 0.07), carries="backpack", runs=True),
    Identity("nuri", "Maehwa Nuri", "child", "female", "caucasian", 1.18, 1.0, SKIN[2], AUBURN, True, (0.7, 0.12, 0.2), (0.5, 0.5, 0.52), skirt=True),
    Identity("dolsae", "Okdol Dolsae", "young", "male", "asian", 1.76, 1.4, SKIN[1], BLACK, False, (0.03, 0.032, 0.036), (0.045, 0.05, 0.06), runs=True),
    Identity("eunsol", "Baram Eunsol", "young", "female", "asian", 1.64, 1.3, SKIN[0], BLACK, True, (0.62, 0.58, 0.5), (0.05, 0.08, 0.18), carries="bag"),
    Identity("taebaek", "Mulle Taebaek", "young", "male", "asian", 1.82, 1.35, SKIN[0], BROWN, False, (0.1, 0.3, 0.16), (0.28, 0.23, 0.15), girth=1.06),
    Identity("sarang", "Naru Sarang", "young", "female", "african", 1.69, 1.3, SKIN[3], BLACK, True, (0.75, 0.72, 0.68), (0.3, 0.05, 0.07), skirt=True, carries="bag"),
    Identity("marco", "Marco Jebi", "young", "male", "caucasian", 1.78, 1.4, SKIN[2], BROWN, False, (0.4, 0.05, 0.045), (0.04, 0.055, 0.11), sleeves=False, carries="backpack"),
    Identity("hwangto", "Kkotdam Hwangto", "old", "male", "asian", 1.66, 0.9, SKIN[1], GREY, False, (0.36, 0.3, 0.22), (0.12, 0.11, 0.1), girth=1.05),
    Identity("ongi", "Soban Ongi", "old", "female", "asian", 1.53, 0.8, SKIN[0], GREY, False, (0.38, 0.08, 0.3), (0.1, 0.09, 0.12), carries="bag", girth=1.06),
    Identity("miru", "Byeolmaru Miru", "young", "female", "caucasian", 1.71, 1.5, SKIN[2], AUBURN, True, (0.03, 0.4, 0.45), (0.02, 0.02, 0.025), sleeves=False, runs=True),
    Identity("danu", "Sotdae Danu", "young", "male", "asian", 1.71, 1.3, SKIN[4], BLACK, False, (0.6, 0.62, 0.65), (0.1, 0.1, 0.12), carries="bag"),
    Identity("seori", "Dolgye Seori", "old", "female", "caucasian", 1.58, 0.85, SKIN[2], GREY, True, (0.12, 0.2, 0.4), (0.35, 0.32, 0.3), skirt=True),
    Identity("beom", "Neomeo Beom", "young", "male", "asian", 1.74, 1.35, SKIN[1], BLACK, False, (0.55, 0.3, 0.04), (0.1, 0.13, 0.24), girth=1.1),
)  # fmt: skip
BY_ID = {person.id: person for person in IDENTITIES}
