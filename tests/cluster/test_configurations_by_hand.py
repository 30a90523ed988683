"""Hierarchies that others have made, with pcs or crm, each in its own way: the command knows them for what they are."""

import pytest

from tests.support.lab.network import NETWORKS, PREFIX
from tests.support.lab.site import Instance

pytestmark = pytest.mark.namespaces("further disks, plugged in while the nodes run")
ADDRESS = "198.51.100.110"
FILE_SYSTEM = "device=/dev/disk/by-uuid/{uuid} directory=/mnt/one fstype=ext4"
IP = f"ip={ADDRESS} cidr_netmask={PREFIX} nic={NETWORKS['client'][1]}"
# A group, as most administrators have it; n3 is left out, nobody is preferred.
PCS = f"""
pcs cluster cib /root/hand.xml
pcs -f /root/hand.xml resource create disk ocf:heartbeat:Filesystem {FILE_SYSTEM} --group office
pcs -f /root/hand.xml resource create ip ocf:heartbeat:IPaddr2 {IP} --group office
pcs -f /root/hand.xml resource create smtp ocf:mail:postfix_ha --group office
pcs -f /root/hand.xml resource meta office resource-stickiness=1000
pcs -f /root/hand.xml constraint location office avoids n3
pcs cluster cib-push /root/hand.xml"""
# Resource sets (in a colocation each member goes where the one before it is), and preferences on the file system.
CRM = f"""
primitive disk ocf:heartbeat:Filesystem params {FILE_SYSTEM} op monitor interval=20s
primitive ip ocf:heartbeat:IPaddr2 params {IP} op monitor interval=10s
primitive smtp ocf:mail:postfix_ha params config_dir=/etc/postfix op monitor interval=10s meta resource-stickiness=1000
colocation together inf: disk ip smtp
order one-by-one Mandatory: ( disk ip ) smtp
location likes disk 200: n1
location likes-less disk 100: n2
location hates disk -inf: n3
commit"""
MADE = {"pcs": ["sh", "-ec", PCS], "crm": ["sh", "-ec", f"mkdir -p /var/log/crmsh; crm configure <<'END'\n{CRM}\nEND"]}


@pytest.mark.parametrize("how", MADE)
def test_a_hierarchy_made_by_hand(site, how):
    lab, tool = site.lab, site.tool
    instance = Instance("/etc/postfix", [ADDRESS], "/mnt/one")
    site.install(instance)
    site.mount("/mnt/one", "n1")
    site.start_by_hand(instance, "n1")
    master = site.masters(instance)
    argv = [word.replace("{uuid}", site.disks["/mnt/one"].uuid) for word in MADE[how]]
    site.nodes["n1"].run(argv, check=True)
    lab.wait_for(lambda: lab.where("smtp") == "n1" and lab.is_idle(), 40, "the cluster has what was made by hand")
    assert site.masters(instance) == master
    found = tool.json("properties")
    assert (found["tag"], sorted(found["needs"])) == ("smtp", ["disk", "ip"])
    assert (found["addresses"], found["file_systems"]) == ({ADDRESS: "ip"}, {"/mnt/one": "disk"})
    assert (found["excluded"], found["switchback"]) == (["n3"], "intelligent")
    assert "smtp: in service on n1" in tool.ok("status")
    # What is there is whole, so that create has nothing to add.
    before = tool.configuration()
    assert "already configured as requested" in tool.ok("create", "--yes", *tool.rsh)
    assert tool.configuration() == before
    site.switchover(instance, "smtp", "n2")
    assert "n3 does not take part" in tool.refused("switchover", "n3")
    tool.ok("extend", "n3", *tool.rsh, on="n2")
    site.switchover(instance, "smtp", "n3")
    tool.ok("unextend", "n1")
    assert "n1 does not take part" in tool.refused("switchover", "n1")
    site.assert_serves(instance, "smtp", "n3")
    done = lab.run("crm_verify", "--live-check")
    assert done.returncode == 0, done.stderr
    site.delete(instance, "smtp")
