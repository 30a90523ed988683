"""Drawn CIBs: the product's word on who could run Postfix is the scheduler's, and what it makes and prints keeps it so.

POSTFIX_HA_CIBS is how many are drawn; ci/cibs draws 2,000.
"""

import os

import pytest
from hypothesis import HealthCheck, given, note, settings

from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.model.hierarchy import find_hierarchy
from postfix_ha.cluster.model.node_attributes import states_of
from postfix_ha.cluster.show.spelling import spelled_out
from postfix_ha.cluster.where.placement import nodes_that_can_run
from postfix_ha.cluster.where.why_not import judge
from postfix_ha.messages.errors import Refused
from tests.cibs.scheduler import runs_there
from tests.property.cib_shapes import cibs
from tests.support.cibs import node, starts, text, wish

DRAWN = int(os.environ.get("POSTFIX_HA_CIBS", "100"))
# The scheduler is asked a thousand times; beside other work on two cores that takes minutes.
pytestmark = pytest.mark.timeout(900 if DRAWN <= 100 else 0)
drawn = settings(max_examples=DRAWN, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


@drawn
@given(cibs())
def test_who_can_run_it_is_what_the_scheduler_says(drawn_text):
    note(drawn_text)
    cib = parse(drawn_text.encode())
    with Scratch() as scratch:
        path = scratch.write("drawn.xml", cib)
        cluster = Cluster(path)
        hierarchy = find_hierarchy(cib, "mail")
        states = states_of(cib, cluster.status())
        verdict = judge(cluster, hierarchy, states)
        truth = {name: runs_there(path, "mail", name) for name in states}
        assert verdict is not None
        assert verdict.can == truth
        assert all(verdict.obstacles[name] for name in truth if not truth[name])
        # What a reader makes of the print-out is decided upon in the same way.
        assert nodes_that_can_run(cluster, spelled_out(cib), "mail", list(states)) == truth


@drawn
@given(cibs())
def test_create_holds_and_starts_in_order(drawn_text):
    note(drawn_text)
    cib = parse(drawn_text.encode())
    try:
        made = create(cib.copy(), wish(), node())
    except Refused:
        return
    assert text(create(made.copy(), wish(), node())) == text(made)
    for each in made.root.iter("lrm_resources"):
        each.clear()
    order = starts(made)
    started = {name for pair in order for name in pair}
    if "mail" in started:
        assert {("mail", "queue"), ("mail", "vip")} <= order
