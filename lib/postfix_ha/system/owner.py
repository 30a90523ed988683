"""Act as another user for a moment: with that user's rights alone, whatever path he has laid out for us."""

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Any uid without rights, where the mail owner's is not known.
NOBODY = 65534


def acting_as(user: str) -> "_Acting":
    """For a block: root's effective user, group and further groups are this user's; KeyError where there is none.

    The real and the saved user stay root's: the user cannot signal or trace us meanwhile.
    """
    import pwd

    found = pwd.getpwnam(user)
    return _Acting(found.pw_uid, found.pw_gid)


class _Acting:
    """The user's rights from the beginning of the block, root's again at its end or where they cannot be had."""

    __slots__ = ("_gid", "_own_gid", "_own_groups", "_uid")

    def __init__(self, uid: int, gid: int) -> None:
        self._uid = uid
        self._gid = gid
        self._own_groups, self._own_gid = os.getgroups(), os.getegid()

    def __enter__(self) -> None:
        try:
            os.setgroups([self._gid])
            os.setegid(self._gid)
            os.seteuid(self._uid)
        except OSError:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        os.seteuid(0)
        os.setegid(self._own_gid)
        os.setgroups(self._own_groups)


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
