"""create on clusters that others have built: what is there is known in whatever form it has, and nothing is doubled."""

import pytest
from lxml import etree

from postfix_ha.cluster.create.barred import barred
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.create.plan import make_draft
from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.changes import ADD_RESOURCE, changes
from postfix_ha.cluster.model.managed_addresses import address_of
from postfix_ha.cluster.model.managed_mounts import device_user, mount_holding, unit_directory
from postfix_ha.cluster.model.relations import Relations
from postfix_ha.messages.errors import Refused
from postfix_ha.system.mounts import Mount
from tests.support.cibs import ADDRESS, address, by_tag, cib, file_system, node, primitive, starts, text, wish

SPOOL = Mount("/mnt/queue/mail", "/dev/sdc1", "ext4")


def nested_node():
    here = node(mounts=[SPOOL])
    here.instance.settings["mail_spool_directory"] = "/mnt/queue/mail/spool"
    return here


@pytest.mark.parametrize(
    "resources",
    ["", file_system("outer", "/mnt/queue") + file_system("inner", "/mnt/queue/mail")],
    ids=["none there", "both there"],
)
def test_p80_a_file_system_in_another_is_mounted_after_it(resources):
    document = create(cib(resources), wish(tag="mail"), nested_node())
    order = starts(document)
    inner, outer = ("inner", "outer") if resources else ("fs-mnt-queue-mail", "fs-mnt-queue")
    assert (inner, outer) in order
    assert {("mail", inner), ("mail", outer)} <= order
    assert Relations(document).is_with(inner, outer)
    assert not Relations(document).is_with(outer, inner)
    assert text(create(document.copy(), wish(), nested_node())) == text(document)


def test_p80_the_queue_in_a_file_system_in_another():
    """Here it is the queue that lies in the inner one, and the outer one holds nothing that Postfix asks for."""
    here = node(queue="/mnt/queue/deep/postfix", mounts=[Mount("/mnt/queue/deep", "/dev/sdd1", "xfs")])
    document = create(cib(), wish(tag="mail"), here)
    assert ("fs-mnt-queue-deep", "fs-mnt-queue") in starts(document)
    assert not Relations(document).is_with("fs-mnt-queue", "fs-mnt-queue-deep")


def test_p80_a_group_that_mounts_the_inner_one_first_is_refused():
    both = file_system("inner", "/mnt/queue/mail") + file_system("outer", "/mnt/queue")
    with pytest.raises(Refused, match="inner starts before outer, but"):
        create(cib(f'<group id="g">{both}</group>'), wish(tag="mail"), nested_node())


@pytest.mark.parametrize("written", ["{link}", "{link}/", "{real}/", "{real}//", "{real}/../real"])
def test_p82_a_mount_point_is_known_by_a_link_or_a_slash(tmp_path, written):
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    known = cib(file_system("theirs", written.format(link=link, real=real)))
    assert mount_holding(known, f"{real}/postfix")[1] == "theirs"
    assert mount_holding(known, f"{link}/postfix")[1] == "theirs"
    here = node(queue=f"{real}/postfix", mounts=[Mount(str(real), "/dev/sdb1", "ext4")])
    made = [each.subject for each in changes(known, create(known.copy(), wish(tag="mail"), here))]
    assert not [name for name in made if name.startswith("fs-")]
    assert "mail" in made


@pytest.mark.parametrize(
    ("agent", "directory"),
    [
        ("systemd:mnt-queue.mount", "/mnt/queue"),
        ("systemd:srv-mail\\x2dspool.mount", "/srv/mail-spool"),
        ("systemd:postfix", ""),
        ("ocf:heartbeat:Dummy", ""),
    ],
)
def test_a_mount_unit_says_where_it_mounts(agent, directory):
    assert unit_directory(agent) == directory


def test_a_mount_unit_is_the_file_system():
    known = cib('<primitive id="unit" class="systemd" type="mnt-queue.mount"/>')
    made = create(known.copy(), wish(tag="mail"), node())
    assert Relations(made).is_after("mail", "unit")
    assert "fs-mnt-queue" not in made.ids()


@pytest.mark.parametrize(
    "device", ["/dev/real", "UUID=12ab", "-U 12ab", "LABEL=queue", "-L queue", "{disks}/by-path/pci-1"]
)
def test_a_device_is_known_by_any_of_its_names(tmp_path, device):
    real = tmp_path / "sdb1"
    real.touch()
    for kind, name in (("by-uuid", "12ab"), ("by-label", "queue"), ("by-path", "pci-1")):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / name).symlink_to(real)
    written = device.format(disks=tmp_path).replace("/dev/real", str(real))
    theirs = primitive("theirs", "ocf:heartbeat:Filesystem", device=written, directory="/elsewhere", fstype="ext4")
    assert device_user(cib(theirs), str(real), str(tmp_path)) == "theirs"
    assert device_user(cib(theirs), "/dev/other", str(tmp_path)) == ""


CLOUD = {
    "ocf:heartbeat:aws-vpc-move-ip": {"ip": ADDRESS, "routing_table": "rtb-1"},
    "ocf:suse:aws-vpc-move-ip": {"address": ADDRESS, "routing_table": "rtb-1"},
    "ocf:heartbeat:awsvip": {"secondary_private_ip": ADDRESS},
    "ocf:heartbeat:gcp-vpc-move-vip": {"alias_ip": ADDRESS + "/32"},
    "ocf:heartbeat:gcp-vpc-move-route": {"ip": ADDRESS, "route_name": "r"},
    "ocf:heartbeat:aliyun-vpc-move-ip": {"address": ADDRESS},
    "ocf:heartbeat:IPaddr": {"ip": ADDRESS},
    "ocf:heartbeat:VIPArip": {"ip": ADDRESS},
    "ocf:acme:our-vip": {"virtual_ip": ADDRESS},
}


@pytest.mark.parametrize("agent", CLOUD)
def test_an_address_is_known_whichever_agent_brings_it(agent):
    known = cib(file_system() + primitive("theirs", agent, **CLOUD[agent]))
    made = create(known.copy(), wish(tag="mail"), node())
    added = [each.subject for each in changes(known, made) if each.kind == ADD_RESOURCE]
    assert added == ["mail"]
    assert Relations(made).is_after("mail", "theirs")


@pytest.mark.parametrize(
    "agent", ["ocf:heartbeat:portblock", "ocf:heartbeat:IPsrcaddr", "ocf:heartbeat:SendArp", "ocf:heartbeat:apache"]
)
def test_an_address_among_the_parameters_is_not_yet_the_address(agent):
    assert address_of(agent, {"ip": ADDRESS, "ipaddress": ADDRESS}) == ""


def test_a_cloud_agent_beside_the_address_is_needed_too():
    both = primitive("cloud", "ocf:heartbeat:awsvip", secondary_private_ip=ADDRESS) + address()
    made = create(cib(file_system() + both), wish(tag="mail"), node())
    assert {"cloud", "mail-ip"} <= set(Relations(made).needs("mail"))


BAN = (
    '<rsc_location id="not-2" rsc="queue-fs"><rule id="r" score="-INFINITY">'
    '<expression id="e" attribute="#uname" operation="eq" value="n2"/></rule></rsc_location>'
)


def drafted(document, **wanted):
    first = make_draft(document, wish(tag="mail", **wanted), node())
    wanted = wish(tag="mail", **wanted)
    wanted.barred = barred(Cluster(), document, first)
    return wanted, make_draft(document, wanted, node())


def test_a_node_that_the_parts_are_kept_off_is_not_preferred():
    document = cib(file_system() + address(), BAN)
    wanted, draft = drafted(document)
    assert list(wanted.barred) == ["n2"]
    assert "not-2" in wanted.barred["n2"]
    assert list(draft.priorities) == ["n1", "n3"]
    made = create(document, wanted, node())
    preferred = [each["node"] for each in by_tag(made, "rsc_location") if each.get("score", "-").isdigit()]
    assert sorted(preferred) == ["n1", "n3"]


def test_a_node_that_is_named_and_cannot_run_it_is_an_error():
    _, draft = drafted(cib(file_system() + address(), BAN), nodes=[("n1", None), ("n2", None)])
    assert [each.check for each in draft.remarks if each.severity == "error"] == ["node_possible"]


def test_what_passes_bars_no_node():
    document = cib(file_system() + address())
    document.root.find(".//node[@uname='n2']").append(
        etree.fromstring('<instance_attributes id="i"><nvpair id="s" name="standby" value="on"/></instance_attributes>')
    )
    document.root.find("status/node_state[@uname='n3']").set("crmd", "offline")
    wanted, draft = drafted(document)
    assert wanted.barred == {}
    assert list(draft.priorities) == ["n1", "n2", "n3"]


def test_a_remote_node_takes_part_only_where_it_is_named():
    remote = primitive("far", "ocf:pacemaker:remote", server="203.0.113.9")
    made = create(cib(file_system() + address() + remote), wish(tag="mail"), node())
    assert {"rsc": "mail", "node": "far", "score": "-INFINITY", "resource-discovery": "never"} in by_tag(
        made, "rsc_location"
    )
    made = create(cib(file_system() + address() + remote), wish(tag="mail", nodes=[("n1", 1), ("far", 2)]), node())
    assert [each["score"] for each in by_tag(made, "rsc_location") if each["node"] == "far"] == ["998"]


def test_in_an_old_schema_nothing_is_made_that_it_does_not_know():
    document = cib(file_system() + address())
    document.root.set("validate-with", "pacemaker-1.2")
    made = create(document, wish(tag="mail", nodes=[("n1", 1), ("n2", 2)]), node())
    assert not [each for each in by_tag(made, "rsc_location") if "resource-discovery" in each]
    with Scratch() as scratch:
        assert Cluster().call("crm_verify", "--xml-file", scratch.write("c.xml", made)).returncode == 0


TIED = {
    "tag": (
        '<rsc_colocation id="c" rsc="mail" with-rsc="parts" score="INFINITY"/>'
        '<rsc_order id="o" first="parts" then="mail"/>'
        '<rsc_colocation id="v" rsc="mail-ip" with-rsc="queue-fs" score="INFINITY"/>'
    ),
    "sets": (
        '<rsc_colocation id="c" score="INFINITY"><resource_set id="s"><resource_ref id="queue-fs"/>'
        '<resource_ref id="mail-ip"/><resource_ref id="mail"/></resource_set></rsc_colocation>'
        '<rsc_order id="o"><resource_set id="s1" sequential="false"><resource_ref id="queue-fs"/>'
        '<resource_ref id="mail-ip"/></resource_set>'
        '<resource_set id="s2"><resource_ref id="mail"/></resource_set></rsc_order>'
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", TIED)
def test_what_holds_already_is_not_added(how):
    tags = '<tags><tag id="parts"><obj_ref id="queue-fs"/><obj_ref id="mail-ip"/></tag></tags>'
    mail = primitive("mail", "ocf:mail:postfix_ha")
    document = cib(file_system() + address() + mail, TIED[how], defaults=tags)
    assert text(create(document.copy(), wish(), node())) == text(document)


@pytest.mark.parametrize(
    "weaker",
    ['kind="Optional"', 'kind="Serialize"', 'symmetrical="false"', 'score="0"', 'first-action="stop"'],
)
def test_an_order_that_does_not_always_hold_is_made_whole(weaker):
    order = f'<rsc_order id="o" first="queue-fs" then="mail" {weaker}/>'
    document = cib(file_system() + address() + primitive("mail", "ocf:mail:postfix_ha"), order)
    assert ("mail", "queue-fs") not in Relations(document).after
    assert Relations(create(document, wish(), node())).is_after("mail", "queue-fs")


def test_an_address_in_a_clone_is_named_by_the_clone_and_follows_nothing():
    """A cluster IP: every node has it, and constraints on what is in a clone are none."""
    document = create(
        cib(f'{file_system("queue")}<clone id="shared">{address("vip")}</clone>'), wish(tag="mail"), node()
    )
    assert {("mail", "queue"), ("mail", "vip")} <= starts(document)
    named = [each for each in by_tag(document, "rsc_colocation") if "vip" in each.values()]
    assert named == []
    assert ("mail", "shared") in [(each["rsc"], each["with-rsc"]) for each in by_tag(document, "rsc_colocation")]
    assert text(create(document.copy(), wish(), node())) == text(document)
