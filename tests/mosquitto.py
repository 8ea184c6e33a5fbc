"""Debian's Mosquitto for the tests of durability: persistent, with a password, on a free port of loopback."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from haechi.embedded.addresses import HOST, free_port

SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"


class Mosquitto:
    """One broker over one folder."""

    def __init__(self, folder: Path, *, users: Sequence[str] = ("haechi",), acl: str = "", more: str = "") -> None:
        """Nothing runs yet. Every user's password is "durable"; `acl` is an access list (none: everybody may do
        everything), `more` are further lines of the configuration."""
        self.port = free_port(set())
        self.url = f"mqtt://haechi:durable@{HOST}:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        (folder / "passwords").touch(mode=0o600)
        for user in users:
            subprocess.run(
                [str(shutil.which("mosquitto_passwd")), "-b", str(folder / "passwords"), user, "durable"],
                check=True,
                capture_output=True,
            )
        if acl:
            (folder / "acl").write_text(acl)
            (folder / "acl").chmod(0o600)
            more += f"acl_file {folder}/acl\n"
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} {HOST}\nallow_anonymous false\npassword_file {folder}/passwords\n"
            f"persistence true\npersistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\n"
            + more
            + ("user root\n" if os.geteuid() == 0 else "")
        )

    @staticmethod
    def installed() -> bool:
        """Whether the broker and its password tool are there."""
        return bool(shutil.which("mosquitto", path=SBIN) and shutil.which("mosquitto_passwd"))

    def start(self) -> None:
        """Run it until it accepts connections."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(shutil.which("mosquitto", path=SBIN)), "-c", str(self._folder / "mosquitto.conf")],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((HOST, self.port), timeout=1).close()
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((self._folder / "log").read_text()) from None
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """End it politely; it saves its queues."""
        self._end("terminate")

    def kill(self) -> None:
        """kill -9; safe to call twice."""
        self._end("kill")

    def _end(self, how: str) -> None:
        if self._process is not None:
            getattr(self._process, how)()
            self._process.wait(20)
            self._process = None
