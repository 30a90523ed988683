"""A configuration of 5 MB, with 16 nodes and hundreds of resources: status answers at once, and as the whole would."""

import os
import resource
import subprocess
import sys
import time

import pytest
from lxml import etree

from postfix_ha.cluster.live.pacemaker import Cluster, Scratch
from postfix_ha.cluster.model.cib import parse
from postfix_ha.cluster.where.essence import essence
from postfix_ha.cluster.where.placement import nodes_that_can_run
from tests.property.cib_shapes import operation
from tests.support.cibs import FENCING, primitive
from tests.support.machine.node import CHECKOUT

START = f'import sys; sys.path.insert(0, "{CHECKOUT}/lib"); from postfix_ha.cli.main import main; sys.exit(main())'
NODES = [f"node{number:02d}.example.net" for number in range(1, 17)]
OTHERS = [f"db{number}" for number in range(400)]
GROUPED = range(360, 400)
RUNS = 5
# On a machine with nothing else to do, which QUIET_MACHINE in the environment says: status wants two processors.
CLOCK_S_MAX = 0.5
# crm_mon works on one processor, status on all.
CPU_RATIO_MAX = 4


def history(name, number, home):
    done = [operation(name, "monitor", 7)]
    if number == home:
        done = [operation(name, "start", 0), operation(name, "monitor", 0, interval=10000, key="monitor_10000", call=6)]
    parts = {"mail": "mail", "queue": "heartbeat", "vip": "heartbeat"}
    types = {"mail": "postfix_ha", "queue": "Filesystem", "vip": "IPaddr2"}
    kind = f'class="ocf" provider="{parts.get(name, "pacemaker")}" type="{types.get(name, "Dummy")}"'
    return f'<lrm_resource id="{name}" {kind}>{"".join(done)}</lrm_resource>'


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    dummies = [primitive(name, "ocf:pacemaker:Dummy") for name in OTHERS]
    resources = FENCING + "".join(dummies[:-40]) + "".join(f'<group id="g{at}">{dummies[at]}</group>' for at in GROUPED)
    resources += primitive("mail", "ocf:mail:postfix_ha")
    resources += primitive("queue", "ocf:heartbeat:Filesystem", directory="/mnt/queue")
    resources += primitive("vip", "ocf:heartbeat:IPaddr2", ip="198.51.100.100")
    constraints = "".join(
        f'<rsc_colocation id="{a}-{b}" rsc="{a}" with-rsc="{b}" score="INFINITY"/>'
        for a, b in (("mail", "queue"), ("vip", "queue"), ("mail", "vip"))
    )
    for number, name in enumerate(OTHERS):
        for step in range(3):
            node = NODES[(number + step) % len(NODES)]
            constraints += f'<rsc_location id="{name}-{step}" rsc="{name}" node="{node}" score="{100 - step}"/>'
    for node in NODES[9:]:
        constraints += f'<rsc_location id="mail-{node}" rsc="mail" node="{node}" score="-INFINITY"/>'
    constraints += '<rsc_colocation id="apart" rsc="mail" with-rsc="db3" score="-INFINITY"/>'
    # Nothing of these is the service's; without what is left out each of them would be empty, or point nowhere.
    constraints += '<rsc_location id="tagged" rsc="only-others" node="node02.example.net" score="5"/>'
    constraints += '<rsc_location id="many" node="node02.example.net" score="5"><resource_set id="many-1">'
    constraints += '<resource_ref id="db8"/><resource_ref id="db9"/></resource_set></rsc_location>'
    constraints += (
        '<rsc_ticket id="booth" ticket="T"><resource_set id="booth-1"><resource_ref id="g365"/></resource_set>'
    )
    constraints += '</rsc_ticket><rsc_location id="shared" rsc="queue"><rule id-ref="db11-r"/></rsc_location>'
    constraints += '<rsc_location id="db11-l" rsc="db11"><rule id="db11-r" score="-INFINITY">'
    constraints += '<expression id="db11-e" attribute="#uname" operation="eq" value="node09.example.net"/></rule>'
    constraints += "</rsc_location>"
    tags = '<tags><tag id="only-others"><obj_ref id="db5"/><obj_ref id="g361"/></tag></tags>'
    states, entries = "", ""
    for number, node in enumerate(NODES, 1):
        names = ["mail", "queue", "vip", *OTHERS]
        homes = {name: at % len(NODES) + 1 for at, name in enumerate(OTHERS)}
        done = "".join(history(name, number, homes.get(name, 1)) for name in names)
        entries += f'<node id="{number}" uname="{node}"/>'
        states += (
            f'<node_state id="{number}" uname="{node}" in_ccm="true" crmd="online" join="member" expected="member">'
            f'<lrm id="{number}"><lrm_resources>{done}</lrm_resources></lrm></node_state>'
        )
    path = tmp_path_factory.mktemp("large") / "cib.xml"
    path.write_text(
        '<cib crm_feature_set="3.15.1" validate-with="pacemaker-3.7" epoch="5" num_updates="7" admin_epoch="0" '
        f'have-quorum="1" dc-uuid="1"><configuration><crm_config/><nodes>{entries}</nodes><resources>{resources}'
        f"</resources><constraints>{constraints}</constraints>{tags}</configuration><status>{states}</status></cib>"
        + "<!-- history of a long life -->"
        * 60000
    )
    return path


def used(argv, env):
    """(seconds of the clock, seconds of the processors, what it printed) of a command and all that it starts."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **env},
    )
    after, clock_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begun
    return clock_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def test_status_takes_no_time(large):
    """Beside crm_mon on the same file in the same run: how busy the machine is, both of them see."""
    assert large.stat().st_size > 4_000_000
    argv = [sys.executable, "-c", START, "status", "--cib-file", str(large)]
    # Compiled once, as the packages have it.
    compiled = {"PYTHONPYCACHEPREFIX": str(large.parent / "compiled"), "PYTHONDONTWRITEBYTECODE": ""}
    runs = [
        (used(argv, compiled), used(["crm_mon", "--one-shot", "--inactive"], {"CIB_file": str(large)}))
        for _ in range(RUNS)
    ]
    (_, _, printed), (_, _, said) = runs[0]
    assert "mail: in service on node01.example.net" in printed
    assert "not on node10.example.net: constraint mail-node10.example.net" in " ".join(printed.split())
    assert "not on node09.example.net: constraint shared forbids queue" in " ".join(printed.split())
    assert "mail" in said
    clock_s, peer_clock_s = (min(run[which][0] for run in runs) for which in (0, 1))
    cpu_s, peer_cpu_s = (min(run[which][1] for run in runs) for which in (0, 1))
    figures = f"status {clock_s:.2f} s ({cpu_s:.2f} s of processors), crm_mon {peer_clock_s:.2f} s ({peer_cpu_s:.2f} s)"
    print(figures)
    assert cpu_s < CPU_RATIO_MAX * peer_cpu_s, figures
    assert clock_s < CLOCK_S_MAX or "QUIET_MACHINE" not in os.environ, figures


def test_what_is_left_out_changes_no_answer(large):
    cib = parse(large.read_bytes())
    small = essence(cib, ["mail", "queue", "vip"])
    assert len(etree.tostring(small.root)) < len(etree.tostring(cib.root)) / 20
    assert small.resource("db3") is not None  # Postfix keeps away from it
    assert small.resource("db11") is not None  # the rule of its constraint is the queue's as well
    assert [name for name in ("db5", "db8", "g361", "g365") if small.resource(name) is not None] == []
    with Scratch() as scratch:
        verified = Cluster().call("crm_verify", "--xml-file", scratch.write("small.xml", small))
    assert verified.returncode == 0, verified.stderr
    asked = [NODES[0], NODES[3], NODES[12]]
    cluster = Cluster(str(large))
    assert nodes_that_can_run(cluster, small, "mail", NODES, asked) == nodes_that_can_run(
        cluster, cib, "mail", NODES, asked
    )


def test_what_has_failed_is_never_left_out(large):
    cib = parse(large.read_bytes())
    (entry,) = cib.root.findall("status/node_state[@id='5']//lrm_resource[@id='db77']/lrm_rsc_op")
    entry.set("rc-code", "1")
    small = essence(cib, ["mail", "queue", "vip"])
    assert small.resource("db77") is not None
    assert small.resource("db78") is None
