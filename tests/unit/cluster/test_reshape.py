"""extend, unextend, depend, undepend, properties, moves and delete, on the document alone."""

import pytest

from postfix_ha.cluster.change import modify as reshape
from postfix_ha.cluster.change import move as moves
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.model.edit import replace_agent
from postfix_ha.cluster.model.hierarchy import find_hierarchy, hierarchies
from postfix_ha.cluster.model.operations import operations, set_operation
from postfix_ha.messages.errors import Refused
from tests.support.cibs import address, by_tag, cib, file_system, mail, node, primitive, stickiness, text, wish


@pytest.fixture
def made():
    """A hierarchy on n1 and n2, n3 kept out."""
    return create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())


@pytest.fixture
def grouped():
    """One made by hand, as a group."""
    return cib(f'<group id="g">{file_system()}{address()}{mail()}</group>')


def test_extend_and_unextend_undo_one_another(made):
    wide = reshape.extend(made.copy(), "mail", "n3", 30)
    (found,) = hierarchies(wide)
    assert found.nodes == ["n1", "n2", "n3"]
    assert found.scores["n3"] == 970
    assert not [each for each in by_tag(wide, "rsc_location") if each["score"] == "-INFINITY"]
    assert text(reshape.extend(wide.copy(), "mail", "n3", 30)) == text(wide)
    narrow = reshape.unextend(wide, "mail", "n3")
    assert hierarchies(narrow)[0].nodes == ["n1", "n2"]
    locations = sorted(map(sorted, map(dict.items, by_tag(narrow, "rsc_location"))))
    assert locations == sorted(map(sorted, map(dict.items, by_tag(made, "rsc_location"))))


def test_a_group_is_extended_and_unextended_as_a_whole(grouped):
    narrow = reshape.unextend(grouped, "", "n3")
    assert by_tag(narrow, "rsc_location") == [
        {"rsc": "g", "node": "n3", "score": "-INFINITY", "resource-discovery": "never"}
    ]
    assert hierarchies(narrow)[0].nodes == ["n1", "n2"]
    assert hierarchies(reshape.extend(narrow, "", "n3"))[0].nodes[0] == "n3"


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (lambda cib: reshape.extend(cib, "mail", "n9"), "no node 'n9'"),
        (lambda cib: reshape.extend(cib, "mail", "n3", 10), "priority 10 is taken by n2"),
        (lambda cib: reshape.unextend(reshape.unextend(cib, "mail", "n2"), "mail", "n1"), "the only node"),
        (lambda cib: reshape.set_priorities(cib, "mail", {"n1": 10}), "priority 10 is taken by n2"),
        (lambda cib: reshape.set_priorities(cib, "mail", {"n3": 10}), "n3 does not take part"),
        (lambda cib: reshape.depend(cib, "mail", "nothing"), "no resource 'nothing'"),
        (lambda cib: reshape.depend(cib, "mail", "mail"), "cannot depend on itself"),
        (lambda cib: reshape.undepend(cib, "mail", "nothing"), "no resource 'nothing'"),
        (lambda cib: moves.hold(cib, "mail", "n9", 60), "no node 'n9'"),
        (lambda cib: moves.hold(cib, "mail", "n3", 60), "n3 does not take part"),
    ],
)
def test_refusals(made, work, words):
    with pytest.raises(Refused, match=words):
        work(made)


def test_priorities_can_be_exchanged_at_once(made):
    found = find_hierarchy(reshape.set_priorities(made, "mail", {"n1": 10, "n2": 1}), "mail")
    assert found.nodes == ["n2", "n1"]
    assert reshape.priorities(found) == {"n2": 1, "n1": 10}


def test_depend_and_undepend(made):
    spool = file_system("spool", "/mnt/spool", meta=stickiness("spool", "10000"))
    before = cib(spool)
    made.section("resources").append(before.resource("spool"))
    tied = reshape.depend(made.copy(), "mail", "spool")
    found = find_hierarchy(tied, "mail")
    assert "spool" in found.needs
    assert found.relations.is_after("mail", "spool")
    assert found.relations.is_with("spool", found.file_systems["/mnt/queue"])
    assert text(reshape.depend(tied.copy(), "mail", "spool")) == text(tied)
    assert text(reshape.undepend(tied, "mail", "spool")) == text(made)
    assert text(reshape.undepend(made.copy(), "mail", "spool")) == text(made)


def test_depend_refuses_another_switchback_and_a_circle(made):
    made.section("resources").append(cib(file_system("spool", "/mnt/spool")).resource("spool"))
    with pytest.raises(Refused, match="switchback must match: that of spool is automatic"):
        reshape.depend(made, "mail", "spool")
    circle = cib(mail() + primitive("web", "ocf:pacemaker:Dummy"), '<rsc_order id="o" first="mail" then="web"/>')
    with pytest.raises(Refused, match="itself depends on mail"):
        reshape.depend(circle, "mail", "web")


def test_depend_on_a_clone(made):
    made.section("resources").append(
        cib(f'<clone id="net">{primitive("ping", "ocf:pacemaker:ping")}</clone>').resource("net")
    )
    tied = reshape.depend(made.copy(), "mail", "net")
    assert {"rsc": "mail", "with-rsc": "net", "score": "INFINITY"} in by_tag(tied, "rsc_colocation")
    assert text(reshape.depend(tied.copy(), "mail", "net")) == text(tied)
    assert text(reshape.undepend(tied, "mail", "net")) == text(made)


def test_what_a_group_ties_is_not_taken_apart(grouped):
    with pytest.raises(Refused, match="through a group"):
        reshape.undepend(grouped, "", "mail-ip")


def test_switchback_of_all_parts(made):
    found = find_hierarchy(reshape.set_switchback(made, "mail", "automatic"), "mail")
    assert {found.switchback(name) for name in found.members} == {"automatic"}


def test_a_part_of_others_keeps_its_switchback(made):
    other = mail("mail2", config_dir="/etc/postfix2")
    made.section("resources").append(cib(other).resource("mail2"))
    shared = reshape.depend(reshape.set_switchback(made, "mail2", "intelligent"), "mail2", "fs-mnt-queue")
    with pytest.raises(Refused, match="fs-mnt-queue also serves mail2"):
        reshape.set_switchback(shared, "mail", "automatic")
    # What another hierarchy needs is neither deleted nor kept off a node.
    gone = reshape.delete(shared.copy(), "mail", with_parts=True)
    assert [each.get("id") for each in gone.primitives()] == ["fence", "fs-mnt-queue", "mail2"]
    narrow = reshape.unextend(shared, "mail", "n2")
    kept_off = {each["rsc"] for each in by_tag(narrow, "rsc_location") if each["node"] == "n2"}
    assert "fs-mnt-queue" not in kept_off


def test_hold_and_release(made):
    held = moves.hold(made.copy(), "mail", "n2", 60)
    assert hierarchies(held)[0].moves == ["cli-prefer-mail"]
    again = moves.hold(held, "mail", "n1", 60)
    assert hierarchies(again)[0].moves == ["cli-prefer-mail"]
    assert text(moves.release(again, "mail")) == text(made)


def test_automatic_switchback_would_take_a_move_back(made):
    automatic = find_hierarchy(reshape.set_switchback(made, "mail", "automatic"), "mail")
    with pytest.raises(Refused, match="fail back to n1"):
        moves.check_stays(automatic, "n2")
    moves.check_stays(automatic, "n1")


def test_in_and_out_of_service(made, grouped):
    for document in (made, grouped):
        out = moves.out_of_service(document.copy(), "mail")
        assert hierarchies(out)[0].is_disabled
        back = moves.in_service(out, "mail")
        assert not hierarchies(back)[0].is_disabled
        assert text(back) == text(document)


def test_delete_leaves_the_parts_and_no_trace(made, grouped):
    left = reshape.delete(made.copy(), "mail")
    assert [each.get("id") for each in left.primitives()] == ["fence", "fs-mnt-queue", "ip-198.51.100.100"]
    assert b"mail" not in text(left).replace(b"mail_", b"")
    nothing = reshape.delete(made, "mail", with_parts=True)
    assert text(nothing) == text(cib())
    assert [each.get("id") for each in reshape.delete(grouped, "").resources()] == ["fence", "g", "queue-fs", "mail-ip"]
    alone = cib(f'<group id="g">{mail()}</group>', '<rsc_location id="l" rsc="g" node="n1" score="1"/>')
    assert text(reshape.delete(alone, "")) == text(cib())


def test_operations_are_found_by_name_and_interval(made):
    primitive_mail = find_hierarchy(made, "mail").mail
    set_operation(made, primitive_mail, "monitor", {"interval": "10000ms", "timeout": "40s"})
    set_operation(made, primitive_mail, "monitor", {"OCF_CHECK_LEVEL": "20", "interval": "600s"})
    set_operation(made, primitive_mail, "start", {"timeout": "90s"})
    set_operation(made, primitive_mail, "monitor", {"interval": "7s"})
    assert operations(primitive_mail) == [
        "monitor interval=10s timeout=40s",
        "monitor interval=60s timeout=30s OCF_CHECK_LEVEL=10",
        "monitor interval=600s timeout=60s OCF_CHECK_LEVEL=20",
        "start interval=0s timeout=90s",
        "stop interval=0s timeout=60s",
        "monitor interval=7s",
    ]
    with pytest.raises(Refused, match="several monitor operations"):
        set_operation(made, primitive_mail, "monitor", {"timeout": "1s"})


@pytest.mark.parametrize("agent", ["ocf:heartbeat:postfix", "systemd:postfix", "systemd:postfix@-"])
def test_an_agent_is_exchanged_and_comes_back(agent):
    document = cib(mail(agent="ocf:heartbeat:postfix", config_dir="/etc/postfix", parameters="-v"))
    replace_agent(document, document.resource("mail"), "ocf:mail:postfix_ha", {"config_dir": "/etc/postfix"})
    (found,) = hierarchies(document)
    assert found.agent == "ocf:mail:postfix_ha"
    assert document.parameters(found.mail) == {"config_dir": "/etc/postfix"}
    assert len(operations(found.mail)) == 5
    replace_agent(document, found.mail, agent, {})
    assert document.agent(document.resource("mail")) == agent
    assert document.parameters(document.resource("mail")) == {}
    assert [line.split()[0] for line in operations(document.resource("mail"))] == ["monitor", "start", "stop"]
