"""Does a service listen on each socket that Postfix connects to on this node, and does the cluster manage it?"""

import os
import socket
import stat
import time

from postfix_ha.checks.services.named import (
    LOOK_UP,
    MILTER,
    POLICY,
    SASL,
    TRANSPORT,
    NamedService,
    own_services_missing,
    services_named,
)
from postfix_ha.sharing.unix_sockets import Bound, bound_sockets, device_of
from postfix_ha.sockets import listening_sockets, parse_kernel_address
from postfix_ha.system.child import known_by_child
from postfix_ha.system.mounts import Mounts
from postfix_ha.verdict import Finding
from postfix_ha.whole_number import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.checks.node_facts import Survey

# Programs that usually serve each kind: a resource of the cluster is taken for the service by such a word in its name,
# or by one of the socket's.
USUAL = {
    SASL: ("dovecot", "saslauthd"),
    MILTER: ("milter", "dkim", "dmarc", "rspamd", "clamav", "amavis", "spamass"),
    POLICY: ("policy", "postgrey", "spf", "postfwd"),
    TRANSPORT: ("dovecot", "lmtp", "amavis", "cyrus", "clamsmtp", "dspam"),
    LOOK_UP: ("postsrsd", "srs", "sts"),
}
# What becomes of mail without the service.
HARM = {
    SASL: "smtpd ends before it greets",
    MILTER: "mail is deferred",
    POLICY: "mail is deferred",
    TRANSPORT: "mail is not delivered",
    LOOK_UP: "mail is deferred",
}
LOOK_S = 5.0
NAME_MIN = 3


def check_services(survey: "Survey", resources: "dict[str, str] | None") -> "list[Finding]":
    """service_served, own_service_there; ``resources`` are the cluster's (id -> agent), None where not known."""
    found = []
    for name, parameter in own_services_missing(survey):
        file, line = survey.locate(parameter)
        row = f"{name} unix - - n - 0 {name}"
        values = {"name": name, "parameter": parameter, "config_dir": survey.config_dir, "row": row}
        found.append(Finding("own_service_there", file=file, line=line, entry=f"{name}/unix={row}", **values))
    facts = service_facts(survey)
    found += [finding_of(each, resources, survey.node) for each in facts if each["served"] is False]
    return found


def service_facts(survey: "Survey") -> "list[dict[str, object]]":
    """What is known of each named service, looked at by a child; nothing where that does not come to an end."""
    told = known_by_child(lambda: list(map(_fact, served_of(survey))), min(survey.deadline, time.monotonic() + LOOK_S))
    return told if isinstance(told, list) else []


def _fact(pair: "tuple[NamedService, bool | None]") -> "dict[str, object]":
    service, is_served = pair
    where = {"parameter": service.parameter, "file": service.file, "line": service.line}
    jail = " in the chroot jail" if service.is_jailed and service.path.startswith("/") else ""
    kind = {"kind": service.kind, "socket": service.socket + jail, "is_optional": service.is_optional}
    return {**kind, **where, "served": is_served}


def served_of(survey: "Survey") -> "list[tuple[NamedService, bool | None]]":
    """(service, whether somebody listens there) of each; None where it comes with the queue, which is not here.

    It looks at files of others: for a child.
    """
    has_queue = os.path.isdir(survey.instance.queue_directory)
    bound = bound_sockets()
    served = None if bound is None else [each for each in bound if each.is_served]
    found: "list[tuple[NamedService, bool | None]]" = []
    for service in services_named(survey):
        if not service.path:
            found.append((service, _listens(service)))
            continue
        place = service.place(survey.instance.queue_directory)
        if not has_queue and (place + "/").startswith(survey.instance.queue_directory + "/"):
            found.append((service, None))
            continue
        found.append((service, _is_bound(place, survey.mounts, served)))
    return found


def _is_bound(path: str, mounts: Mounts, served: "list[Bound] | None") -> bool:
    """Whether a socket is there that somebody has open; one that was left behind takes no connection.

    ``served`` is None where the kernel does not tell. It gives the number of the file system, as its table of mounts
    does; stat(2) may give another (btrfs, overlay).
    """
    try:
        about = os.stat(path)
    except OSError:
        return False
    if not stat.S_ISSOCK(about.st_mode) or served is None:
        return stat.S_ISSOCK(about.st_mode)
    real = os.path.realpath(path)
    place = (device_of(mounts.mount_of(real).number), about.st_ino & 0xFFFFFFFF)
    return any((each.device, each.file_inode) == place or each.name in (path, real) for each in served)


def _listens(service: NamedService) -> bool:
    """Whether somebody on this node listens on the port."""
    port = _port_number(service.port)
    wanted = service.host.lower()
    for is_ipv6 in (False, True):
        for name in listening_sockets(os.getpid(), is_ipv6):
            address, number = parse_kernel_address(name)
            if number == port and (address in ("0.0.0.0", "::", wanted) or wanted.startswith(("local", "ip6-local"))):
                return True
    return False


def _port_number(port: str) -> int:
    number = whole_number(port)
    if number is not None:
        return number
    try:
        return socket.getservbyname(port, "tcp")
    except (OSError, ValueError):
        return 0


def resource_for(kind: str, spelled: str, resources: "dict[str, str]") -> str:
    """The resource of the cluster that seems to be the service's, "" for none: by its id or its agent's name."""
    words = [word for word in spelled.replace(".", "/").replace("_", "/").lower().split("/") if len(word) > NAME_MIN]
    hints = (*USUAL[kind], *(word for word in words if word not in ("private", "public", "sock", "socket", "unix:")))
    for name, agent in resources.items():
        text = f"{name} {agent.rpartition(':')[2]}".lower()
        if any(hint in text for hint in hints):
            return name
    return ""


def finding_of(values: "dict[str, object]", resources: "dict[str, str] | None", node: str) -> Finding:
    """service_served for a service's facts (kind, socket, parameter, is_optional) and a node on which nobody has it."""
    kind, spelled = str(values["kind"]), str(values["socket"])
    resource = resource_for(kind, spelled, resources) if resources is not None else ""
    managed = f"resource {resource} of the cluster seems to be it" if resource else "no resource of the cluster is it"
    managed = "the cluster's configuration cannot be read here" if resources is None else managed
    severity = "note" if resource else "warning" if values["is_optional"] else "error"
    harm = "mail is taken without it" if values["is_optional"] else HARM[kind]
    more = {name: values[name] for name in ("file", "line") if name in values}
    shown = {"kind": kind, "socket": spelled, "parameter": values["parameter"], "harm": harm, "managed": managed}
    return Finding("service_served", severity=severity, node=node, **shown, **more)
