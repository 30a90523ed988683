"""What processes say of themselves (environment, arguments), asked of root's inline and of mail_owner's in a child.

Reading the memory of a process may hang for as long as its owner likes, who can keep its map locked; kernels before
4.18 also read pages of a FUSE file there (CVE-2018-1120). So a child asks, with little time for it; a process about
which it does not answer has said nothing.
"""

import os
import time

from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.procfs import process_environment, process_words
from postfix_ha.system.child import told_by_child
from postfix_ha.system.identity import STARTERS, Identity, id_of

# Where the postfix command is the one whose default configuration directory is DEFAULT_CONFIG_DIR.
SYSTEM_DIRECTORIES = ("/usr/sbin", "/sbin")
ASK_S = 1.0
REAP_S = 0.1
# One that hangs keeps the child from the others: another child asks about them, a few times in all.
HUNG_MAX = 3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# Said about itself: the configuration is ours, or another one; it stands in our queue; it serves a person (smtpd -S).
OURS, OTHER, IN_QUEUE, OF_A_PERSON = "c", "o", "q", "s"


def ask(identity: Identity, places: "Iterable[int | str]") -> "dict[str, str]":
    """Process (its place under /proc, as text) -> what it says of itself, for all that answer in time."""
    said: "dict[str, str]" = {}
    left = [str(place) for place in places if str(place) not in identity.silent]
    while left and identity.hung < HUNG_MAX:
        told = _told(identity, left)
        lines = [line.split(" ") for line in told.decode("ascii", "replace").splitlines()]
        said.update({line[0]: line[1] for line in lines if len(line) == 2})
        left = [place for place in left if place not in said]
        if left:  # the first about which nothing came is the one that hangs
            identity.hung += 1
            identity.silent.add(left.pop(0))
    return said


def _told(identity: Identity, places: "list[str]") -> bytes:
    def say_all(writing: int) -> None:
        for place in places:
            os.write(writing, f"{place} {say(identity, place)}\n".encode("ascii"))

    return told_by_child(say_all, time.monotonic() + ASK_S, reap_s=REAP_S)


def say(identity: Identity, place: "int | str") -> str:
    """What one process says of itself; may hang."""
    named = identity.names_config(process_environment(place), look=True)
    answer = "" if named is None else OURS if named else OTHER
    if identity.queue_id and id_of(f"/proc/{place}/cwd") == identity.queue_id:
        answer += IN_QUEUE
    return answer + (OF_A_PERSON if serves_a_person(place) else "")


def serves_a_person(place: "int | str") -> bool:
    """Whether it is the server that ``sendmail -bs`` becomes (sendmail.c: smtpd -S), which serves its caller alone."""
    return "-S" in process_words(place)[1:]


def is_start(identity: Identity, place: "int | str", program: str) -> bool:
    """Whether a process of root's is the postfix command on its way to start this instance, or the script after it."""
    words = process_words(place)
    if os.path.basename(program) != STARTERS[0]:
        return is_script(identity, place)
    if not words or not words[-1].startswith("start"):
        return False
    options = dict(zip(words, words[1:]))
    named = options.get("-c") or process_environment(place).get("MAIL_CONFIG", "")
    if not named and os.path.dirname(program) in SYSTEM_DIRECTORIES:
        named = DEFAULT_CONFIG_DIR
    return os.path.normpath(named) in identity.config_dirs


def is_script(identity: Identity, place: "int | str") -> bool:
    """Whether a process of root's is a script of the daemon directory that works on this instance."""
    words = process_words(place)
    return any(identity.is_daemon(word) for word in words[:2]) and bool(
        identity.names_config(process_environment(place))
    )


def is_starting(place: "int | str") -> bool:
    """Whether the last word of a postfix command or its script is that of a start."""
    return (process_words(place) or [""])[-1].startswith("start")
