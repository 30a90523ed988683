"""validate-all on a node, and as pcs and crm_resource ask for it."""

import pytest

from tests.support.mail.node import MailNode


@pytest.fixture
def node():
    with MailNode(disk_mb=None) as node:
        yield node


def test_what_comes_with_the_service_is_a_note(node: MailNode) -> None:
    assert node.agent("validate-all").code == 0
    node.run(["ip", "address", "del", "198.51.100.100/24", "dev", "eth0"], check=True)
    assert node.agent("validate-all").code == 0
    assert "198.51.100.100" in node.cluster_log()
    node.queue.umount()
    answer = node.agent("validate-all")
    assert (answer.code, answer.reasons) == (0, 0)
    assert "/mnt/queue/postfix" in node.cluster_log()


def test_a_configuration_on_the_unmounted_file_system_is_a_note(node: MailNode) -> None:
    params = {"config_dir": "/mnt/queue/conf"}
    node.run(["cp", "-a", "/etc/postfix", "/mnt/queue/conf"], check=True)
    assert node.agent("validate-all", params=params).code == 0
    node.queue.umount()
    assert node.agent("validate-all", params=params).code == 0
    assert node.agent("start", params=params).code == 5


@pytest.mark.parametrize("config_dir", ["/etc/postfixx", "/root/empty"])
def test_a_wrong_directory_is_an_error(node: MailNode, config_dir: str) -> None:
    node.run(["mkdir", "-p", "/root/empty"], check=True)
    answer = node.agent("validate-all", params={"config_dir": config_dir})
    assert (answer.code, answer.reasons) == (5, 1)
    assert f"no main.cf in {config_dir}" in answer.reason


def test_level_0_looks_at_the_parameters_alone(node: MailNode) -> None:
    node.run(["rm", "-rf", "/etc/postfix", "/usr/sbin/postfix", "/usr/sbin/postconf"], check=True)
    assert node.agent("validate-all", level=0).code == 0
    assert node.agent("validate-all", level=0, params={"config_dir": "etc/postfix"}).code == 6
    assert node.agent("validate-all", level=10).code == 5
    assert node.agent("validate-all").code == 5


def create(node: MailNode, *parameters: str) -> "tuple[int, str]":

    node.write("/root/cib.xml", node.run(["cibadmin", "--empty"]).stdout)
    command = ["pcs", "-f", "/root/cib.xml", "resource", "create", "mail", "ocf:mail:postfix_ha", *parameters]
    done = node.run([*command, "--agent-validation"])
    return done.returncode, done.stderr


def test_pcs_validates_from_a_node_without_postfix(node: MailNode) -> None:
    node.run(["rm", "-rf", "/etc/postfix", "/usr/sbin/postfix", "/usr/sbin/postconf"], check=True)
    assert create(node, "config_dir=/mnt/queue/conf") == (0, "")
    code, said = create(node, "config_dir=etc/postfix")
    assert code == 1
    assert "config_dir 'etc/postfix' is not an absolute path" in said


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("binary=/usr/sbin/nopostfix", "the postfix command /usr/sbin/nopostfix cannot be run"),
        ("config_dir=/etc/nowhere", "there is no main.cf in /etc/nowhere"),
    ],
)
def test_what_this_node_lacks_is_a_warning_that_pcs_shows(node: MailNode, parameter: str, words: str) -> None:
    code, said = create(node, parameter)
    assert code == 0
    assert words in said
    options = ["--class", "ocf", "--provider", "mail", "--agent", "postfix_ha", "--option", parameter]
    done = node.run(["crm_resource", "--validate", *options])
    assert done.returncode == 0
    assert words in done.stdout + done.stderr
    name, _, value = parameter.partition("=")
    answer = node.agent("validate-all", level=0, params={name: value})
    assert (answer.code, answer.reasons) == (0, 0)
    assert words in answer.stderr
    assert node.agent("validate-all", level=10, params={name: value}).code == 5
    # What may come with the service is none: below another mount, or an empty place for one.
    node.run(["mkdir", "-p", "/mnt/empty"], check=True)
    for elsewhere in ("/mnt/queue/there", "/mnt/empty/there"):
        assert node.agent("validate-all", level=0, params={name: elsewhere}).stderr == ""


def test_it_works_while_the_service_runs(node: MailNode) -> None:
    node.started()
    assert node.agent("validate-all").code == 0


def test_it_starts_nothing_and_changes_nothing(node: MailNode) -> None:
    before = node.run(["find", "/mnt/queue", "/etc/postfix", "/run/resource-agents", "/var/lib/postfix"]).stdout
    assert node.agent("validate-all").code == 0
    assert node.daemons() == []
    assert node.run(["find", "/mnt/queue", "/etc/postfix", "/run/resource-agents", "/var/lib/postfix"]).stdout == before
