"""Facts of nodes as a configuration and its status have them: attributes and tickets."""

from typing import Optional

from postfix_ha.cluster.model.cib import TRUE_WORDS, Cib, Element, pairs

FOREVER, REBOOT = "forever", "reboot"


def node_states(cib: Cib, node: str) -> "list[Element]":
    """What holds the attributes of a node: its entry in the configuration, and in the status."""
    found = [each for each in cib.look("nodes").iter("node") if each.get("uname") == node]
    return found + [each for each in cib.root.iterfind("status/node_state") if each.get("uname") == node]


def attributes_of(cib: Cib, node: str, name: str) -> "dict[str, str]":
    """Lifetime -> value of a node attribute; the one that Pacemaker goes by comes first."""
    found: "dict[str, str]" = {}
    for holder in node_states(cib, node):
        lifetime = REBOOT if holder.tag == "node_state" else FOREVER
        path = "transient_attributes/instance_attributes/nvpair" if lifetime == REBOOT else "instance_attributes/nvpair"
        for pair in holder.iterfind(path):
            if pair.get("name") == name:
                found[lifetime] = pair.get("value", "")
    return found


def tickets(cib: Cib) -> "dict[str, tuple[bool, bool]]":
    """Ticket -> (granted, standby)."""
    found = {}
    for state in cib.root.iterfind("status/tickets/ticket_state"):
        words = [state.get(key, "false").lower() in TRUE_WORDS for key in ("granted", "standby")]
        found[state.get("id", "")] = (words[0], words[1])
    return found


def runner_of(cib: Cib, node: str) -> "Optional[Element]":
    """The primitive that a remote or guest node is there by: its connection, or the virtual machine."""
    if node in cib.members():
        return None
    for primitive in cib.primitives():
        is_remote = cib.agent(primitive) == "ocf:pacemaker:remote" and primitive.get("id") == node
        if is_remote or pairs(primitive, "meta_attributes").get("remote-node") == node:
            return primitive
    return None


def states_of(cib: Cib, status: Element) -> "dict[str, str]":
    """Node -> its state in a word, of all nodes that the configuration or the cluster knows, remote ones too."""
    known = cib.nodes()
    known += [node.get("name", "") for node in status.iterfind("nodes/node") if node.get("name") not in known]
    return {node: _node_state(status, node) for node in known}


def _node_state(status: Element, name: str) -> str:
    for node in status.iterfind("nodes/node"):
        if node.get("name") == name:
            if node.get("unclean") == "true":
                return "unclean"
            if node.get("online") != "true":
                return "offline"
            for word in ("pending", "standby", "maintenance"):
                if node.get(word) == "true":
                    return word
            return "online"
    return "unknown"
