"""Configurations of a cluster as text: near enough to real ones to be understood, odd enough to be misread.

Written against ``random.Random``, as tests/property/config_generator is: a document is some hundred choices, and each
that hypothesis draws by itself costs a tenth of a millisecond.
"""

from random import Random
from typing import Optional
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

from tests.property.fuzz.texts import some

IDS = ("mail", "mail2", "queue-fs", "mail-ip", "group", "clone", "bundle", "fence", "t1", "op1", "n1", "n2")
NODES = ("n1", "n2", "n3")
SCORES = ("INFINITY", "-INFINITY", "100", "0", "INFINITY", "-INFINITY")
AGENTS = (
    ("ocf", "mail", "postfix_ha"), ("ocf", "heartbeat", "postfix"), ("ocf", "heartbeat", "IPaddr2"),
    ("ocf", "heartbeat", "Filesystem"), ("systemd", "", "postfix@x"), ("stonith", "", "fence_ipmilan"), ("", "", ""),
)  # fmt: skip
PAIR_NAMES = (
    "ip", "directory", "device", "fstype", "config_dir", "binary", "target-role", "resource-stickiness", "ipv6addr",
    "is-managed", "postfix-ha-unfinished", "parameters", "cidr_netmask", "maintenance",
)  # fmt: skip
PAIR_VALUES = (
    "198.51.100.100", "/mnt/queue", "/dev/x", "ext4", "Stopped", "true", "INFINITY", "2001:db8::1", "create", "mail",
    "delete --leave-running", "migrate --to ocf:mail:postfix_ha", "switchover n1",
)  # fmt: skip
TRUTH = ("true", "false")


def allowed(text: str) -> str:
    """The text without what XML 1.0 cannot hold; that is tried by changing bytes."""
    return "".join(
        letter if letter in "\t\n\r" or " " <= letter <= "\ud7ff" or "\ue000" <= letter <= "\ufffd" else "?"
        for letter in text.replace("\ufffe", "?")
    )


def element(tag: str, attributes: "dict[str, Optional[str]]", *inside: str) -> str:
    """An element as text; attributes that are None are left out."""
    words = "".join(f" {name}={quoteattr(allowed(value))}" for name, value in attributes.items() if value is not None)
    return f"<{tag}{words}>{''.join(inside)}</{tag}>"


def a(random: Random, *usual: str) -> "Optional[str]":
    """Mostly one of these; nothing at all at times."""
    return some(random, usual, 8)


def attribute_sets(random: Random) -> str:
    """Sets of nvpairs, at times with a rule or a score."""
    sets = []
    for _ in range(random.randrange(3)):
        tag = random.choice(("instance_attributes", "meta_attributes", "meta_attributes", "utilization"))
        names = [(a(random, *PAIR_NAMES), a(random, *PAIR_VALUES)) for _ in range(random.randrange(4))]
        inside = [element("nvpair", {"id": a(random, *IDS), "name": name, "value": value}) for name, value in names]
        odd = ("", "", "", "<rule/>", "<nvpair/>", "<!-- c -->", "<nvpair id-ref='x'/>")
        score = random.choice((None, None, a(random, *SCORES)))
        sets.append(element(tag, {"id": a(random, *IDS), "score": score}, *inside, random.choice(odd)))
    return "".join(sets)


def primitive(random: Random) -> str:
    """A primitive, mostly one of a mail service."""
    class_, provider, type_ = random.choice(AGENTS[: random.choice((2, 4, 7))])
    identity = {"class": class_ or None, "provider": provider or None, "type": type_ or None}
    identity["template"] = random.choice((None, None, None, "t1", "mail"))
    if random.randrange(10) == 0:
        identity["type"] = a(random)
    timing = {"name": a(random, "monitor", "start"), "interval": a(random, "10s", "0")}
    operation = element("op", {"id": a(random, *IDS), **timing})
    operations = random.choice(("", "<operations/>", f"<operations>{operation * 2}</operations>"))
    tag = "template" if random.randrange(12) == 0 else "primitive"
    return element(tag, {"id": a(random, *IDS), **identity}, attribute_sets(random), operations)


def resource(random: Random, depth: int = 0) -> str:
    """A primitive, or what holds some."""
    if depth > 2 or random.randrange(3):
        return primitive(random)
    tag = random.choice(("group", "group", "clone", "master", "bundle"))
    members = [resource(random, depth + 1) for _ in range(random.randrange(4))]
    return element(tag, {"id": a(random, *IDS)}, attribute_sets(random), *members)


def resource_sets(random: Random) -> str:
    """Sets of references, as constraints have them."""
    sets = []
    for _ in range(random.choice((0, 0, 0, 1, 2, 3))):
        names = [element("resource_ref", {"id": a(random, *IDS)}) for _ in range(random.randrange(5))]
        attributes = {"id": "set", "sequential": a(random, "true", "false"), "score": a(random, *SCORES)}
        sets.append(element("resource_set", attributes, *names))
    return "".join(sets)


def constraint(random: Random) -> str:
    """A constraint of any form."""
    tag = random.choice(("rsc_colocation", "rsc_order", "rsc_location", "rsc_ticket", "x"))
    attributes = {"id": a(random, "c1", "cli-prefer-mail", "cli-ban-mail-on-n1", *IDS), "score": a(random, *SCORES)}
    for each in {"rsc_colocation": ("rsc", "with-rsc"), "rsc_order": ("first", "then")}.get(tag, ("rsc",)):
        attributes[each] = a(random, *IDS)
    if tag == "rsc_location":
        attributes["node"] = a(random, *NODES)
    if tag == "rsc_order":
        attributes["kind"] = a(random, "Mandatory", "Optional")
    rule = '<rule id="r" score="INFINITY"><expression id="e" attribute="#uname" operation="eq" value="n1"/></rule>'
    return element(tag, attributes, random.choice(("", "", rule, "<date_expression/>")), resource_sets(random))


def cib_text(random: Random) -> str:
    """A whole configuration; ``validate-with`` is none, so that Pacemaker's programs do not sort it out for us."""
    nodes = [
        element("node", {"id": a(random, "1", "2", "x"), "uname": a(random, *NODES), "type": kind})
        for kind in random.choices((None, None, "member", "remote", "ping"), k=random.randrange(5))
    ]
    properties = [element("nvpair", {"id": "p", "name": a(random, *PAIR_NAMES), "value": a(random, *PAIR_VALUES)})]
    sections = [
        element("crm_config", {}, element("cluster_property_set", {"id": "o"}, *properties)),
        element("nodes", {}, *nodes),
        element("resources", {}, *(resource(random) for _ in range(random.randrange(6)))),
        element("constraints", {}, *(constraint(random) for _ in range(random.randrange(7)))),
        random.choice(("", "<rsc_defaults/>", "<rsc_defaults><meta_attributes id='d'/></rsc_defaults>")),
    ]
    if random.randrange(10) == 0:
        del sections[random.randrange(5)]
    state = element("node_state", {"id": "1", "uname": a(random, *NODES), "in_ccm": "true", "crmd": "online"})
    version = {name: a(random, "0", "5", "7", "8") for name in ("epoch", "admin_epoch", "num_updates")}
    head = {"validate-with": "none", "crm_feature_set": "3.16.2", **version}
    return random.choice(PREFIXES) + element(
        "cib", head, element("configuration", {}, *sections), element("status", {}, state)
    )


LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
PREFIXES = (
    *("",) * 30,
    '<?xml version="1.0"?>\n',
    '<?xml version="1.0" encoding="UTF-16"?>\n',
    '<?xml version="1.0" encoding="nonsense"?>\n',
    "<!-- c -->",
    f'<!DOCTYPE cib [<!ENTITY l0 "ha">{LAUGHS}]>',
    '<!DOCTYPE cib [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
    '<!DOCTYPE cib SYSTEM "http://192.0.2.1/x.dtd">',
    '<!DOCTYPE cib [<!ENTITY % p SYSTEM "file:///dev/zero"> %p;]>',
)
INSIDE = (
    b"&l11;",
    b"&x;",
    b"&#27;",
    b"&#0;",
    b"&nosuch;",
    b"<a>" * 300,
    b"<a>" * 100_000,
    b"<!--",
    b"<?x y?>",
    b"\x85",
)


def document(seed: int) -> bytes:
    """The bytes of a configuration, at times with what XML knows besides elements."""
    random = Random(seed)
    data = cib_text(random).encode("utf-8")
    if random.randrange(10) == 0:
        at = random.choice([at for at in range(len(data)) if data[at : at + 1] in b'<"'][:400])
        at += data[at] == 0x22  # inside of the quotes
        data = data[:at] + random.choice(INSIDE) + data[at:]
    return data


def status(seed: int) -> str:
    """What crm_mon might say of such a cluster."""
    random = Random(seed)
    nodes = [
        element(
            "node",
            {"name": a(random, *NODES), **{word: a(random, *TRUTH) for word in ("online", "unclean", "standby")}},
        )
        for _ in range(random.randrange(4))
    ]
    resources = [
        element(
            "resource",
            {
                "id": a(random, "mail", "mail:0", "queue-fs"),
                "role": a(random, "Started", "Stopped"),
                **{word: a(random, *TRUTH) for word in ("active", "managed", "failed")},
            },
            element("node", {"name": a(random, *NODES)}),
        )
        for _ in range(random.randrange(4))
    ]
    keys = ("mail_start_0", "mail_", "mail_x", "queue-fs_monitor_10000")
    told = {"exitreason": a(random, "it hangs"), "exitstatus": a(random, "error")}
    failure = element("failure", {"op_key": a(random, *keys), "node": a(random, *NODES), **told})
    start = element("operation_history", {"task": "start", "rc": "0", "last-rc-change": a(random, "Sun Nov 29")})
    history = {"id": a(random, "mail", "mail:0"), "fail-count": a(random, *SCORES)}
    past = element("node", {"name": a(random, *NODES)}, element("resource_history", history, start))
    summary = random.choice(("", '<summary><current_dc with_quorum="false"/></summary>'))
    parts = (element("nodes", {}, *nodes), element("resources", {}, *resources), element("failures", {}, failure * 2))
    return element("pacemaker-result", {}, summary, *parts, element("node_history", {}, past))


SEED = st.integers(0, 1 << 40)
DOCUMENTS = SEED.map(document)
STATUSES = SEED.map(status)


def latin(data: bytes) -> str:
    """Bytes as JSON can hold them."""
    return data.decode("latin-1")
