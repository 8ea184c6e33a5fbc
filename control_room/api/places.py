"""Places and hours at the edge: RFC 7946 geometries and weekly windows, checked and turned into the domain's."""

import re
from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from shapely import Polygon as ShapelyPolygon
from shapely.validation import explain_validity

from haechi.domain.geo import Area, Circle, Corridor, LocalPlane, Point, Polygon
from haechi.domain.schedule import Day, OnHolidays, Window

Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
LonLat = tuple[Longitude, Latitude]
Ring = Annotated[list[LonLat], Field(min_length=4, max_length=2000)]
_LEAST_M2 = 1.0
_MOST_M2 = 1e10  # 100 km x 100 km, larger than any city
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?|24:00(:00)?")


class Body(BaseModel):
    """What the API reads: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class PolygonGeometry(Body):
    """RFC 7946: rings of [lon, lat], each closed; the first is the outside, others are holes."""

    type: Literal["Polygon"]
    coordinates: Annotated[list[Ring], Field(min_length=1, max_length=50)]

    @model_validator(mode="after")
    def _sane(self) -> Self:
        for ring in self.coordinates:
            if ring[0] != ring[-1]:
                raise ValueError("a ring must be closed: its last point is its first")
        shape = LocalPlane(Point(*self.coordinates[0][0])).shape(self.area())
        if not shape.is_valid:
            raise ValueError(f"the polygon crosses itself or its holes do not fit: {explain_validity(shape)}")
        if not _LEAST_M2 <= shape.area <= _MOST_M2:
            raise ValueError(f"the polygon covers {shape.area:.3g} m²; a zone has 1 m² to 10,000 km²")
        return self

    def area(self) -> Polygon:
        """As the domain has it."""
        return Polygon(tuple(tuple(Point(*point) for point in ring) for ring in self.coordinates))


class PointGeometry(Body):
    """RFC 7946 Point with the `radius_m` around it that counts."""

    type: Literal["Point"]
    coordinates: LonLat
    radius_m: Annotated[float, Field(ge=1, le=50_000, allow_inf_nan=False)]

    def area(self) -> Circle:
        """As the domain has it."""
        return Circle(Point(*self.coordinates), self.radius_m)


class LineGeometry(Body):
    """RFC 7946 LineString with the `width_m` of the corridor along it."""

    type: Literal["LineString"]
    coordinates: Annotated[list[LonLat], Field(min_length=2, max_length=2000)]
    width_m: Annotated[float, Field(ge=1, le=5_000, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _sane(self) -> Self:
        if len(set(self.coordinates)) < 2:
            raise ValueError("a corridor needs two different points")
        area = LocalPlane(Point(*self.coordinates[0])).shape(self.area()).area
        if area > _MOST_M2:
            raise ValueError(f"the corridor covers {area:.3g} m²; a zone has 1 m² to 10,000 km²")
        return self

    def area(self) -> Corridor:
        """As the domain has it."""
        return Corridor(tuple(Point(*point) for point in self.coordinates), self.width_m)


Geometry = Annotated[PolygonGeometry | PointGeometry | LineGeometry, Field(discriminator="type")]


def geometry_of(area: Area) -> PolygonGeometry | PointGeometry | LineGeometry:
    """The domain's area as GeoJSON."""
    if isinstance(area, Circle):
        return PointGeometry(type="Point", coordinates=(area.centre.lon, area.centre.lat), radius_m=area.radius_m)
    if isinstance(area, Corridor):
        line = [(point.lon, point.lat) for point in area.line]
        return LineGeometry(type="LineString", coordinates=line, width_m=area.width_m)
    return PolygonGeometry(type="Polygon", coordinates=[[(p.lon, p.lat) for p in ring] for ring in area.rings])


def clock_time(value: Any) -> Any:
    """A time of day as the API reads it; 24:00 is midnight."""
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise ValueError("a time of day is HH:MM, up to 24:00")
    return value.replace("24:", "00:", 1) if value.startswith("24:") else value


class ScheduleWindow(Body):
    """From `from` to `to` (not included) on `days`, by the wall clock of `tz`; a `to` before `from` is next morning."""

    tz: str = Field(max_length=60, description="IANA time zone, such as Asia/Seoul.")
    on_holidays: OnHolidays = Field(
        "rests",
        description="On a holiday of the zone it rests, holds whatever the day of the week, or goes on as usual.",
    )
    days: Annotated[list[Day], Field(max_length=7)]
    start: time = Field(alias="from", description="HH:MM")
    end: time = Field(alias="to", description="HH:MM; 24:00 is midnight.")

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, tz: str) -> str:
        try:
            ZoneInfo(tz)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone '{tz}'; IANA names such as Asia/Seoul are meant") from error
        return tz

    @field_validator("days")
    @classmethod
    def _once_each(cls, days: list[Day], info: ValidationInfo) -> list[Day]:
        if not days and info.data.get("on_holidays") != "holds":
            raise ValueError("at least one is needed, unless on_holidays is 'holds'")
        if len(set(days)) != len(days):
            raise ValueError("a day stands twice")
        return days

    @field_validator("start", "end", mode="before")
    @classmethod
    def _hours(cls, value: Any) -> Any:
        return value if isinstance(value, time) else clock_time(value)

    def contains(self, clock: time) -> bool:
        """Whether the time of day lies in the window."""
        if self.start < self.end:
            return self.start <= clock < self.end
        return self.start == self.end or clock >= self.start or clock < self.end

    def window(self) -> Window:
        """As the domain has it."""
        return Window(self.tz, tuple(self.days), self.start, self.end, self.on_holidays)

    @classmethod
    def of(cls, window: Window) -> Self:
        """The domain's window."""
        return cls(
            tz=window.tz,
            days=list(window.days),
            start=window.start,
            end=window.end,
            on_holidays=window.on_holidays,
        )


Windows = Annotated[list[ScheduleWindow], Field(max_length=50)]
PicturePoint = tuple[
    Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)], Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
]
PicturePolygon = Annotated[list[PicturePoint], Field(min_length=3, max_length=200)]


def checked_picture_polygon(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """An open ring of at least three points that does not cross itself; a closing point is dropped."""
    ring = points[:-1] if len(points) > 3 and points[0] == points[-1] else points
    shape = ShapelyPolygon(ring)
    if not shape.is_valid or shape.area <= 0:
        raise ValueError(f"the polygon crosses itself or is flat: {explain_validity(shape)}")
    return ring
