"""`haechi migrate`, `haechi user`, `haechi token`, `haechi key`: what an administrator does at the server itself.

add_commands(app, settings_of)      # settings_of(data folder or None): with the addresses of the embedded servers
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from haechi.clock import utc_now
from haechi.config import Settings
from haechi.domain.access import RIGHTS, Role
from haechi.errors import ConfigError
from haechi.sealing import create_key
from haechi.shown import shown
from haechi.store.audit import Audit
from haechi.store.districts import ensure_district
from haechi.store.postgres import Pool, migrate, open_pool
from haechi.store.users import Users

T = TypeVar("T")
SettingsOf = Callable[[Path | None], Settings]
DataFolder = Annotated[Path | None, typer.Option("--data", help="The folder that holds everything (default .haechi).")]
District = Annotated[str | None, typer.Option(help="District (default: the settings').")]
WHO = "command line"


def add_commands(app: typer.Typer, settings_of: SettingsOf) -> None:
    """Join these commands to the command line."""

    @app.command("migrate")
    def migrate_command(data: DataFolder = None) -> None:
        """Bring tables and topics up to date, and make the district of the settings if it is not there."""
        settings = settings_of(data)
        for name in asyncio.run(prepare(settings)):
            Console().print(f"applied {name}", highlight=False)
        if settings.kafka.url is None:
            Console(stderr=True).print("No Kafka is known (HAECHI_KAFKA__URL): no topics were made.", highlight=False)
            return
        from haechi.streaming import connect
        from haechi.streaming.admin import ensure_house

        for name in asyncio.run(ensure_house(connect(settings.kafka))):
            Console().print(f"made topic {name}", highlight=False)

    app.add_typer(_user_app(settings_of), name="user")
    app.add_typer(_token_app(settings_of), name="token")
    app.add_typer(_key_app(), name="key")


async def write_down(settings: Settings, what: str, subject: str) -> None:
    """A line of the audit for what was done at the server itself. TransientError, ConfigError."""
    if settings.postgres.url is None:
        raise ConfigError("HAECHI_POSTGRES__URL is missing: what is looked at here must be written to the audit.")
    pool = await open_pool(settings.postgres, size=1)
    try:
        await Audit(pool).write(WHO, what, subject, settings.district)
    finally:
        await pool.close()


async def prepare(settings: Settings) -> list[str]:
    """Tables up to date and the district there; the migrations applied now."""
    if settings.postgres.url is None:
        raise ConfigError("No PostgreSQL is known: set HAECHI_POSTGRES__URL, or start the embedded one: `haechi up`.")
    applied = await migrate(settings.postgres.url.get_secret_value())
    async with _pool(settings) as pool:
        await ensure_district(pool, settings.district, settings.district.capitalize())
    return applied


def _user_app(settings_of: SettingsOf) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Who may sign in at the wall.")

    @app.command("add")
    def add(
        name: str,
        role: Annotated[list[str], typer.Option(help=f"Any of {', '.join(RIGHTS)}; may be repeated.")],
        district: District = None,
        password_file: Annotated[Path | None, typer.Option(help="Read the password from here; - is stdin.")] = None,
        data: DataFolder = None,
    ) -> None:
        """Add a user; asks for the password."""
        settings = settings_of(data)
        grants = [(_role(one), district or settings.district) for one in role]
        password = _password(password_file)

        async def work(users: Users, audit: Audit) -> None:
            await users.add_user(name, password, grants)
            for granted, place in grants:
                await audit.write(WHO, f"added as {granted}", f"user:{name}", place)

        _with_users(settings, work)

    @app.command("password")
    def password(
        name: str,
        password_file: Annotated[Path | None, typer.Option(help="Read the password from here; - is stdin.")] = None,
        data: DataFolder = None,
    ) -> None:
        """Give a user a new password; ends the user's sessions."""
        word = _password(password_file)

        async def work(users: Users, audit: Audit) -> None:
            await users.set_password(name, word)
            await audit.write(WHO, "changed password", f"user:{name}", None)

        _with_users(settings_of(data), work)

    @app.command("disable")
    def disable(name: str, data: DataFolder = None) -> None:
        """End a user's sessions and sign-in; what the user did stays in the audit."""

        async def work(users: Users, audit: Audit) -> None:
            await users.disable(name)
            await audit.write(WHO, "disabled", f"user:{name}", None)

        _with_users(settings_of(data), work)

    @app.command("list")
    def list_all(data: DataFolder = None) -> None:
        """All users and what they may do where."""
        table = Table("name", "roles", "disabled", box=None, header_style="bold")
        for user in _with_users(settings_of(data), lambda users, _: users.users()):
            roles = ", ".join(f"{role} of {place}" for role, place in sorted(user.grants))
            table.add_row(
                shown(user.name), roles, user.disabled_at.isoformat(" ", "seconds") if user.disabled_at else ""
            )
        Console().print(table)

    return app


def _token_app(settings_of: SettingsOf) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Bearer tokens for programs that use the API.")

    @app.command("create")
    def create(
        name: str,
        role: Annotated[str, typer.Option(help=f"One of {', '.join(RIGHTS)}.")],
        district: District = None,
        days: Annotated[
            int | None, typer.Option(min=1, help="Ends after so many days; without it, when revoked.")
        ] = None,
        data: DataFolder = None,
    ) -> None:
        """Make a token and print it, this once."""
        settings = settings_of(data)
        granted, place = _role(role), district or settings.district

        async def work(users: Users, audit: Audit) -> str:
            token = await users.add_token(name, granted, place, utc_now() + timedelta(days=days) if days else None)
            await audit.write(WHO, f"created as {granted}", f"token:{name}", place)
            return token

        print(_with_users(settings, work))  # noqa: T201 - a program may read it; no console wraps it

    @app.command("revoke")
    def revoke(token_id: str, data: DataFolder = None) -> None:
        """End a token, by the id that `list` shows."""

        async def work(users: Users, audit: Audit) -> None:
            await users.revoke_token(token_id)
            await audit.write(WHO, "revoked", f"token:{token_id}", None)

        _with_users(settings_of(data), work)

    @app.command("list")
    def list_all(data: DataFolder = None) -> None:
        """All tokens, newest first; never the tokens themselves."""
        table = Table("id", "name", "role", "district", "ends", box=None, header_style="bold")
        for token in _with_users(settings_of(data), lambda users, _: users.tokens()):
            end = (
                "revoked"
                if token.revoked_at
                else token.expires_at.isoformat(" ", "minutes")
                if token.expires_at
                else ""
            )
            table.add_row(token.id, shown(token.name), token.role, token.district, end)
        Console().print(table)

    return app


def _key_app() -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="The key of what is encrypted at rest.")

    @app.callback()
    def callback() -> None:
        """Keeps `create` a command of its own, though it is the only one."""

    @app.command("create")
    def create() -> None:
        """Print a new HAECHI_DATA_KEY. Keep it apart from the data; without it sealed data cannot be opened."""
        print(create_key())  # noqa: T201 - a program may read it

    return app


def _with_users(settings: Settings, work: Callable[[Users, Audit], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _pool(settings) as pool:
            return await work(Users(pool), Audit(pool))

    return asyncio.run(run())


@asynccontextmanager
async def _pool(settings: Settings) -> AsyncIterator[Pool]:
    pool = await open_pool(settings.postgres, size=1)
    try:
        yield pool
    finally:
        await pool.close()


def _role(text: str) -> Role:
    for role in RIGHTS:
        if role == text:
            return role
    raise ConfigError(f"There is no role '{text}'; there are {', '.join(RIGHTS)}.")


def _password(file: Path | None) -> str:
    if file is None:
        word: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return word
    try:
        return (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).rstrip("\r\n")
    except OSError as error:
        raise ConfigError(f"--password-file {file}: {error.strerror}.") from error
