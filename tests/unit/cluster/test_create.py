"""create: what is made, what is used as it is, what stands against it; nothing twice."""

import pytest
from lxml import etree

from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.local_node import Mount
from postfix_ha.cluster.create.plan import make_draft, parse_address
from postfix_ha.cluster.model.hierarchy import hierarchies
from postfix_ha.config.discover import UNSERVED
from postfix_ha.config.own_addresses import Claim
from postfix_ha.messages.errors import Refused
from tests.support.cibs import (
    ADDRESS,
    address,
    by_tag,
    cib,
    file_system,
    mail,
    node,
    primitive,
    stickiness,
    text,
    wish,
)

MAIL = "postfix-on-mnt-queue-postfix"


def remarks(document, here, severity, **values):
    found = make_draft(document, wish(**values), here).remarks
    return {remark.check: remark.text for remark in found if remark.severity == severity}


def refusal(document, here, check, **values):
    """The one sentence with which the draft refuses, and that create() refuses with the same."""
    errors = remarks(document, here, "error", **values)
    assert set(errors) == {check}
    with pytest.raises(Refused) as caught:
        create(document.copy(), wish(**values), here)
    assert caught.value.reasons == list(errors.values())
    assert "\n" not in errors[check]
    return errors[check]


def test_the_whole_hierarchy_from_nothing():
    made = create(cib(), wish(), node())
    (found,) = hierarchies(made)
    assert found.tag == MAIL
    assert found.agent == "ocf:mail:postfix_ha"
    assert found.config_dir == "/etc/postfix"
    assert found.addresses == {ADDRESS: "ip-198.51.100.100"}
    assert found.file_systems == {"/mnt/queue": "fs-mnt-queue"}
    assert found.nodes == ["n1", "n2", "n3"]
    assert found.scores == {"n1": 999, "n2": 990, "n3": 980}
    assert found.switchback() == "intelligent"
    # P49: file system and address in parallel, then Postfix; and the address where the file system is.
    orders = {(each["first"], each["then"], each["kind"]) for each in by_tag(made, "rsc_order")}
    assert orders == {("fs-mnt-queue", MAIL, "Mandatory"), ("ip-198.51.100.100", MAIL, "Mandatory")}
    together = {(each["rsc"], each["with-rsc"], each["score"]) for each in by_tag(made, "rsc_colocation")}
    assert together == {
        (MAIL, "fs-mnt-queue", "INFINITY"),
        (MAIL, "ip-198.51.100.100", "INFINITY"),
        ("ip-198.51.100.100", "fs-mnt-queue", "INFINITY"),
    }
    assert made.parameters(made.resource("ip-198.51.100.100")) == {"ip": ADDRESS, "cidr_netmask": "24"}
    assert made.parameters(made.resource("fs-mnt-queue"))["device"] == "/dev/sdb1"


@pytest.mark.parametrize(("fstype", "level"), [("ext4", "20"), ("xfs", "10"), ("nfs", "")])
def test_the_file_system_is_watched_by_more_than_its_mount(fstype, level):
    here = node(queue="/mnt/q/postfix", mounts=[Mount("/mnt/q", "server:/q" if level == "" else "/dev/sdc", fstype)])
    made = create(cib(), wish(), here)
    operations = made.resource("fs-mnt-q").findall("operations/op[@name='monitor']")
    assert [each.get("interval") for each in operations] == (["20s", "30s"] if level else ["20s"])
    found = made.resource("fs-mnt-q").findall(".//nvpair[@name='OCF_CHECK_LEVEL']")
    assert [each.get("value") for each in found] == ([level] if level else [])


def test_a_shared_disk_where_the_queue_or_the_mail_is_by_default_is_taken_in():
    mounts = [Mount("/var/spool/postfix", "/dev/sdc1", "ext4"), Mount("/var/spool/mail2", "/dev/sdd1", "xfs")]
    here = node(queue="/var/spool/postfix", mounts=mounts)
    here.instance.settings["mail_spool_directory"] = "/var/spool/mail2"
    made = create(cib(), wish(), here)
    assert set(hierarchies(made)[0].file_systems) == {"/var/spool/postfix", "/var/spool/mail2"}


def test_a_part_that_somebody_has_disabled_is_named():
    second = "198.51.100.101"
    off = '<meta_attributes id="m"><nvpair id="r" name="target-role" value="Stopped"/></meta_attributes>'
    here = node(addresses=(ADDRESS, second), inet_interfaces=f"{ADDRESS}, {second}", words={second: [second]})
    document = cib(file_system() + address() + address("second-ip", second, meta=off))
    said = refusal(document, here, "part_enabled")
    assert "second-ip" in said
    assert second in said
    assert "pcs resource enable second-ip" in said
    # In a group it is the group's own.
    grouped = cib(f'<group id="g">{off}{file_system()}{address()}</group>')
    assert "pcs resource enable g" in remarks(grouped, node(), "error")["part_enabled"]


def test_what_may_be_overruled_is_a_warning_then_and_is_made():
    claimed = node()
    claimed.claims[ADDRESS] = Claim("n1", "it is leased", is_certain=False)
    assert "leased" in refusal(cib(), claimed, "address_left_to_service")
    forced = wish(forced=["address_left_to_service"])
    made = create(cib(), forced, claimed)
    assert hierarchies(made)[0].addresses == {ADDRESS: "ip-198.51.100.100"}
    at_boot = node()
    at_boot.fstab = ["/mnt/queue"]
    assert "two nodes" in refusal(cib(), at_boot, "file_system_not_at_boot")
    said = make_draft(cib(), wish(forced=["file_system_not_at_boot"]), at_boot).remarks
    assert ("warning", "file_system_not_at_boot") in [(each.severity, each.check) for each in said]
    # What cuts a node off is nobody's to overrule.
    own = node(addresses=("203.0.113.12",), inet_interfaces="203.0.113.12")
    refusal(cib(), own, "address_can_move", forced=["address_can_move"])


def test_a_second_run_changes_nothing():
    made = create(cib(), wish(), node())
    assert text(create(made.copy(), wish(), node())) == text(made)
    assert text(create(made.copy(), wish(nodes=[("n1", None), ("n2", None), ("n3", None)]), node())) == text(made)


@pytest.mark.parametrize(
    "group",
    [
        file_system() + address() + mail(config_dir="/etc/postfix"),
        file_system() + address() + mail(),
        file_system() + address() + mail(agent="ocf:heartbeat:postfix"),
    ],
)
def test_a_group_made_by_hand_is_whole_and_stays_as_it_is(group):
    document = cib(f'<group id="g">{group}</group>')
    assert text(create(document.copy(), wish(), node())) == text(document)


def test_what_is_there_is_used():
    document = cib(file_system() + address(ip="198.51.100.100"))
    made = create(document.copy(), wish(), node())
    (found,) = hierarchies(made)
    assert found.addresses == {ADDRESS: "mail-ip"}
    assert found.file_systems == {"/mnt/queue": "queue-fs"}
    for name in ("mail-ip", "queue-fs"):
        assert etree.tostring(made.resource(name)) == etree.tostring(document.resource(name))


def test_addresses_are_compared_as_addresses():
    document = cib(file_system() + address("six", "2001:DB8:0::0001"))
    here = node(addresses=("2001:db8::1",), inet_interfaces="2001:db8::1", words={"2001:db8::1": ["2001:db8::1"]})
    assert hierarchies(create(document, wish(), here))[0].addresses == {"2001:db8::1": "six"}


def test_an_address_of_main_cf_that_no_row_of_master_cf_serves_is_refused():
    here = node()
    here.instance = here.instance.with_facts(settings={**here.instance.settings, UNSERVED: ADDRESS})
    assert f"inet_interfaces names {ADDRESS}, but no smtpd" in refusal(cib(), here, "address_has_smtpd")


def test_nodes_that_are_not_named_are_kept_out_of_it():
    made = create(cib(), wish(nodes=[("n2", None), ("n1", 500)]), node())
    (found,) = hierarchies(made)
    assert found.nodes == ["n2", "n1"]
    assert found.scores == {"n2": 999, "n1": 500}
    never = {each["rsc"] for each in by_tag(made, "rsc_location") if each.get("resource-discovery") == "never"}
    assert never == {MAIL, "fs-mnt-queue", "ip-198.51.100.100"}


def test_in_an_opt_in_cluster_every_part_is_let_in():
    symmetric = '<nvpair id="sym" name="symmetric-cluster" value="false"/>'
    made = create(cib(properties=symmetric), wish(), node())
    allowed = {(each["rsc"], each["node"]) for each in by_tag(made, "rsc_location")}
    assert allowed == {(part, each) for part in hierarchies(made)[0].members for each in ("n1", "n2", "n3")}


def test_p24_a_name_in_inet_interfaces_leads_to_its_address():
    here = node(inet_interfaces="mail.example.com, localhost", words={"mail.example.com": [ADDRESS]})
    made = create(cib(file_system() + address()), wish(), here)
    assert hierarchies(made)[0].addresses == {ADDRESS: "mail-ip"}
    elsewhere = node(
        addresses=("192.0.2.7",), inet_interfaces="mail.example.com", words={"mail.example.com": ["192.0.2.7"]}
    )
    told = refusal(cib(), elsewhere, "address_in_network")
    assert "192.0.2.7" in told
    assert "from mail.example.com" in told
    on_itself = node(
        addresses=("127.0.1.1",), inet_interfaces="mail.example.com", words={"mail.example.com": ["127.0.1.1"]}
    )
    assert "mail.example.com of inet_interfaces is 127.0.1.1" in refusal(cib(), on_itself, "address_usable")


def test_a_nodes_own_address_cannot_move():
    here = node(addresses=("203.0.113.12",), inet_interfaces="203.0.113.12")
    assert "node n2's own" in refusal(cib(), here, "address_can_move")


def test_an_address_is_needed_from_outside_where_inet_interfaces_is_all():
    here = node(addresses=("0.0.0.0", "::"), inet_interfaces="all")
    assert "--address" in remarks(cib(), here, "warning")["address_moves"]
    made = create(cib(), wish(addresses=[f"{ADDRESS}/24@eth0"]), here)
    part = made.resource("ip-198.51.100.100")
    assert made.parameters(part) == {"ip": ADDRESS, "cidr_netmask": "24", "nic": "eth0"}


@pytest.mark.parametrize(
    ("given", "check"),
    [
        ("198.51.100.999", "address_valid"),
        ("mail.example.com", "address_valid"),
        ("127.0.0.1", "address_valid"),
        ("198.51.100.7/99", "address_valid"),
        ("", "address_valid"),
        ("198.51.100.7", "address_listened_on"),
        (f"{ADDRESS}/24@eth7", "interface_present"),
        (f"{ADDRESS}/24@eth0; reboot", "interface_present"),
    ],
)
def test_wrong_addresses(given, check):
    refusal(cib(), node(), check, addresses=[given])


def test_addresses_as_given():
    assert parse_address("198.51.100.7/25@eth1") == ("198.51.100.7", "25", "eth1")
    assert parse_address("2001:DB8::7") == ("2001:db8::7", "", "")


@pytest.mark.parametrize("fstype", ["nfs", "nfs4", "cifs", "glusterfs", "fuse.glusterfs"])
def test_p43_network_file_systems_are_warned_of(fstype):
    assert fstype in remarks(cib(file_system(fstype=fstype)), node(), "warning")["file_system_local"]
    mounted = node(queue="/mnt/net/q", mounts=[Mount("/mnt/net", "server:/export", fstype)])
    assert fstype in remarks(cib(), mounted, "warning")["file_system_local"]
    made = create(cib(), wish(), mounted)
    assert made.parameters(made.resource("fs-mnt-net"))["device"] == "server:/export"


def test_p43_a_file_system_on_several_nodes_at_once_is_refused():
    cloned = cib(f'<clone id="everywhere">{file_system(fstype="ocfs2")}</clone>')
    assert "more than one node at once" in refusal(cloned, node(), "file_system_single")
    mounted = node(queue="/mnt/all/q", mounts=[Mount("/mnt/all", "/dev/sdc", "gfs2")])
    assert "more than one node" in refusal(cib(), mounted, "file_system_single")


@pytest.mark.parametrize("queue", ["/var/spool/postfix", "/tank/queue", "/var/q"])
def test_a_queue_that_stays_on_the_node_is_refused(queue):
    mounts = [Mount("/var", "/dev/sda2", "xfs"), Mount("/tank", "tmpfs", "tmpfs")]
    assert queue in refusal(cib(), node(queue=queue, mounts=mounts), "queue_moves")


def test_a_part_of_a_file_system_is_not_taken_for_the_whole():
    here = node(queue="/mnt/part/q", mounts=[Mount("/mnt/part", "/dev/sdc1", "ext4", root="/part")])
    errors = remarks(cib(), here, "error")
    assert "/part" in errors["file_system_whole"]


def test_the_mail_spool_and_the_configuration_come_along():
    here = node(mounts=[Mount("/mnt/spool", "/dev/sdc1", "xfs"), Mount("/mnt/conf", "/dev/sdd1", "xfs")])
    here.instance.settings["mail_spool_directory"] = "/mnt/spool/mail"
    here.instance.config_dir = "/mnt/conf/postfix"
    made = create(cib(), wish(), here)
    (found,) = hierarchies(made)
    assert set(found.file_systems) == {"/mnt/queue", "/mnt/spool", "/mnt/conf"}
    for name in found.needs:
        assert found.relations.is_with(name, "fs-mnt-queue") or name == "fs-mnt-queue"


def test_p53_no_fencing_is_warned_of_and_no_property_is_touched():
    properties = '<nvpair id="f" name="stonith-enabled" value="false"/>'
    document = cib(properties=properties)
    document.root.find(".//nvpair[@name='no-quorum-policy']").set("value", "ignore")
    warnings = remarks(document, node(), "warning")
    assert "destroy" in warnings["fencing_on"]
    assert "both halves" in warnings["quorum_kept"]
    before = etree.tostring(document.look("crm_config"))
    assert etree.tostring(create(document, wish(), node()).look("crm_config")) == before


def test_p60_a_clone_has_a_queue_on_every_node():
    local = node(queue="/var/spool/postfix")
    made = create(cib(), wish(is_clone=True), local)
    (found,) = hierarchies(made)
    assert found.is_clone
    assert found.needs == []
    assert made.constraints() == []
    for document in (cib(), cib(file_system())):
        assert "one node mounts at a time" in refusal(document, node(), "clone_possible", is_clone=True)
    cloned = cib(f'<clone id="everywhere">{file_system(fstype="ocfs2")}</clone>')
    assert hierarchies(create(cloned, wish(is_clone=True), node()))[0].is_clone


def test_switchback_follows_what_is_there_and_must_not_differ():
    kept = cib(file_system(meta=stickiness("queue-fs", "0")))
    assert hierarchies(create(kept.copy(), wish(), node()))[0].switchback() == "automatic"
    told = refusal(kept, node(), "switchback_agrees", switchback="intelligent")
    assert "the switchback of queue-fs is automatic" in told


def test_all_that_is_wrong_is_said_at_once():
    here = node(addresses=("203.0.113.12",), inet_interfaces="203.0.113.12", queue="/var/spool/postfix")
    errors = remarks(cib(), here, "error", tag="1 2", nodes=[("n9", None), ("n1", 5), ("n1", 6), ("n2", 5)])
    expected = {
        "address_can_move",
        "queue_moves",
        "tag_legal",
        "node_known",
        "node_named_once",
        "priority_free",
    }
    assert set(errors) == expected
    assert all("\n" not in line for line in errors.values())


def test_a_taken_id():
    taken = cib(primitive("mail", "ocf:pacemaker:Dummy"))
    assert "is taken" in refusal(taken, node(), "tag_free", tag="mail")
    other = cib(primitive(MAIL, "ocf:pacemaker:Dummy"))
    assert hierarchies(create(other, wish(), node()))[0].tag == MAIL + "-2"
    known = create(cib(), wish(), node())
    assert "protected already" in refusal(known, node(), "tag_agrees", tag="other")


def test_two_instances_each_at_home_on_another_node():
    first = create(cib(), wish(nodes=[("n1", 1), ("n2", 10)]), node())
    there = node(
        queue="/mnt/queue2/postfix",
        addresses=("198.51.100.101", "2001:db8::101"),
        inet_interfaces="198.51.100.101, 2001:db8::101",
        mounts=[Mount("/mnt/queue2", "/dev/sdc1", "xfs")],
    )
    there.networks.append(("eth0", "2001:db8::11/64"))
    there.instance.config_dir = "/etc/postfix2"
    both = create(first, wish(nodes=[("n2", 1), ("n1", 10)], config_dir="/etc/postfix2"), there)
    one, two = hierarchies(both)
    assert (one.config_dir, two.config_dir) == ("/etc/postfix", "/etc/postfix2")
    assert not set(one.members) & set(two.members)
    assert (one.nodes[0], two.nodes[0]) == ("n1", "n2")
    assert set(two.addresses) == {"198.51.100.101", "2001:db8::101"}
    assert both.parameters(both.resource(two.addresses["2001:db8::101"]))["cidr_netmask"] == "64"
    assert text(create(both.copy(), wish(config_dir="/etc/postfix2"), there)) == text(both)
