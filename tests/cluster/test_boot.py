"""P49: after a boot of all nodes the service comes up at the first try, its file system and addresses before it."""

from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL


def last(lab, resource, action, code):
    """When this step (code None: its begin) of an action last happened."""
    return max(step.at for step in lab.operations(resource) if step.action == action and step.code == code)


def test_all_nodes_boot_and_postfix_starts_after_what_it_needs(lab, events):
    def reboot_all():
        for name in lab.nodes:
            lab.power_off(name)
        assert not any(node.is_on for node in lab.nodes.values())
        for node in lab.nodes.values():
            node.power_on()

    outcome = events.observe("all nodes boot", reboot_all, lambda: lab.all_online() and lab.where())
    assert outcome.lost == 0
    assert (outcome.most_mounts, outcome.most_masters) == (1, 1)

    mail_begins = last(lab, MAIL, "start", None)
    assert last(lab, FILESYSTEM, "start", 0) <= mail_begins
    assert last(lab, ADDRESS, "start", 0) <= mail_begins
    failures = [failure.get("op_key", "") for failure in lab.status().findall("failures/failure")]
    assert not [key for key in failures if key.startswith((MAIL, FILESYSTEM, ADDRESS))]


def test_stopping_goes_the_other_way_round(lab):
    lab.pcs("resource", "disable", FILESYSTEM)
    lab.wait_for(lambda: lab.is_idle() and not lab.where(FILESYSTEM), 60, "everything has stopped")
    try:
        assert not lab.where(MAIL)
        assert last(lab, MAIL, "stop", 0) <= last(lab, FILESYSTEM, "stop", None)
        assert lab.watch.now.mounts == ()
    finally:
        lab.pcs("resource", "enable", FILESYSTEM)
    lab.wait_for(lab.where, 60, "the service runs again")


def test_file_system_and_address_do_not_wait_for_each_other(lab):
    order = lab.cib().findall("configuration/constraints/rsc_order")
    assert {(rule.get("first"), rule.get("then"), rule.get("kind")) for rule in order} == {
        (FILESYSTEM, MAIL, "Mandatory"),
        (ADDRESS, MAIL, "Mandatory"),
    }
