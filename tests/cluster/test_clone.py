"""P60: the agent as a clone, one local queue on each node, beside the service on the shared disk."""

import pytest

from tests.support.machine.node import AGENT, BASE_ENV
from tests.support.mail.node import MAKE_QUEUE

CONFIG = "/etc/postfix-local"
MAIN_CF = """\
compatibility_level = 3.6
inet_interfaces = loopback-only
inet_protocols = ipv4
queue_directory = /var/spool/postfix-local
data_directory = /var/lib/postfix-local
maillog_file = /var/log/mail-local.log
mydestination =
alias_maps =
alias_database =
"""
PREPARE = f"""\
set -e
mkdir -p {CONFIG}
{MAKE_QUEUE.format(queue="/var/spool/postfix-local")}install -d -o postfix -g postfix -m 755 /var/lib/postfix-local
sed 's/^smtp  *inet/127.0.0.1:2525 inet/' /etc/postfix/master.cf >{CONFIG}/master.cf
grep -q '^127.0.0.1:2525 inet' {CONFIG}/master.cf
cat >{CONFIG}/main.cf
"""
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


def locals_of(node):
    """The master processes of the clone's instance on a node."""
    return [process for process in node.named("master") if has_local_config(node, process)]


def has_local_config(node, process):
    """Whether a master was started for the clone's configuration."""
    return f"MAIL_CONFIG={CONFIG}" in node.read(f"/proc/{process.pid}/environ").split("\0")


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
