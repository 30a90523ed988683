"""Whose an address is: corosync's, its node's name's, or one that the node has had first."""

import socket

import pytest

from postfix_ha.config.interfaces import Local
from postfix_ha.config.own_addresses import Claim, bound_networks, claims_of_interfaces, finding_of, ring_words

COROSYNC = """\
totem {
    interface {
        bindnetaddr: 192.0.2.0
    }
}
nodelist {
    # ring0_addr: 203.0.113.99
    node {
        ring0_addr: 203.0.113.11
        ring1_addr: n1-second
        name: n1
        nodeid: 1
    }
    node {
        nodeid: 2
        ring0_addr: 2001:db8::12
    }
}
quorum {
    ring0_addr: 203.0.113.98
}
"""
RING = {"203.0.113.11": Claim("n1", "ring", is_certain=True)}


def local(text, interface="eth0", made=1, *, secondary=False, permanent=True):
    address, _, prefix = text.partition("/")
    found = Local(interface, socket.AF_INET6 if ":" in address else socket.AF_INET, address, int(prefix))
    found.is_up, found.is_secondary, found.made, found.is_permanent = True, secondary, made, permanent
    return found


def test_the_rings_of_corosync_are_read_from_its_list_of_nodes_alone():
    assert ring_words(COROSYNC) == [("n1", "203.0.113.11"), ("n1", "n1-second"), ("2", "2001:db8::12")]
    assert bound_networks(COROSYNC) == ["192.0.2.0"]
    assert ring_words("}\n}\nnodelist {\nnode {\nring0_addr:\n") == []


SERVED = local("203.0.113.11/24")
BY_HAND = local("203.0.113.100/24", secondary=True, made=9)


@pytest.mark.parametrize(
    ("beside", "address", "why"),
    [
        # What somebody has added by hand beside a node's own is the service's.
        ([BY_HAND], "203.0.113.100", ""),
        # On the interface that the members need, the first of each network is the node's.
        ([local("198.51.100.11/24")], "198.51.100.11", "the cluster's members need"),
        ([local("2001:db8::11/64")], "2001:db8::11", "the cluster's members need"),
        ([local("2001:db8::11/64"), local("2001:db8::100/64", made=9)], "2001:db8::100", ""),
        # Elsewhere too, where others go with it; one that is alone there may be the service's.
        ([local("198.51.100.11/24", "eth1"), local("198.51.100.100/24", "eth1", secondary=True)], "198.51.100.11",
         "go with it"),
        ([local("198.51.100.100/24", "eth1")], "198.51.100.100", ""),
        ([local("198.51.100.100/32")], "198.51.100.100", ""),
        # What has an end is leased.
        ([local("198.51.100.7/24", "eth1", permanent=False)], "198.51.100.7", "leased"),
        ([local("fe80::1/64", "eth1")], "fe80::1", "link-local"),
    ],
)  # fmt: skip
def test_the_kernels_facts_tell_a_nodes_own_address_from_the_services(beside, address, why):
    found = claims_of_interfaces("n1", RING, [SERVED, *beside], {})
    assert (address in found) == bool(why)
    if why:
        assert why in found[address].why
        assert (found[address].node, found[address].is_certain) == ("n1", False)


def test_what_a_file_gives_the_node_at_boot_is_its_own():
    file = "/etc/network/interfaces"
    found = claims_of_interfaces("n1", RING, [SERVED, BY_HAND], {"203.0.113.100": file})
    assert file in found["203.0.113.100"].why


def test_the_command_leaves_the_other_words_of_main_cf():
    def cure(value):
        return finding_of(RING["203.0.113.11"], "203.0.113.11", "it", "/etc/postfix", value).values["cure"]

    kept = "postconf -c /etc/postfix -e 'inet_interfaces = 198.51.100.100, localhost'"
    assert cure("198.51.100.100, 203.0.113.11 localhost") == kept
    assert cure("203.0.113.11, localhost") == ""  # nobody knows the service's address
    assert cure("mail.example.com") == ""
