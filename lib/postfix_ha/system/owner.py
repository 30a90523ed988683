"""Act as another user for a moment: with that user's rights alone, whatever path he has laid out for us."""

import contextlib
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


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
