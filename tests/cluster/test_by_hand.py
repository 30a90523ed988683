"""An administrator's hands on the service: crm_resource's single actions, and maintenance (case P58)."""

import pytest

from tests.support.lab.resources import MAIL


@pytest.fixture
def unmanaged(lab):
    """The cluster keeps its hands off the mail server for the length of a test."""
    lab.pcs("resource", "unmanage", MAIL)
    lab.wait_for(lab.is_idle, 30, "the cluster has taken note")
    yield lab
    lab.pcs("resource", "manage", MAIL)
    lab.wait_for(lab.is_idle, 60, "the cluster has taken note")


def mail_state(lab):
    """What the cluster knows about the mail resource: (active, failed)."""
    resource = lab.status().find(f"resources/resource[@id='{MAIL}']")
    return resource.get("active") == "true", resource.get("failed") == "true"


def test_validate_by_crm_resource_on_every_node(lab):
    for name in lab.nodes:
        done = lab.crm_resource("--resource", MAIL, "--validate", on=name)
        assert done.returncode == 0, done.stdout + done.stderr


def test_validate_before_creation(lab):
    agent = ["--class", "ocf", "--provider", "mail", "--agent", "postfix_ha"]
    done = lab.crm_resource("--validate", *agent, "--option", "config_dir=/etc/postfix")
    assert done.returncode == 0, done.stdout + done.stderr
    done = lab.crm_resource("--validate", *agent, "--option", "config_dir=etc/postfix")
    assert done.returncode != 0
    assert "config_dir" in done.stdout + done.stderr


def test_force_check_where_it_runs_and_where_not(lab):
    here = lab.where()
    for name in lab.nodes:
        done = lab.crm_resource("--resource", MAIL, "--force-check", on=name)
        assert done.returncode == (0 if name == here else 7), f"{name}: {done.stdout}{done.stderr}"


def test_force_stop_and_force_start(unmanaged):
    lab = unmanaged
    here = lab.where()
    node, old = lab.master()
    assert lab.crm_resource("--resource", MAIL, "--force-stop", on=here).returncode == 0
    assert not [process for process in node.pids() if "/postfix/" in process.exe]
    assert lab.crm_resource("--resource", MAIL, "--force-check", on=here).returncode == 7
    # Stopping what is stopped succeeds, and starting what runs does.
    assert lab.crm_resource("--resource", MAIL, "--force-stop", on=here).returncode == 0
    assert lab.crm_resource("--resource", MAIL, "--force-start", on=here).returncode == 0
    assert lab.crm_resource("--resource", MAIL, "--force-check", on=here).returncode == 0
    assert lab.master()[1].pid != old.pid
    lab.wait_for(lambda: mail_state(lab) == (True, False), 30, "the cluster's monitor has found the service again")


def test_maintenance_by_hand_leads_to_no_restart(unmanaged):
    """P58: unmanage, stop and start by hand, manage again: the cluster finds the state out and does nothing."""
    lab = unmanaged
    node, old = lab.master()
    assert node.run(["postfix", "stop"]).returncode == 0
    lab.wait_for(lambda: mail_state(lab) != (True, False), 30, "the cluster's monitor has seen the service stopped")
    assert lab.masters() == [], "the cluster started a resource that it was told not to manage"
    assert node.run(["postfix", "start"]).returncode == 0
    _, by_hand = lab.master()
    assert by_hand.outside != old.outside
    lab.wait_for(lambda: mail_state(lab) == (True, False), 30, "the cluster's monitor has found the service again")
    steps = len(lab.operations())
    lab.pcs("resource", "manage", MAIL)
    lab.settle()
    assert lab.master()[1].outside == by_hand.outside
    assert lab.where() == node.name
    assert len(lab.operations()) == steps
