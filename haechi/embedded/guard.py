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
PR_SET_KEEPCAPS = 8
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2


def main(arguments: list[str]) -> None:
    """Never returns: execs the command, or ends with 127 and the reason on stderr."""
    parent, user, *command = arguments
    libc = ctypes.CDLL(None, use_errno=True)
    if user != "-":
        become(libc, *(int(number) for number in user.split(":")))
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != int(parent):  # it died before the line above
        sys.exit("the parent is gone")
    try:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted: this process becomes the server
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - stderr is the server's log
        sys.exit(127)


def become(libc: ctypes.CDLL, uid: int, gid: int) -> None:
    """Change from root to a user who may still *read* everywhere.

    The project may lie below root's own 0700 home, its data folder is 0700 anyway; one capability (capabilities(7),
    ambient) opens the way without changing the rights of folders that aren't ours. Containers often lack the narrower.
    """
    libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)  # keep capabilities now, and heed them in access(2)
    libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)  # the same for now, where the line above is not allowed
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        bit = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; low words, then high
        if libc.capset(header, sets) == 0 and libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0:
            return
    libc.capset((ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


if __name__ == "__main__":
    main(sys.argv[1:])
