"""What `properties` sets is held against the agent's meta-data and against what Pacemaker knows."""

import shutil

import pytest

from postfix_ha.cluster.create.build import create
from tests.cibs.cases import path_of
from tests.support.cibs import cib, cib_text, file_system, mail, node, text, wish
from tests.support.command import OnFile


@pytest.fixture
def line(tmp_path):
    """A file with a hierarchy on n1 and n2."""
    file = tmp_path / "cib.xml"
    file.write_bytes(text(create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())))
    return OnFile(file)


WRONG = [
    ("--parameter", "greeting_timeout=abc", "greeting_timeout 'abc' is not a whole number of seconds from 1 to 600"),
    ("--parameter", "greeting_timeout=0", "greeting_timeout '0' is not a whole number"),
    ("--parameter", "drain_timeout=99999", "drain_timeout '99999' is not a whole number"),
    ("--parameter", "binary=sbin/postfix", "is not an absolute path of the postfix command"),
    ("--parameter", "parameters=-x", "cannot pass '-x'"),
    ("--parameter", "greting_timeout=20", "has no parameter 'greting_timeout': did you mean greeting_timeout?"),
    ("--parameter", "colour=blue", "has no parameter 'colour': it has binary, config_dir"),
    ("--meta", "is-managed=perhaps", "meta attribute is-managed cannot be 'perhaps': it takes true or false"),
    ("--meta", "maintenance=2", "cannot be '2': it takes true or false"),
    ("--meta", "resource-stickiness=lots", "cannot be 'lots': it takes a whole number"),
    ("--meta", "migration-treshold=3", "Pacemaker knows no meta attribute 'migration-treshold'"),
    ("--meta", "migration-treshold=3", "did you mean migration-threshold?"),
    ("--meta", "migration-threshold=-1", "a whole number from 0, or INFINITY"),
    ("--meta", "failure-timeout=soon", "a time such as 30s"),
    ("--meta", "target-role=Gone", "Started or Stopped"),
    ("--meta", "multiple-active=panic", "stop_start"),
    ("--meta", "requires=luck", "nothing, quorum, fencing"),
    ("--operation", "monitor interval=10s on-fail=explode", "on-fail 'explode' is none of ignore, block"),
    ("--operation", "stop on-fail=standby", "on-fail 'standby' is none of ignore, block, fence"),
    ("--operation", "monitor interval=10s enabled=perhaps", "enabled 'perhaps' is none of true"),
    ("--operation", "monitor interval=10s OCF_CHECK_LEVEL=99", "OCF_CHECK_LEVEL '99' is none of 0, 10, 20"),
    ("--operation", "start timeout=0", "timeout must be more than 0"),
]


@pytest.mark.parametrize(("option", "value", "words"), WRONG, ids=[each[1] for each in WRONG])
def test_a_value_that_nothing_would_take_is_refused_before_it_waits_for_an_outage(line, option, value, words):
    before = line.file.read_bytes()
    done = line.run("properties", option, value, "--yes")
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert line.file.read_bytes() == before


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--parameter", "greeting_timeout=20s"),
        ("--parameter", "binary="),
        ("--meta", "migration-threshold=INFINITY"),
        ("--meta", "resource-stickiness=-10"),
        ("--meta", "failure-timeout=PT5M"),
        ("--meta", "failure-timeout=5min"),
        ("--meta", "is-managed=Yes"),
        ("--meta", "critical=false"),
        ("--meta", "no-such-attribute="),
        ("--operation", "monitor interval=10s on-fail=standby"),
    ],
)
def test_what_pacemaker_takes_is_taken(line, option, value):
    line.ok("properties", option, value, "--yes")


@pytest.fixture
def others(tmp_path):
    """A file with a hierarchy that others have made: a value that is none, and a note of their own."""
    pair = '<nvpair id="own" name="our-own-note" value="a"/>'
    postfix = mail(greeting_timeout="never").replace(
        "</primitive>", f'<meta_attributes id="mail-ma">{pair}</meta_attributes></primitive>'
    )
    file = tmp_path / "others.xml"
    file.write_text(cib_text(f'<group id="g">{file_system()}{postfix}</group>'))
    return OnFile(file)


def test_a_parameter_that_is_wrong_already_stands_against_no_other(others):
    others.ok("properties", "--parameter", "drain_timeout=5", "--yes")
    assert others.run("properties", "--parameter", "greeting_timeout=ever", "--yes").returncode == 2
    others.ok("properties", "--parameter", "greeting_timeout=", "--yes")


def test_a_meta_attribute_that_somebody_uses_can_be_changed_and_removed(others):
    others.ok("properties", "--meta", "our-own-note=b", "--yes")
    others.ok("properties", "--meta", "our-own-note=", "--yes")
    assert "our-own-note" not in others.file.read_text()


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [("systemd-unit", ("--parameter", "greeting_timeout=20"), "has no parameter 'greeting_timeout': it has none")],
)
def test_other_agents_have_their_own_parameters(tmp_path, name, arguments, words):
    file = tmp_path / "cib.xml"
    shutil.copy(path_of(name), file)
    done = OnFile(file).run("properties", *arguments, "--yes")
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr


@pytest.mark.skipif(shutil.which("crm_resource") is None, reason="needs Pacemaker's command line programs")
def test_the_meta_data_of_another_agent_is_asked(tmp_path):
    file = tmp_path / "cib.xml"
    shutil.copy(path_of("shell-agent-group"), file)
    line = OnFile(file)
    done = line.run("properties", "--parameter", "greeting_timeout=20", "--yes")
    assert "ocf:heartbeat:postfix has no parameter 'greeting_timeout'" in done.stderr
    line.ok("properties", "--parameter", "config_dir=/etc/postfix-out", "--yes")
