"""Hierarchies are recognised whoever made them, and however the CIB says what depends on what."""

import pytest

from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.model.hierarchy import find_hierarchy, hierarchies, is_mail_agent
from postfix_ha.cluster.model.relations import Relations
from postfix_ha.messages.errors import ClusterError, Refused
from tests.support.cibs import ADDRESS, address, cib, file_system, mail, primitive, stickiness

PARTS = file_system() + address()
PLAIN = """
<rsc_colocation id="c1" rsc="mail" with-rsc="queue-fs" score="INFINITY"/>
<rsc_colocation id="c2" rsc="mail" with-rsc="mail-ip" score="INFINITY"/>
<rsc_order id="o1" first="queue-fs" then="mail"/><rsc_order id="o2" first="mail-ip" then="mail"/>"""
SETS = """
<rsc_colocation id="c" score="INFINITY">
  <resource_set id="c1">
    <resource_ref id="queue-fs"/><resource_ref id="mail-ip"/><resource_ref id="mail"/>
  </resource_set>
</rsc_colocation>
<rsc_order id="o">
  <resource_set id="o1" sequential="false"><resource_ref id="queue-fs"/><resource_ref id="mail-ip"/></resource_set>
  <resource_set id="o2"><resource_ref id="mail"/></resource_set>
</rsc_order>"""


@pytest.mark.parametrize(
    ("resources", "constraints"),
    [
        (PARTS + mail(), PLAIN),
        (PARTS + mail(), SETS),
        (f'<group id="g">{PARTS}{mail()}</group>', ""),
        (
            f'<group id="storage">{PARTS}</group>{mail()}',
            '<rsc_colocation id="c" rsc="mail" with-rsc="storage" score="INFINITY"/>'
            '<rsc_order id="o" first="storage" then="mail"/>',
        ),
    ],
    ids=["constraints", "sets", "group", "group beside it"],
)
def test_what_postfix_needs_is_found(resources, constraints):
    document = cib(resources, constraints)
    (found,) = hierarchies(document)
    assert found.tag == "mail"
    assert sorted(found.needs) == ["mail-ip", "queue-fs"]
    assert found.addresses == {ADDRESS: "mail-ip"}
    assert found.file_systems == {"/mnt/queue": "queue-fs"}
    relations = Relations(document)
    for needed in ("mail-ip", "queue-fs"):
        assert relations.is_with("mail", needed)
        assert relations.is_after("mail", needed)
        assert not relations.is_with(needed, "mail")
        assert not relations.is_after(needed, "mail")


def test_an_advisory_colocation_is_no_need():
    document = cib(PARTS + mail(), '<rsc_colocation id="c" rsc="mail" with-rsc="mail-ip" score="100"/>')
    assert hierarchies(document)[0].needs == []


@pytest.mark.parametrize(
    ("agent", "is_mail"),
    [
        ("ocf:mail:postfix_ha", True),
        ("ocf:heartbeat:postfix", True),
        ("systemd:postfix", True),
        ("systemd:postfix.service", True),
        ("systemd:postfix@-", True),
        ("lsb:postfix", True),
        ("service:postfix", True),
        ("systemd:postfixadmin", False),
        ("ocf:heartbeat:IPaddr2", False),
        ("ocf:other:postfix", False),
    ],
)
def test_agents_that_run_postfix(agent, is_mail):
    assert is_mail_agent(agent) is is_mail
    assert len(hierarchies(cib(mail(agent=agent)))) == is_mail


def test_priorities_and_exclusions_on_any_member_count():
    document = cib(
        PARTS + mail(),
        PLAIN + '<rsc_location id="l1" rsc="queue-fs" node="n1" score="300"/>'
        '<rsc_location id="l2" rsc="queue-fs" node="n2" score="200"/>'
        '<rsc_location id="l3" rsc="mail" node="n3" score="-INFINITY"/>',
    )
    (found,) = hierarchies(document)
    assert found.nodes == ["n1", "n2"]
    assert found.scores == {"n1": 300, "n2": 200}
    assert found.holder == "queue-fs"
    assert found.excluded == ["n3"]


def test_a_move_by_hand_is_no_preference():
    rule = '<rsc_location id="cli-prefer-mail" rsc="mail" node="n2" score="INFINITY" role="Started"/>'
    (found,) = hierarchies(cib(PARTS + mail(), PLAIN + rule))
    assert found.moves == ["cli-prefer-mail"]
    assert found.scores == {}


@pytest.mark.parametrize(
    ("own", "defaults", "switchback"),
    [
        (stickiness("mail", "10000"), "", "intelligent"),
        (stickiness("mail", "INFINITY"), "", "intelligent"),
        (stickiness("mail", "0"), "", "automatic"),
        (stickiness("mail", "50"), "", "automatic"),
        ("", "", "automatic"),
        ("", f"<rsc_defaults>{stickiness('defaults', '1000')}</rsc_defaults>", "intelligent"),
        ("", f"<rsc_defaults>{stickiness('defaults', '1')}</rsc_defaults>", "automatic"),
    ],
)
def test_switchback_is_what_the_stickiness_in_force_amounts_to(own, defaults, switchback):
    preferences = {"n1": 300, "n2": 200}
    locations = "".join(
        f'<rsc_location id="{node}" rsc="mail" node="{node}" score="{score}"/>' for node, score in preferences.items()
    )
    document = cib(primitive("mail", "ocf:mail:postfix_ha", own), locations, defaults=defaults)
    assert hierarchies(document)[0].switchback() == switchback


def test_a_name_is_needed_only_where_there_are_several():
    two = cib(mail("mail") + mail("mail2", config_dir="/etc/postfix2"))
    assert find_hierarchy(two, "mail2").config_dir == "/etc/postfix2"
    with pytest.raises(Refused, match=r"name one of: mail, mail2 \(as in '--resource mail'\)"):
        find_hierarchy(two, "")
    assert find_hierarchy(two, "", lambda each: each.tag == "mail2").tag == "mail2"  # the one that can be meant
    for is_meant in (lambda each: True, lambda each: False):
        with pytest.raises(Refused, match="name one of: mail, mail2"):
            find_hierarchy(two, "", is_meant)
    with pytest.raises(Refused, match="there is no resource 'mial'"):
        find_hierarchy(two, "mial")
    with pytest.raises(Refused, match="fence is not a Postfix"):
        find_hierarchy(two, "fence")
    with pytest.raises(Refused, match="runs no Postfix yet"):
        find_hierarchy(cib(), "")
    grouped = cib(f'<group id="g">{mail()}</group>')
    assert find_hierarchy(grouped, "g").tag == "mail"


def test_a_template_gives_agent_and_parameters():
    template = (
        '<template id="t" class="ocf" provider="mail" type="postfix_ha"><instance_attributes id="t-ia">'
        '<nvpair id="t-c" name="config_dir" value="/etc/postfix2/"/></instance_attributes></template>'
    )
    (found,) = hierarchies(cib(template + '<primitive id="mail" template="t"/>'))
    assert found.agent == "ocf:mail:postfix_ha"
    assert found.config_dir == "/etc/postfix2"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<cib",
        b"<cib/>",
        b"<x/>",
        b"\xff\xfe\x00",
        b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><cib>&b;</cib>",
    ],
)
def test_what_is_no_cib_is_said_so(data):
    with pytest.raises(ClusterError, match="cluster configuration"):
        parse(data)


WITHOUT_ID = '<primitive class="ocf" provider="mail" type="postfix_ha"/>'


@pytest.mark.parametrize(
    "resources",
    [
        WITHOUT_ID, f'<group id="g">{WITHOUT_ID}</group>', f"<group>{mail()}</group>",
        f'<clone><group id="g">{mail()}</group></clone>', f'<bundle id="">{mail()}</bundle>',
    ],
)  # fmt: skip
def test_what_has_no_id_is_no_resource_as_for_pacemaker(resources):
    with pytest.raises(Refused):
        find_hierarchy(cib(resources), "")


def test_elements_without_an_id_beside_a_hierarchy_are_no_part_of_it():
    """Pacemaker ignores them, and says so in its log."""
    constraints = (
        f'{PLAIN}<rsc_location rsc="mail" node="n1" score="-INFINITY"/><rsc_order first="mail" then="mail-ip"/>'
    )
    whole = cib(f'{PARTS}<group id="g">{WITHOUT_ID}{mail()}</group>{WITHOUT_ID}', constraints)
    (found,) = hierarchies(whole)
    assert (found.tag, found.members, found.excluded) == ("mail", ["mail", "mail-ip", "queue-fs"], [])
    assert "" not in {name for pair in found.relations.with_ | found.relations.after for name in pair}
    assert found.switchback() == "automatic"


@pytest.mark.parametrize("number", ["", "²", "-1", "1.0", "one"])
def test_a_version_that_is_no_number_is_refused(number):
    for name in ("epoch", "admin_epoch"):
        with pytest.raises(ClusterError, match=f"{name}='{number}', which is not a whole number"):
            assert parse(f"<cib {name}='{number}'><configuration/></cib>".encode()).version
    assert parse(f"<cib epoch='{'9' * 5000}'><configuration/></cib>".encode()).version == (0, 2**63 - 1)
    assert parse(f"<cib validate-with='pacemaker-{number}.3'><configuration/></cib>".encode()).schema == (99, 0)
