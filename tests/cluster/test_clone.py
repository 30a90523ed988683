"""P60: the agent as a clone, one local queue on each node, beside the service on the shared disk."""

import pytest

from tests.support.lab.local_instance import CONFIG, MAIN_CF, PREPARE, locals_of
from tests.support.machine.node import AGENT, BASE_ENV

ENV = {**BASE_ENV, "OCF_RESKEY_config_dir": CONFIG, "OCF_RESOURCE_INSTANCE": "local-mail"}


@pytest.fixture
def clone(lab):
    """A clone of our agent on all three nodes, each with a queue of its own; taken away again."""
    for node in lab.nodes.values():
        node.run(["sh", "-c", PREPARE], input=MAIN_CF, check=True)
    lab.pcs(
        *["resource", "create", "local-mail", "ocf:mail:postfix_ha", f"config_dir={CONFIG}"],
        *["op", "monitor", "interval=2s", "clone"],
    )
    yield lab
    lab.pcs("resource", "delete", "local-mail")
    lab.wait_for(lab.is_idle, 60, "the clone is gone")
    for node in lab.nodes.values():
        assert not node.exists("/var/spool/postfix-local/pid/master.pid") or not locals_of(node)


def test_clone_runs_on_every_node_and_leaves_the_shared_service_alone(clone):
    lab = clone
    shared = lab.master()[1].outside

    def running():
        instances = lab.status().findall("resources/clone[@id='local-mail-clone']/resource")
        good = [one for one in instances if one.get("active") == "true" and one.get("failed") == "false"]
        return sorted(one.find("node").get("name") for one in good) == sorted(lab.nodes) and lab.is_idle()

    lab.wait_for(running, 60, "the clone runs on all nodes")
    for node in lab.nodes.values():
        done = node.run([AGENT, "monitor"], env=ENV)
        assert done.returncode == 0, f"{node.name}: {done.stderr}"
        assert len(locals_of(node)) == 1
    assert lab.master()[1].outside == shared
    failures = [failure.get("op_key", "") for failure in lab.status().findall("failures/failure")]
    assert not [key for key in failures if key.startswith("local-mail")]
