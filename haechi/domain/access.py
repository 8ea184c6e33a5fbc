"""Who may do what: rights are role x district, and the roles are one literal table."""

from typing import Literal

import msgspec

from haechi.domain.incidents import Incident

Role = Literal["operator", "dispatcher", "supervisor", "administrator", "auditor"]
Right = Literal[
    "read registry",
    "write registry",
    "read incidents",
    "handle incidents",
    "read audit",
    "see positions",
    "see positions of open incidents",  # of their subjects, and no longer than they are open
]

_WORKS: frozenset[Right] = frozenset(
    {"read registry", "read incidents", "handle incidents", "see positions of open incidents"}
)
RIGHTS: dict[Role, frozenset[Right]] = {
    "operator": _WORKS,
    "dispatcher": _WORKS | {"see positions"},
    "supervisor": _WORKS | {"see positions", "read audit"},
    "administrator": _WORKS | {"see positions", "write registry", "read audit"},
    "auditor": frozenset({"read incidents", "read audit"}),
}


class Principal(msgspec.Struct, frozen=True):
    """Who acts: a user or the bearer of a token, with its (role, district) grants."""

    name: str
    grants: frozenset[tuple[Role, str]]

    def may(self, right: Right, district: str) -> bool:
        """Whether any of its roles in the district carries the right."""
        return any(place == district and right in RIGHTS[role] for role, place in self.grants)

    def districts(self, right: Right) -> tuple[str, ...]:
        """The districts in which it has the right, by name."""
        return tuple(sorted({place for role, place in self.grants if right in RIGHTS[role]}))

    def role_in(self, district: str) -> str:
        """As what it acts in the district, for people to read: "operator", or several of them."""
        return ", ".join(sorted(role for role, place in self.grants if place == district))


def sees_places(principal: Principal, district: str) -> bool:
    """Whether it may see where the people of open incidents are."""
    return principal.may("see positions of open incidents", district)


def sees_place_of(principal: Principal, incident: Incident) -> bool:
    """Whether it may see where the incident's subject is or was: an operator no longer than the incident is open."""
    here = incident.district
    return principal.may("see positions", here) or (incident.open and sees_places(principal, here))
