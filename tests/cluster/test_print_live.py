"""What print writes makes the same cluster again, loaded by the real tools into the cluster that runs."""

import pytest
from lxml import etree

from tests.support.lab.resources import MAIL
from tests.support.lab.tool import same_cluster

LOAD = {
    "pcs": "sh -e /root/mail.txt",
    # crmsh writes a log of its own, wherever it runs.
    "crm": "mkdir -p /var/log/crmsh && crm configure </root/mail.txt",
    "xml": "cibadmin --modify --allow-create --xml-file /root/mail.txt",
}
# What happens to the cluster, and what fails while it reacts.
EVENTS = (((), ()), (("--node-down", "n1"), ()), ((), ("--op-fail", f"{MAIL}_monitor_10000@n1=1")))


def decisions(lab):
    """The scores of all resources on all nodes, and what the cluster would do on each event."""
    found = []
    for event, failure in EVENTS:
        # In two steps: in one, the XML of Pacemaker 3.0 ends with the event.
        lab.run("crm_simulate", "--live-check", *event, "--save-output", "/root/event.xml")
        argv = ("--xml-file", "/root/event.xml", "--simulate", "--show-scores", "--output-as=xml", *failure)
        root = etree.fromstring(lab.run("crm_simulate", *argv).stdout.encode())
        found.append({(each.get("id"), each.get("node"), each.get("score")) for each in root.iter("node_weight")})
        found.append([tuple(sorted(each.attrib.items())) for each in root.iterfind("transition/rsc_action")])
    return found


@pytest.mark.parametrize("by", ["pcs and hand", "create"])
def test_print_outs_make_the_same_cluster(lab, command, by):
    tool = command
    tool.ok("switchover", "n1")
    if by == "create":
        tool.ok("delete", "--leave-running")
        tool.ok("create", "--yes", "--tag", MAIL, *tool.rsh)
        tool.ok(
            "properties", "--operation", "stop timeout=77s", "--parameter", "greeting_timeout=9", "--priority", "n1=2"
        )
        tool.ok("unextend", "n3")
    lab.settle()
    cluster, wanted = same_cluster(etree.tostring(lab.cib()).decode()), decisions(lab)
    assert any(wanted[3]), "a node that is lost has consequences"
    printed = tool.json("print")
    for form, load in LOAD.items():
        tool.ok("delete", "--stop", "--with-parts")
        lab.wait_for(lambda: lab.is_idle() and not lab.where(), 40, "nothing of it is left")
        assert MAIL not in tool.configuration()
        lab.nodes["n1"].write("/root/mail.txt", "\n".join(printed[form]) + "\n")
        begin = len(lab.operations())
        done = lab.nodes["n1"].run(["sh", "-ec", f"cd /root; {load}"])
        assert done.returncode == 0, f"{form}: {done.stdout}{done.stderr}"
        lab.settle()
        assert lab.where() == "n1", form
        # It came into the cluster whole: nothing was started before what it needs, or where it is not to be.
        done = [each for each in lab.operations()[begin:] if each.action in ("start", "stop") and each.code is not None]
        assert [(each.action, each.node, each.code) for each in done] == [("start", "n1", 0)], form
        assert same_cluster(etree.tostring(lab.cib()).decode()) == cluster, form
        assert decisions(lab) == wanted, form
