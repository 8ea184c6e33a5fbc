"""The plan of the sample district: what its makers decided, in metres around the origin. `draw.py` turns it into a map.

Every name is invented. A street's points are its centre line before smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass

FRAME = (-500.0, -400.0, 500.0, 400.0)  # west, south, east, north
Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class StreetPlan:
    slug: str
    name: str
    name_ko: str
    width_m: float
    points: Points


@dataclass(frozen=True)
class BlockPlan:
    """What stands on the block around a point: `use` is a row of `draw.LOTS`, or a use of its own."""

    x: float
    y: float
    use: str


@dataclass(frozen=True)
class Landmark:
    """A named rectangle of `size` metres, turned by `turn` degrees counter-clockwise."""

    slug: str
    kind: str
    name: str
    name_ko: str
    x: float
    y: float
    size: tuple[float, float]
    turn: float
    height_m: float
    use: str = ""


STREETS = (
    StreetPlan("haetae-daero", "Haetae-daero", "해태대로", 16, ((-520, 38), (-320, 52), (-70, 56), (90, 74), (240, 78), (520, 96))),
    StreetPlan("dallae-ro", "Dallae-ro", "달래로", 13, ((-92, 420), (-78, 240), (-70, 56), (-60, -76), (-50, -200), (-38, -280), (-20, -420))),
    StreetPlan("neutinamu-gil", "Neutinamu-gil", "느티나무길", 9, ((205, 420), (222, 230), (240, 78), (246, -66), (258, -178))),
    StreetPlan("solbat-gil", "Solbat-gil", "솔밭길", 8, ((-352, 420), (-332, 225), (-320, 52), (-312, -82), (-318, -212))),
    StreetPlan("gangbyeon-ro", "Gangbyeon-ro", "강변로", 9, ((-520, -196), (-420, -214), (-318, -212), (-180, -208), (-50, -200))),
    StreetPlan("gangbyeon-ro-east", "Gangbyeon-ro East", "강변로 동로", 8, ((258, -178), (340, -200), (430, -222), (520, -232))),
    StreetPlan("yetjang-gil", "Yetjang-gil", "옛장길", 7, ((-520, 214), (-332, 225), (-78, 240), (60, 226), (222, 230), (380, 240), (520, 232))),
    StreetPlan("mulle-gil", "Mulle-gil", "물레길", 8, ((-520, -92), (-312, -82), (-196, -80), (-60, -76), (90, -70), (246, -66), (400, -60), (520, -68))),
    StreetPlan("neomeo-gil", "Neomeo-gil", "너머길", 7, ((-520, -352), (-300, -346), (-28, -332), (150, -322), (330, -348), (520, -366))),
    StreetPlan("kkotdam-gil", "Kkotdam-gil", "꽃담길", 5, ((-196, 54), (-196, -80), (-186, -208))),
    StreetPlan("jebi-gil", "Jebi-gil", "제비길", 5, ((-204, 420), (-200, 233), (-196, 54))),
    StreetPlan("sotdae-gil", "Sotdae-gil", "솟대길", 5, ((64, 420), (60, 226), (90, 74), (90, -70))),
    StreetPlan("byeolmaru-gil", "Byeolmaru-gil", "별마루길", 6, ((374, 420), (380, 240), (386, 87), (400, -60), (430, -222))),
    StreetPlan("dolgye-gil", "Dolgye-gil", "돌계길", 5, ((-430, 420), (-426, 219), (-424, 45), (-420, -88), (-420, -214))),
    StreetPlan("soban-gil", "Soban-gil", "소반길", 4.5, ((-332, 140), (-198, 146), (-74, 148))),
    StreetPlan("naru-gil", "Naru-gil", "나루길", 5, ((150, -322), (160, -420))),
    StreetPlan("maehwa-gil", "Maehwa-gil", "매화길", 4.5, ((-74, 148), (76, 150), (231, 154), (383, 158))),
)  # fmt: skip

RIVER_NAME = ("Eunbit-cheon", "은빛천")
RIVER_WIDTH_M = 38.0
RIVER: Points = ((-540, -262), (-420, -276), (-300, -284), (-170, -278), (-40, -254), (70, -238), (170, -242), (300, -266), (420, -292), (540, -304))  # fmt: skip

BLOCKS = (
    BlockPlan(-130, -10, "school"),
    BlockPlan(0, -140, "park"),
    BlockPlan(-260, -10, "apartments"),
    BlockPlan(-120, -140, "villas"),
    BlockPlan(-250, -150, "apartments"),
    BlockPlan(10, 0, "shops"),
    BlockPlan(160, 0, "villas"),
    BlockPlan(320, 10, "apartments"),
    BlockPlan(440, 10, "villas"),
    BlockPlan(0, 110, "shops"),
    BlockPlan(0, 190, "market"),
    BlockPlan(150, 110, "shops"),
    BlockPlan(300, 320, "apartments"),
    BlockPlan(-270, 320, "apartments"),
    BlockPlan(-380, -150, "villas"),
    BlockPlan(-460, 320, "green"),
    BlockPlan(340, -130, "villas"),
)

LANDMARKS = (
    Landmark("school", "building", "Haneulbit Elementary School", "하늘빛초등학교", -134, 28, (88, 17), 1, 15, "school"),
    Landmark("gym", "building", "Haneulbit School Gym", "하늘빛초 체육관", -178, -16, (19, 34), 1, 10, "school"),
    Landmark("market-hall", "building", "Yetjang Market Hall", "옛장시장", -22, 192, (62, 40), 1, 11, "market"),
    Landmark("clinic", "building", "Saebom Clinic", "새봄의원", -33, 30, (24, 20), 4, 17, "clinic"),
    Landmark("library", "building", "Maru Library", "마루도서관", 204, -108, (44, 28), 4, 13, "library"),
    Landmark("fire-station", "building", "Haetae Fire Station", "해태119안전센터", 266, 104, (32, 24), 3, 12, "fire_station"),
    Landmark("police-box", "building", "Dallae Police Box", "달래파출소", -100, 82, (20, 15), 2, 8, "police"),
    Landmark("office", "building", "Eunbit District Office", "은빛동 주민센터", 120, 108, (36, 26), 5, 18, "office"),
    Landmark("kiosk", "building", "Park Kiosk", "공원매점", 18, -98, (7, 5), 3, 3.4, "kiosk"),
    Landmark("shelter-park", "shelter", "Firefly Park Shelter", "반딧불 대피소", 150, -106, (18, 12), 3, 4, "shelter"),
    Landmark("shelter-north", "shelter", "Solbat Shelter", "솔밭 대피소", -396, 268, (18, 14), 2, 4, "shelter"),
    Landmark("church", "building", "Jebi Hall of Song", "제비노래당", -226, 180, (18, 30), 2, 16, "hall"),
)  # fmt: skip

PARK_NAME = ("Banditbul Park", "반딧불공원")
GREEN_NAME = ("Solbat Hill", "솔밭동산")
SCHOOL_YARD: Points = ((-166, -68), (-77, -66), (-82, 12), (-166, 11))
SCHOOL_YARD_NAME = ("Haneulbit School Yard", "하늘빛초 운동장")
SCHOOL_GATE = (-79.1, -34.0)  # on the yard's eastern side, towards Dallae-ro
SCHOOL_GATE_NAME = ("Haneulbit School Gate", "하늘빛초 정문")

# The park's paths meet in its round place and at a fork; an end marked `None` runs on to the nearest footway.
PARK_ROUND = (58.0, -142.0)
PARK_FORK = (-4.0, -146.0)
PARK_PATHS: tuple[Points, ...] = (
    (PARK_ROUND, (28, -150), PARK_FORK),
    (PARK_FORK, (-14, -124), (-34, -98), (-48, -82)),
    (PARK_FORK, (-2, -170), (-10, -190), (-12, -222)),
    (PARK_ROUND, (62, -110), (84, -80)),
    (PARK_ROUND, (92, -150), (110, -180), (112, -212)),
    (PARK_ROUND, (110, -134), (168, -138), (214, -134), (248, -132)),
    (PARK_FORK, (-26, -152), (-50, -160)),
)

BUS_STOPS = (
    ("Haneulbit School", "하늘빛초등학교", -150, 47),
    ("Yetjang Market", "옛장시장", -72, 190),
    ("District Office", "주민센터", 130, 85),
    ("Banditbul Park", "반딧불공원", -47, -140),
    ("Eunbit Bridge", "은빛다리", -32, -318),
    ("Byeolmaru", "별마루", 372, 96),
)
BRIDGES = (("dallae-ro", "Eunbit Bridge", "은빛다리"),)
FOOTBRIDGE = ((126.0, -205.0), (132.0, -290.0), "Naru Footbridge", "나루보도교")
