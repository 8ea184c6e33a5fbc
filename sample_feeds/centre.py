"""The administration API of the centre, as a city's own tool would call it: JSON over HTTP with a bearer token."""

import asyncio
from typing import Any

import aiohttp

from haechi.errors import HaechiError

_AGAIN = (429, 502, 503)  # and a change that met another one, maybe its own first attempt: it still is what we want
Fields = dict[str, Any]  # JSON of the API: its shapes are the API's, documented at /api/docs


class ApiRefused(HaechiError):  # noqa: N818 - read as "raise ApiRefused(...)", like NotFound
    """The centre answered with an error; the message is its own words."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Centre:
    """`url` is the wall's address. A centre that is still starting is waited for."""

    def __init__(self, url: str, token: str, session: aiohttp.ClientSession, *, patience_s: float = 180) -> None:
        self._url = f"{url}/api/v1"
        self._headers = {"Authorization": f"Bearer {token}"}
        self._session = session
        self._patience_s = patience_s

    async def add(self, kind: str, body: Fields) -> Fields:
        """The new row, with its id, and its webhook secret where it has one."""
        return await self._call("POST", kind, body)

    async def change(self, kind: str, row: str, patch: Fields) -> Fields:
        """The changed row."""
        return await self._call("PATCH", f"{kind}/{row}", patch)

    async def say(self, path: str, body: Fields) -> Fields:
        """What a POST below /api/v1 answers, such as to `people/ID/consents/withdraw`."""
        return await self._call("POST", path, body)

    async def get(self, path: str) -> Fields:
        """What is at a path below /api/v1, such as `cameras/ID`."""
        return await self._call("GET", path)

    async def act(self, incident: str, action: str, body: Fields | None = None) -> Fields:
        """`acknowledge` or `close` an incident."""
        return await self._call("POST", f"incidents/{incident}/{action}", body)

    async def _call(self, method: str, path: str, body: Fields | None = None) -> Fields:
        deadline = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                async with self._session.request(
                    method, f"{self._url}/{path}", json=body, headers=self._headers
                ) as answer:
                    if answer.status < 400:
                        found: Fields = await answer.json() if answer.content_length != 0 else {}
                        return found
                    why = f"{method} {path}: the centre answered {answer.status}: {(await answer.text())[:500]}"
                    if answer.status not in _AGAIN and not (answer.status == 409 and method == "PATCH"):
                        raise ApiRefused(why, answer.status)
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                why = f"{method} {path}: the centre does not answer at {self._url} ({error})"
            if asyncio.get_running_loop().time() > deadline:
                raise ApiRefused(why, 503)
            await asyncio.sleep(0.5)
