"""What the field already has to test an agent with, run against ours as ci/install installs it on a private node.

ocf-tester and ocft come with resource-agents; the meta-data is read by Pacemaker, pcs and crmsh, and checked against
every published schema of it that is on this machine.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.machine.node import AGENT, BASE_ENV, CHECKOUT
from tests.support.mail.node import MailNode

# They share one node, so they stay on one worker.
pytestmark = pytest.mark.xdist_group("field_tools")

NAME = "ocf:mail:postfix_ha"
PUBLISHED_CASES = Path("/usr/share/resource-agents/ocft/configs/postfix")
OCFT_NAME = "postfix-ha"
COLOUR = re.compile(r"\x1b\[\d+m")

DTD_FOLDER = Path("/usr/share/resource-agents")
PACKAGED_SCHEMAS = [Path("/usr/share/pcs/data/ocf-1.1.rng"), DTD_FOLDER / "metadata.rng"]
# The schema of the OCF standard itself is in no package: it lies beside the checkout, or where the variable says.
OFFICIAL_SCHEMA = Path(os.environ.get("OCF_RA_SCHEMA", CHECKOUT.parent / "shared/ocf/ra-api-1.1.rng"))

LATIN_1 = "de_DE.ISO-8859-1"
ENVIRONMENTS = {
    "unset": {},
    "c": {**BASE_ENV, "LANG": "C", "LC_ALL": "C"},
    "latin-1": {**BASE_ENV, "LC_ALL": LATIN_1, "LOCPATH": "/tmp/locales"},
    "utf-8": {**BASE_ENV, "LC_ALL": "C.UTF-8"},
}
READERS = {
    "crm_resource": ["/usr/sbin/crm_resource", "--show-metadata", NAME],
    "pcs": ["/usr/sbin/pcs", "resource", "describe", NAME, "--full"],
    "crmsh": ["/usr/sbin/crm", "ra", "info", NAME],
}


@pytest.fixture(scope="module")
def node():
    """A private node with Postfix configured, stopped, and the agent installed as an administrator would do it."""
    with MailNode() as node:
        node.run([str(CHECKOUT / "ci/install")], check=True)
        assert not os.path.islink(node.path(AGENT))
        # What a boot makes for ocft (tmpfiles.d of resource-agents), and what crmsh does not start without.
        node.run(["mkdir", "-p", "/run/resource-agents", "/tmp/locales", "/var/log/crmsh"], check=True)
        node.run(["localedef", "-i", "de_DE", "-f", "ISO-8859-1", f"/tmp/locales/{LATIN_1}"], check=True)
        yield node


@pytest.fixture(scope="module")
def meta_data(node, tmp_path_factory):
    """A file with the meta-data as the installed agent prints it."""
    answer = node.agent("meta-data")
    assert (answer.code, answer.stderr) == (0, "")
    path = tmp_path_factory.mktemp("meta-data") / "postfix_ha.xml"
    path.write_text(answer.stdout)
    return path


def xmllint(path, *options):
    """Validate a file the way ocf-tester does: from standard input, where the DTD is."""
    with path.open() as file:
        return subprocess.run(
            ["/usr/bin/xmllint", "--nonet", "--noout", *map(str, options), "-"],
            stdin=file,
            cwd=DTD_FOLDER,
            capture_output=True,
            text=True,
        )


# ocf-tester: the three calls that the published list of cases names


@pytest.mark.parametrize(
    "options",
    [
        pytest.param([], id="no-parameter"),
        pytest.param(["-o", "binary=/usr/sbin/postfix", "-o", "config_dir="], id="binary"),
        pytest.param(["-o", "binary=/usr/sbin/postfix", "-o", "config_dir=/etc/postfix"], id="binary-and-config-dir"),
    ],
)
def test_ocf_tester_passes(node, options):
    done = node.run(["ocf-tester", "-n", "post1", *options, AGENT], timeout=120)
    output = done.stdout + done.stderr
    assert f"{AGENT} passed all tests" in output
    assert done.returncode == 0
    # Lines that begin with a star and a code are what ocf-tester has against an agent.
    assert not re.findall(r"^\* rc=.*", output, re.M)
    assert node.daemons() == []


# ocft: every published case


def published_cases():
    return re.findall(r'^CASE "(.+)"$', PUBLISHED_CASES.read_text(), re.M)


@pytest.fixture(scope="module")
def ocft(node):
    """The line that ocft printed for each case, by the case's name."""
    text = PUBLISHED_CASES.read_text()
    folder, agent = AGENT.rsplit("/", 1)
    for setting, value in (("AgentRoot", folder), ("Agent", agent)):
        text, count = re.subn(rf"^(\s*{setting})\s.*$", rf"\1 {value}", text, flags=re.M)
        assert count == 1, f"the published cases have no {setting}"
    node.write(f"/tmp/ocft/{OCFT_NAME}", text)
    # ocft installs the service's package before each case; it is there, and nothing is fetched.
    node.run(["mount", "--bind", "/bin/true", "/usr/bin/apt-get"], check=True)
    try:
        node.run(["ocft", "make", "-d", "/tmp/ocft", OCFT_NAME], check=True)
        done = node.run(["ocft", "test", OCFT_NAME], timeout=280)
    finally:
        node.run(["umount", "/usr/bin/apt-get"], check=True)
    lines = [COLOUR.sub("", line) for line in done.stdout.splitlines()]
    found = dict(re.findall(rf"^{OCFT_NAME}: (.+?) - (.*)$", "\n".join(lines), re.M))
    found["exit code"] = done.returncode
    return found


def test_ocft_ran_every_published_case(ocft):
    assert set(ocft) == {*published_cases(), "exit code"}
    assert len(published_cases()) >= 14
    assert ocft["exit code"] == 0


@pytest.mark.parametrize("case", published_cases())
def test_ocft_case_passes(ocft, case):
    assert ocft[case] == "OK."


# Meta-data: each reader, in each environment


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_meta_data_is_the_same_in_every_environment(node, meta_data, environment):
    done = node.run([AGENT, "meta-data"], env=ENVIRONMENTS[environment])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == meta_data.read_text()
    assert done.stdout.isascii()


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "unset"])
@pytest.mark.parametrize("reader", READERS)
def test_reader_shows_the_whole_meta_data(node, meta_data, reader, environment):
    if environment == "latin-1":
        charmap = node.run(["locale", "charmap"], env=ENVIRONMENTS[environment])
        assert charmap.stdout.strip() == "ISO-8859-1"
    done = node.run(READERS[reader], env=ENVIRONMENTS[environment])
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "Manages a highly available Postfix mail system" in done.stdout
    names = re.findall(r'<parameter name="(\w+)"', meta_data.read_text())
    assert len(names) >= 4
    for name in [*names, "start", "stop", "monitor"]:
        assert re.search(rf"\b{name}\b", done.stdout), name


def test_pacemaker_passes_the_meta_data_on_unchanged(node, meta_data):
    done = node.run(READERS["crm_resource"], env=ENVIRONMENTS["c"])
    assert done.stdout.strip() == meta_data.read_text().strip()


@pytest.mark.parametrize("lister", [["pcs", "resource", "list", "ocf:mail"], ["crm", "ra", "list", "ocf", "mail"]])
def test_agent_is_listed_under_its_provider(node, lister):
    done = node.run(lister)
    assert "postfix_ha" in done.stdout
    assert done.returncode == 0


# Meta-data: each schema


def test_meta_data_has_no_encoding_declaration(meta_data):
    # crmsh refuses one, because it reads the text into a string first.
    assert re.match(r'<\?xml version="1.0"\?>\n', meta_data.read_text())


def test_meta_data_is_valid_for_the_dtd(meta_data):
    done = xmllint(meta_data, "--valid")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("schema", PACKAGED_SCHEMAS, ids=lambda schema: schema.name)
def test_meta_data_is_valid_for_a_packaged_schema(meta_data, schema):
    done = xmllint(meta_data, "--relaxng", schema)
    assert done.returncode == 0, done.stderr


def test_meta_data_is_valid_for_the_schema_of_the_standard(meta_data):
    if not OFFICIAL_SCHEMA.exists() and not os.environ.get("CI"):
        pytest.skip(f"{OFFICIAL_SCHEMA} is not there: put ra-api.rng of OCF 1.1 there, or name it in OCF_RA_SCHEMA")
    done = xmllint(meta_data, "--relaxng", OFFICIAL_SCHEMA)
    assert done.returncode == 0, done.stderr


def test_meta_data_changed_against_the_standard_is_found(meta_data, tmp_path):
    broken = tmp_path / "broken.xml"
    broken.write_text(meta_data.read_text().replace('<content type="integer"', '<content type="number"'))
    for schema in (*PACKAGED_SCHEMAS, OFFICIAL_SCHEMA):
        if schema.exists():
            assert xmllint(broken, "--relaxng", schema).returncode != 0, schema
