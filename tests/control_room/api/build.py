"""Rows of the registry as bodies, and what a refusal looks like."""

from typing import Any

import httpx

GUARDIAN = {
    "name": "Kim Minji",
    "phone": "+82 10 1234 5678",
    "webhook_url": "https://phone.example/k",
    "language": "ko",
}
AGENCY = {"name": "Haneul police", "role": "police", "webhook_url": "https://police.example/in"}
PERSON = {
    "name": "Jihoon", "born": "2010-03-01", "kind": "child", "guardian_ids": [],
    "consent": {"given_by": "Kim Minji", "given_at": "2026-01-01T00:00:00Z", "scopes": ["position", "sos"], "expires_at": None},
}  # fmt: skip
SQUARE = [[126.98, 37.57], [126.99, 37.57], [126.99, 37.58], [126.98, 37.58], [126.98, 37.57]]
WINDOW = {"tz": "Asia/Seoul", "days": ["mon", "fri"], "from": "08:00:00", "to": "15:30:00"}
ZONE = {
    "name": "School",
    "district": True,
    "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
    "schedule": [WINDOW],
}
OURS = {name: value for name, value in ZONE.items() if name != "district"}
LINE = {"type": "LineString", "coordinates": [[126.98, 37.57], [126.99, 37.58]]}
CAMERA = {
    "name": "Yard", "url": "rtsp://user:hunter2@10.0.0.5:554/live?token=abc", "location": [126.98, 37.57],
    "zones": [{"name": "yard", "kind": "forbidden", "polygon": [[0, 0], [1, 0], [1, 1]], "schedule": []}],
}  # fmt: skip
SENSOR = {"name": "Gas 1", "observed_property": "gas", "unit": "%[LEL]", "location": [126.98, 37.57]}
READER = {"name": "School gate", "kind": "gate", "location": [126.98, 37.57], "radius_m": 8.0}
SIMPLE = {
    "guardians": GUARDIAN,
    "agencies": AGENCY,
    "people": PERSON,
    "safe-zones": ZONE,
    "cameras": CAMERA,
    "sensors": SENSOR,
    "readers": READER,
    "reporters": {"name": "Traccar of the district"},
}


def problem_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["title"]
    return problem
