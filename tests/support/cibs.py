"""CIBs for tests: a bare three-node cluster, and hierarchies as different people make them."""

from lxml import etree

from postfix_ha.cluster.create.local_node import Here, Mount
from postfix_ha.cluster.create.plan import Wish
from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import Cib, parse
from postfix_ha.config.own_addresses import NAME, Claim
from postfix_ha.endpoint import Endpoint
from postfix_ha.instance import Instance

NODES = ("n1", "n2", "n3")
ADDRESS = "198.51.100.100"
FENCING = '<primitive id="fence" class="stonith" type="fence_ipmilan"/>'


def primitive(name, agent, meta="", **parameters):
    """A primitive as XML text."""
    words = agent.split(":")
    identity = dict(zip(("class", "provider", "type") if len(words) == 3 else ("class", "type"), words))
    attributes = " ".join(f'{key}="{value}"' for key, value in identity.items())
    pairs = "".join(f'<nvpair id="{name}-{key}" name="{key}" value="{value}"/>' for key, value in parameters.items())
    instance = f'<instance_attributes id="{name}-ia">{pairs}</instance_attributes>' if pairs else ""
    return f'<primitive id="{name}" {attributes}>{instance}{meta}</primitive>'


def stickiness(name, value):
    """Meta attributes with a resource-stickiness."""
    pair = f'<nvpair id="{name}-stickiness" name="resource-stickiness" value="{value}"/>'
    return f'<meta_attributes id="{name}-ma">{pair}</meta_attributes>'


def mail(name="mail", agent="ocf:mail:postfix_ha", **parameters):
    """A Postfix."""
    return primitive(name, agent, **parameters)


def file_system(name="queue-fs", directory="/mnt/queue", fstype="ext4", meta=""):
    """A file system."""
    return primitive(name, "ocf:heartbeat:Filesystem", meta, device="/dev/x", directory=directory, fstype=fstype)


def address(name="mail-ip", ip=ADDRESS, agent="ocf:heartbeat:IPaddr2", meta=""):
    """An address."""
    return primitive(name, agent, meta, ip=ip)


def cib_text(resources="", constraints="", properties="", defaults="", nodes=NODES):
    """A whole CIB with these resources and constraints."""
    listed = "".join(f'<node id="{number}" uname="{name}"/>' for number, name in enumerate(nodes, 1))
    states = "".join(
        f'<node_state id="{number}" uname="{name}" in_ccm="true" crmd="online" join="member" expected="member"/>'
        for number, name in enumerate(nodes, 1)
    )
    return (
        '<cib crm_feature_set="3.13.0" validate-with="pacemaker-3.7" epoch="5" num_updates="7" admin_epoch="0" '
        'have-quorum="1" dc-uuid="1"><configuration><crm_config><cluster_property_set id="options">'
        f'<nvpair id="options-quorum" name="no-quorum-policy" value="stop"/>{properties}</cluster_property_set>'
        f"</crm_config><nodes>{listed}</nodes><resources>{FENCING}{resources}</resources>"
        f"<constraints>{constraints}</constraints>{defaults}</configuration><status>{states}</status></cib>"
    )


def cib(*arguments, **keywords) -> Cib:
    """The same, parsed."""
    return parse(cib_text(*arguments, **keywords).encode())


def node(
    queue="/mnt/queue/postfix",
    addresses=(ADDRESS, "127.0.0.1"),
    inet_interfaces=f"{ADDRESS}, localhost",
    mounts=(),
    words=None,
) -> Here:
    """The facts of a node with a Postfix whose queue is on a file system of its own."""
    instance = Instance(
        config_dir="/etc/postfix",
        queue_directory=queue,
        daemon_directory="/usr/lib/postfix/sbin",
        endpoints=[Endpoint(each, 25) for each in addresses],
        settings={"inet_interfaces": inet_interfaces, "mail_spool_directory": "/var/mail"},
    )
    known = {ADDRESS: [ADDRESS], "localhost": ["127.0.0.1"]}
    own = {"203.0.113.11": "n1", "203.0.113.12": "n2"}
    return Here(
        "n1",
        instance,
        [Mount("/", "/dev/root", "ext4"), Mount("/mnt/queue", "/dev/sdb1", "ext4"), *mounts],
        [("eth0", "198.51.100.11/24"), ("ring0", "203.0.113.11/24")],
        {**known, **(words or {})},
        claims={each: Claim(name, NAME, is_certain=True) for each, name in own.items()},
    )


def by_tag(document: Cib, tag: str):
    """The constraints with this tag, as dictionaries without their ids."""
    return [
        {key: value for key, value in element.attrib.items() if key != "id"}
        for element in document.constraints()
        if element.tag == tag
    ]


def text(document: Cib) -> bytes:
    """The document in one canonical form."""
    return etree.tostring(document.root, method="c14n")


def wish(**values):
    made = Wish()
    for name, value in values.items():
        setattr(made, name, value)
    return made


def starts(document):
    """(later, earlier) of the starts in the scheduler's plan, with what is between them left out."""
    with Scratch() as scratch:
        graph = scratch.empty("graph.xml")
        done = Cluster().call(
            "crm_simulate", "--xml-file", scratch.write("cib.xml", document), "--run", "--save-graph", graph
        )
        assert done.returncode == 0, done.stderr
        root = etree.parse(graph).getroot()
    needs = {}
    for synapse in root.iter("synapse"):
        (action,) = synapse.find("action_set")
        needs[action.get("id")] = {each.get("id") for each in synapse.iterfind("inputs/trigger/*")}
    starts_of = {
        each.get("id"): each.find("primitive").get("id")
        for each in root.iterfind("synapse/action_set/rsc_op")
        if each.get("operation") == "start"
    }
    found = set()
    for action, name in starts_of.items():
        seen, waiting = set(), [action]
        while waiting:
            for needed in needs.get(waiting.pop(), ()):
                if needed not in seen:
                    seen.add(needed)
                    waiting.append(needed)
        found.update((name, starts_of[each]) for each in seen if each in starts_of)
    return found
