"""Managed addresses: which resource brings an address to the node that serves, whichever agent does it.

Beside IPaddr2 there are the agents of clouds and routers. They are told by their parameters, which their meta-data
names: each has one that holds the address.
"""

import ipaddress

from postfix_ha.cluster.model.cib import Cib

# Type of agent -> the parameters that hold the address, by the meta-data of resource-agents; whoever provides it.
ADDRESS_PARAMETERS = {
    "IPaddr2": ("ip",),
    "IPaddr": ("ip",),
    "IPv6addr": ("ipv6addr",),
    "VIPArip": ("ip",),
    "aliyun-vpc-move-ip": ("address",),
    "aws-vpc-move-ip": ("ip", "address"),
    "awseip": ("private_ip_address", "elastic_ip"),
    "awsvip": ("secondary_private_ip",),
    "gcp-vpc-move-ip": ("ip",),
    "gcp-vpc-move-route": ("ip",),
    "gcp-vpc-move-vip": ("alias_ip",),
    "ocivip": ("secondary_private_ip",),
    "openstack-virtual-ip": ("ip",),
    "powervs-move-ip": ("ip",),
    "powervs-subnet": ("ip",),
    # These have an address among their parameters, and bring none.
    "IPsrcaddr": (),
    "SendArp": (),
    "portblock": (),
    "aws-vpc-route53": (),
    "azure-lb": (),
    "azure-events": (),
    "azure-events-az": (),
    "Route": (),
    "ipsec": (),
}
# An agent of another name that has one of these, and whose name says that it moves an address.
USUAL_PARAMETERS = ("ip", "alias_ip", "ipaddr", "ip_address", "address", "vip", "virtual_ip", "ipv6addr")
USUAL_NAMES = ("ip", "addr", "route")
# What puts the address on an interface itself comes first where several resources stand for one.
FIRST = ("IPaddr2", "IPaddr", "IPv6addr")


def canonical(address: str) -> str:
    """An address in the one form in which it is compared; other text as it is."""
    try:
        return str(ipaddress.ip_address(address.split("%")[0]))
    except ValueError:
        return address


def managed_addresses(cib: Cib) -> "dict[str, list[str]]":
    """Address -> the primitives that bring it, the one that has it on an interface first."""
    found: "dict[str, list[str]]" = {}
    ranked = sorted(cib.primitives(), key=lambda each: _type(cib.agent(each)) not in FIRST)
    for primitive in ranked:
        address = address_of(cib.agent(primitive), cib.parameters(primitive))
        if address and primitive.get("id", "") not in found.setdefault(address, []):
            found[address].append(primitive.get("id", ""))
    return found


def address_of(agent: str, parameters: "dict[str, str]") -> str:
    """The address that a resource with these parameters brings, "" for none."""
    name = _type(agent)
    usual = USUAL_PARAMETERS if agent.startswith("ocf:") and any(word in name.lower() for word in USUAL_NAMES) else ()
    for parameter in ADDRESS_PARAMETERS.get(name, usual):
        value = parameters.get(parameter, "").split("/")[0].strip()
        try:
            return str(ipaddress.ip_address(value.split("%")[0]))
        except ValueError:
            continue
    return ""


def _type(agent: str) -> str:
    return agent.rpartition(":")[2]
