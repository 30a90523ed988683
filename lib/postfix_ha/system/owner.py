"""Act as another user for a moment: with that user's rights alone, whatever path he has laid out for us."""

import contextlib
import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Any uid without rights, where the mail owner's is not known.
NOBODY = 65534


@contextlib.contextmanager
def acting_as(user: str) -> "Iterator[None]":
    """Root's effective user, group and further groups are this user's; KeyError where there is no such user.

    The real and the saved user stay root's: the user cannot signal or trace us meanwhile.
    """
    import pwd

    found = pwd.getpwnam(user)
    groups, gid = os.getgroups(), os.getegid()
    os.setgroups([found.pw_gid])
    try:
        os.setegid(found.pw_gid)
        os.seteuid(found.pw_uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(gid)
    finally:
        os.setgroups(groups)


def near(pids: "list[int]", uids: "Iterable[int]") -> "list[int]":
    """Those of the processes whose real or saved uid is root's or one of these, and some that it cannot tell.

    Asked by kill(2) with signal 0, which sends nothing: its sender's real uid is root's and its effective one is the
    other, so it may signal exactly these. That costs a fourth of any look below /proc, and users' processes are many.
    """
    wanted = [uid for uid in dict.fromkeys(uids) if uid > 0] or [NOBODY]
    if os.getuid() != 0 or os.geteuid() != 0:
        return pids
    found: "set[int]" = set()
    for uid in wanted:
        try:
            os.seteuid(uid)
        except OSError:  # not a uid of our user name space
            return pids
        try:
            found.update(_may_signal(pids))
        finally:
            os.seteuid(0)
    return [pid for pid in pids if pid in found]


def _may_signal(pids: "list[int]") -> "list[int]":
    """The processes that the kernel lets us signal by the uids that we have now."""
    found = []
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        except OSError as error:
            if error.errno == errno.EPERM:
                continue  # with EACCES the uids would do, and a security module objects
        found.append(pid)
    return found
