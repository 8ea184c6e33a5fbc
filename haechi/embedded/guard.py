"""A shim in front of each server: binds its life to its parent's, gives up root where asked, and becomes the server.

`python -I -S guard.py PARENT_PID UID:GID|- COMMAND...`. Linux kills the server when the *thread* that started it
ends (prctl(2), PR_SET_PDEATHSIG), so servers are started from a thread that lives as long as they should.
A change of user clears the setting; hence the order here.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: execs the command, or ends with 127 and the reason on stderr."""
    parent, user, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if user != "-":
        uid, gid = (int(number) for number in user.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):  # it died before the line above
        sys.exit("the parent is gone")
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted: this process becomes the server
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - stderr is the server's log
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
