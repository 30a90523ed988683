"""The configurations that a hierarchy must carry, each made by postfix-ha create on the real cluster."""

import pytest

from tests.support.lab.network import address6
from tests.support.lab.site import Instance, failures
from tests.support.mail.node import MAKE_QUEUE

pytestmark = pytest.mark.namespaces("further disks, plugged in while the nodes run")
TAG = "postfix-on-mnt-one-postfix"
ADDRESS = "198.51.100.110"
SECOND = "198.51.100.111"
PROGRAMS = "postalias postcat postconf postdrop postfix postkick postlock postlog postmap postmulti postqueue postsuper"
DAEMONS = "/usr/lib/postfix/sbin"
# What a node has of Postfix for itself, but for its shared libraries.
HIDE = f"""
mkdir -p /root/hidden/bin /root/hidden/conf
mv {DAEMONS} /root/hidden/daemons
cd /usr/sbin && mv {PROGRAMS} sendmail /root/hidden/bin
mv /etc/postfix/main.cf /etc/postfix/master.cf /root/hidden/conf"""
SHOW = f"""
[ -d /root/hidden ] || exit 0
mv /root/hidden/daemons {DAEMONS}
mv /root/hidden/bin/* /usr/sbin
mv /root/hidden/conf/* /etc/postfix
rm -r /root/hidden"""


def create(site, instance, *arguments, on="n1", options="defaults"):
    """Install the instance, start it by hand on a node, and let the command protect it."""
    site.install(instance)
    site.mount(instance.mount, on, options)
    site.start_by_hand(instance, on)
    before = site.masters(instance)
    said = site.tool.ok("create", "--yes", *arguments, *site.tool.rsh, on=on)
    assert site.masters(instance) == before, "the running master is taken over"
    return said


def test_several_addresses_of_both_kinds(site):
    instance = Instance("/etc/postfix", [ADDRESS, SECOND, address6(110)], "/mnt/one", inet_protocols="all")
    create(site, instance, options="noatime,nodev")
    assert sorted(site.tool.json("properties")["addresses"]) == sorted(instance.addresses)
    types = [each.get("type") for each in site.lab.cib().iterfind(".//primitive")]
    assert types.count("IPaddr2") == len(instance.addresses)
    site.assert_serves(instance, TAG, "n1")
    site.switchover(instance, TAG, "n3")
    (line,) = [line for line in site.nodes["n3"].read("/proc/1/mountinfo").splitlines() if " /mnt/one " in line]
    assert {"noatime", "nodev"} <= set(line.split()[5].split(",")), "what the mount left out is left out there too"
    site.delete(instance, TAG)


def test_what_the_cluster_found_running_is_deleted_in_order(site):
    """Pacemaker stops what has gone from the configuration by the parameters of its last start: here was none."""
    instance = Instance("/etc/postfix", [ADDRESS], "/mnt/one")
    create(site, instance)
    site.delete(instance, TAG)
    assert failures(site.lab) == []


def test_a_change_is_taken_back_from_what_was_up_before(site):
    instance = Instance("/etc/postfix", [ADDRESS], "/mnt/one")
    node, tool = site.nodes["n1"], site.tool
    site.install(instance)
    site.mount("/mnt/one", "n1")
    site.prepare(instance, "n1")
    node.run(instance.command("check"), check=True)
    before = tool.configuration()
    # No check can see this: the server ends as soon as it has begun.
    node.write("/root/smtpd", "#!/bin/sh\nexit 1\n", 0o755)
    node.run(["mount", "--bind", "/root/smtpd", f"{DAEMONS}/smtpd"], check=True)
    done = tool.run("create", "--yes", "--node", "n1", *tool.rsh)
    node.run(["umount", f"{DAEMONS}/smtpd"], check=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "rolled back" in done.stderr
    assert tool.configuration() == before
    site.lab.wait_for(site.lab.is_idle, 30, "the cluster is idle")
    assert not node.mounts("/mnt/one"), "it was stopped while the cluster still knew what it is"


def test_queue_and_mail_spool_on_file_systems_of_their_own(site):
    settings = {
        "mydestination": "example.com",
        "virtual_mailbox_domains": "",
        "local_recipient_maps": "",
        "mail_spool_directory": "/mnt/two/spool",
    }
    instance = Instance("/etc/postfix", [ADDRESS], "/mnt/one", **settings)
    instance.mail = settings["mail_spool_directory"]
    site.mount("/mnt/two", "n1")
    for node in site.nodes.values():
        node.run(["useradd", "--no-create-home", "box"], check=True)
    try:
        create(site, instance)
        assert site.tool.json("properties")["file_systems"] == {"/mnt/one": "fs-mnt-one", "/mnt/two": "fs-mnt-two"}
        first = {(each.get("first"), each.get("then")) for each in site.lab.cib().iter("rsc_order")}
        assert ("fs-mnt-two", TAG) in first
        site.assert_serves(instance, TAG, "n1")
        # The model's tasks for it: the dependency is deleted, and created again.
        before = site.meaning()
        site.tool.ok("undepend", "fs-mnt-two")
        assert site.tool.json("properties")["file_systems"] == {"/mnt/one": "fs-mnt-one"}
        site.tool.ok("depend", "fs-mnt-two")
        assert site.meaning() == before
        site.switchover(instance, TAG, "n2")
        assert [name for name, node in site.nodes.items() if node.mounts("/mnt/two")] == ["n2"]
        site.delete(instance, TAG)
    finally:
        for node in site.nodes.values():
            node.run(["userdel", "box"])


def test_queue_reached_through_a_symbolic_link(site):
    instance = Instance("/etc/postfix", [ADDRESS], "/mnt/one", queue_directory="/var/spool/shared")
    for node in site.nodes.values():
        node.run(["ln", "-sfn", "/mnt/one/postfix", "/var/spool/shared"], check=True)
    site.mount("/mnt/one", "n1")
    site.nodes["n1"].run(["sh", "-ec", MAKE_QUEUE.format(queue="/mnt/one/postfix")], check=True)
    site.nodes["n1"].run(["umount", "/mnt/one"], check=True)
    create(site, instance)
    found = site.tool.json("properties")
    assert found["tag"] == "postfix-on-var-spool-shared"
    assert found["file_systems"] == {"/mnt/one": "fs-mnt-one"}
    site.assert_serves(instance, found["tag"], "n1")
    site.switchover(instance, found["tag"], "n2")
    site.delete(instance, found["tag"])


@pytest.fixture
def hidden(site):
    """The nodes without any Postfix of their own, until the end of the test."""
    yield site
    for node in site.nodes.values():
        node.run(["sh", "-ec", SHOW], check=True)


def test_configuration_and_programs_on_the_shared_file_system(hidden):
    site, node = hidden, hidden.nodes["n1"]
    there = "/mnt/one/installed"
    places = {"command_directory": f"{there}/sbin", "daemon_directory": f"{there}/libexec"}
    instance = Instance(f"{there}/etc", [ADDRESS], "/mnt/one", meta_directory=f"{there}/etc", **places)
    instance.settings["data_directory"] = "/var/lib/postfix"
    instance.binary = f"{there}/sbin/postfix"
    site.mount("/mnt/one", "n1")
    script = f"mkdir {there} && cp -a {DAEMONS} {there}/libexec && cp -a /etc/postfix {there}/etc && mkdir {there}/sbin"
    node.run(["sh", "-ec", f"{script} && cd /usr/sbin && cp -a {PROGRAMS} sendmail {there}/sbin"], check=True)
    site.write_configuration(instance, node)
    for each in site.nodes.values():
        each.run(["sh", "-ec", HIDE], check=True)
    site.start_by_hand(instance, "n1")
    two = ("--node", "n1", "--node", "n2:20")
    which = ("--config-dir", instance.config_dir, "--binary", instance.binary)
    site.tool.ok("create", "--yes", *which, *two, *site.tool.rsh)
    site.assert_serves(instance, TAG, "n1")
    assert not site.nodes["n2"].exists(instance.binary), "a passive node does not see it"
    assert site.probes(TAG) == {"n1": 0, "n2": 7}
    site.tool.ok("extend", "n3", *site.tool.rsh)
    site.switchover(instance, TAG, "n3")
    site.lab.run("crm_resource", "--refresh", "--resource", TAG)
    site.lab.wait_for(site.lab.is_idle, 30, "the cluster has looked again")
    assert site.probes(TAG) == {"n1": 7, "n2": 7, "n3": 0}
    site.assert_serves(instance, TAG, "n3")
    assert "in service on n3" in site.tool.ok("status")
    site.delete(instance, TAG)


def test_two_instances_each_at_home_on_another_node(site):
    home = {"n1": "/etc/postfix", "n2": "/etc/postfix2"}
    one = Instance(home["n1"], [ADDRESS], "/mnt/one", alternate_config_directories=home["n2"])
    two = Instance(home["n2"], [SECOND], "/mnt/two")
    other = TAG.replace("one", "two")
    create(site, one)
    create(site, two, "--config-dir", two.config_dir, on="n2")
    site.assert_serves(one, TAG, "n1")
    site.assert_serves(two, other, "n2")
    priorities = site.tool.json("properties", "--tag", other)["priorities"]
    assert min(priorities, key=priorities.get) == "n2"
    # Either runs beside the other.
    site.switchover(one, TAG, "n2")
    site.assert_serves(two, other, "n2")
    site.switchover(one, TAG, "n1")
    site.switchover(two, other, "n1")
    site.assert_serves(one, TAG, "n1")
    # One master ends as by a bug: it is started again in place, and the other does not notice.
    ((_, untouched),), ((_, killed),) = site.masters(one), site.masters(two)
    steps = len(site.lab.operations(TAG))
    site.kill(killed)
    site.lab.wait_for(lambda: site.masters(two) and site.lab.is_idle(), 40, "the killed one is back")
    assert site.masters(one) == [("n1", untouched)]
    assert len(site.lab.operations(TAG)) == steps
    site.deliver(ADDRESS, one)
    site.deliver(SECOND, two)
    site.lab.run("crm_resource", "--cleanup", "--resource", other)
    site.lab.wait_for(lambda: site.lab.where(other) == "n1" and site.lab.is_idle(), 30, "the cluster looked again")
    site.assert_serves(two, other, "n1")
    # And one ends for good.
    site.delete(two, other)
    assert site.masters(one) == [("n1", untouched)]
    site.assert_serves(one, TAG, "n1")
    site.delete(one, TAG)
