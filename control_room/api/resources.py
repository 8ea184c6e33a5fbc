"""The resources of the registry as one literal table, and what is the same for all of them."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from fastapi import Query
from pydantic import BaseModel, JsonValue, create_model

from control_room.api.device_models import DeviceBody, ReaderBody, ReporterBody, masked
from control_room.api.models import (
    AgencyBody,
    CameraBody,
    GuardianBody,
    PersonBody,
    SafeZoneBody,
    SensorBody,
    masked_url,
    masked_webhook,
)
from haechi.ids import front_of, handle_of
from haechi.store.reach import UNREACHABLE
from haechi.store.registry import (
    AGENCIES,
    CAMERAS,
    DEVICES,
    GUARDIANS,
    PEOPLE,
    READERS,
    REPORTERS,
    SAFE_ZONES,
    SENSORS,
    Row,
    Table,
)

T = TypeVar("T", bound=msgspec.Struct)
Answer = dict[str, JsonValue]


def everything() -> str:
    """A list without a filter of its own."""
    return ""


def of_people(
    unreachable: Annotated[
        bool, Query(description="Only people of whom no guardian is proven reachable in the last 30 days.")
    ] = False,
) -> str:
    """The filters of the list of people."""
    return UNREACHABLE if unreachable else ""


class Resource(msgspec.Struct, Generic[T], frozen=True):
    """One row of the table. `body` reads it; `masks` hides fields of an answer; a look at a `personal` one is audited."""

    one: str
    table: Table[T]
    body: Any  # a control_room.api.models.ResourceBody[T]: Python has no type of a pydantic class with a protocol
    personal: bool = False
    narrowed: Callable[..., str] = everything
    beside: tuple[tuple[str, Any], ...] = ()  # fields of an answer that are no columns, with their types
    masks: tuple[tuple[str, Callable[[str], str]], ...] = ()

    @property
    def path(self) -> str:
        return self.table.kind

    def answer(self, row: Row[T], *, made: bool = False) -> Answer:
        """The body's fields, and `id`, `district_id`, `version`; the webhook secret when the row was just made.

        An id that is a credential is told whole when it was just made, and afterwards its front and the row's `handle`.
        """
        fields: Answer = self.body.of(row.value).model_dump(mode="json", by_alias=True)
        for name, mask in self.masks:
            fields[name] = None if fields[name] is None else mask(str(fields[name]))
        whole: str = row.value.id  # type: ignore[attr-defined]  # every registry type has an id and a district
        front: Answer = {"id": whole if made or not self.table.secret_id else front_of(whole)}
        front |= {"handle": handle_of(whole)} if self.table.secret_id else {}
        front |= {"district_id": row.value.district, "version": row.version}  # type: ignore[attr-defined]
        return front | fields | ({"webhook_secret": row.secret} if row.secret else {})

    def name(self, row: Row[T]) -> str:
        """By what a path names the row."""
        whole: str = row.value.id  # type: ignore[attr-defined]
        return handle_of(whole) if self.table.secret_id else whole

    def patched(self, value: T, patch: dict[str, JsonValue]) -> T:
        """RFC 7396 over the fields of the body: what the patch names is replaced, and the whole is checked anew.

        Raises:
            pydantic.ValidationError: a field is wrong.
        """
        fields = self.body.of(value).model_dump(mode="json", by_alias=True) | patch
        changed: T = self.body.model_validate(fields).value()
        return changed

    def patch_schema(self) -> dict[str, Any]:
        """What the documentation shows as the body of a change: any of the fields (RFC 7396)."""
        schema: dict[str, Any] = self.body.model_json_schema(ref_template="#/components/schemas/{model}")
        return {name: part for name, part in schema.items() if name not in {"$defs", "required"}}

    def answer_model(self) -> type[BaseModel]:
        """What the documentation shows as the answer."""
        more: dict[str, Any] = {"id": (str, ...), "district_id": (str, ...), "version": (int, ...)}
        more |= {"handle": (str, ...)} if self.table.secret_id else {}
        more |= {name: (kind, ...) for name, kind in self.beside}
        if self.table.signs:
            more["webhook_secret"] = (str | None, None)
        return create_model(self.one.title().replace(" ", ""), __base__=self.body, **more)


REACH = (("reachable", bool), ("reached_at", datetime | None))
RESOURCES: tuple[Resource[Any], ...] = (
    Resource("guardian", GUARDIANS, GuardianBody, personal=True, masks=(("webhook_url", masked_webhook),)),
    Resource("agency", AGENCIES, AgencyBody, masks=(("webhook_url", masked_webhook),)),
    Resource("person", PEOPLE, PersonBody, personal=True, narrowed=of_people, beside=REACH),
    Resource("device", DEVICES, DeviceBody, masks=(("encryption_key", masked),)),
    Resource("reader", READERS, ReaderBody),
    Resource("reporter", REPORTERS, ReporterBody),
    Resource("safe zone", SAFE_ZONES, SafeZoneBody, personal=True),
    Resource("camera", CAMERAS, CameraBody, masks=(("url", masked_url),)),
    Resource("sensor", SENSORS, SensorBody),
)
