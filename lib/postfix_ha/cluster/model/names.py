"""Ids of what is made: legal in XML, telling, unique, and the same for the same thing."""

import re

ID_LENGTH_MAX = 64
_LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def is_legal(name: str) -> bool:
    """Whether the name can be a resource's id: an XML name without colons, which crmsh and XPath take too."""
    return len(name) <= ID_LENGTH_MAX and _LEGAL.fullmatch(name) is not None


def legal(text: str) -> str:
    """The text as a legal id: what is not legal in it becomes a hyphen."""
    word = re.sub(r"[^A-Za-z0-9_.]+", "-", text).strip("-.")
    if not word:
        return "root"
    if not (word[0].isalpha() or word[0] == "_"):
        word = "_" + word
    return word[:ID_LENGTH_MAX].rstrip("-.")


def default_tag(queue_directory: str) -> str:
    """The id that a hierarchy gets unless told otherwise: postfix-on-<queue directory>."""
    return legal("postfix-on-" + queue_directory.strip("/"))


def address_name(address: str) -> str:
    """The id of an address's resource; the colons of IPv6 become hyphens."""
    return legal("ip-" + address.replace(":", "-"))


def file_system_name(directory: str) -> str:
    """The id of a file system's resource."""
    return legal("fs-" + directory.strip("/"))


def group_name(group: str) -> str:
    """The id of a volume group's resource."""
    return legal("vg-" + group)


def drbd_name(resource: str) -> str:
    """The id of a DRBD resource's primitive; room is left for its clone's."""
    return legal("drbd-" + resource)[: ID_LENGTH_MAX - 8]


def session_name(target: str) -> str:
    """The id of an iSCSI session's resource: by the part of the target's name that its owner has chosen."""
    return legal("iscsi-" + (target.partition(":")[2] or target).replace(":", "-"))


def unique(name: str, taken: "set[str]") -> str:
    """The name, or the name with the first number that makes it unique."""
    if name not in taken:
        return name
    number = 2
    while f"{name[: ID_LENGTH_MAX - 8]}-{number}" in taken:
        number += 1
    return f"{name[: ID_LENGTH_MAX - 8]}-{number}"
