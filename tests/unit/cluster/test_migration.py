"""An exchange of the agent, step by step on documents: in none of them would the cluster start or stop anything.

This is all that can be shown for systemd:postfix, which needs a systemd as PID 1; between the two OCF agents the
exchange is made on the real cluster, in tests/cluster.
"""

import copy

import pytest

from postfix_ha.cluster.change.replace_agent import begin, end, exchanged, is_in_maintenance, why_not
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.simulation import simulate
from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.model.hierarchy import OUR_AGENT, SHELL_AGENT, find_hierarchy
from postfix_ha.messages.statement import Statement
from tests.support.cibs import cib, mail, stickiness, text

UNIT = "systemd:postfix"
HOME = '<rsc_location id="home" rsc="mail" node="n1" score="50"/>'
NO_FENCING = '<nvpair id="s" name="stonith-enabled" value="false"/>'


def cluster_with(agent):
    """A cluster in which the agent is to run Postfix, at home on n1."""
    resource = mail(agent=agent).replace("</primitive>", stickiness("mail", 100) + "</primitive>")
    return cib(resource, HOME, NO_FENCING)


def status_of(document, path):
    """The cluster's memory once it has started what this configuration wants."""
    done = Cluster(str(path)).call(
        "crm_simulate", "--simulate", "--xml-pipe", "--save-output", str(path), input=text(document)
    )
    assert done.returncode == 0, done.stderr
    return parse(path.read_bytes()).root.find("status")


def remembered(document, status):
    """The configuration in a cluster with this memory."""
    found = document.copy()
    found.root.replace(found.root.find("status"), copy.deepcopy(status))
    return found


def actions(document):
    outcome = simulate(Cluster(), document)
    assert outcome is not None
    return [action for action in outcome.actions if " mail " in action]


@pytest.mark.parametrize(
    ("former", "agent"),
    [(UNIT, OUR_AGENT), (OUR_AGENT, UNIT), (SHELL_AGENT, OUR_AGENT), (OUR_AGENT, SHELL_AGENT), (UNIT, SHELL_AGENT)],
)
def test_in_no_step_the_cluster_would_touch_postfix(tmp_path, former, agent):
    document = cluster_with(former)
    in_maintenance = begin(document.copy(), "mail", agent)
    exchanged_in_it = exchanged(in_maintenance.copy(), "mail", agent)
    at_the_end = end(exchanged_in_it.copy(), "mail")
    before, after = (status_of(each, tmp_path / "status.xml") for each in (document, at_the_end))
    assert actions(remembered(exchanged(document.copy(), "mail", agent), before)), "at once, it would be restarted"
    steps = [(document, before), (in_maintenance, before), (exchanged_in_it, before), (exchanged_in_it, after)]
    steps.append((at_the_end, after))
    assert [actions(remembered(each, known)) for each, known in steps] == [[]] * len(steps)
    assert [is_in_maintenance(find_hierarchy(each, "mail")) for each, _ in steps] == [False, True, True, True, False]
    last = find_hierarchy(steps[-1][0], "mail")
    assert last.agent == agent
    assert last.mail.get("provider") == (agent.split(":")[1] if agent.count(":") == 2 else None)


def test_the_unit_of_an_instance_has_to_be_named():
    hierarchy = find_hierarchy(cib(mail(config_dir="/etc/postfix2")), "mail")
    (against,) = why_not(hierarchy, UNIT)
    assert "systemd:postfix@name" in Statement(against).reason
    assert why_not(hierarchy, "systemd:postfix@-") == []
    assert why_not(find_hierarchy(cib(mail()), "mail"), UNIT) == []
