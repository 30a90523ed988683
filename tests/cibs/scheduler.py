"""The scheduler asked by another way than the product's: a rule bans Postfix everywhere else, and the whole transition
is played to its end."""

import contextlib
import io
import json
import subprocess
import tempfile

from lxml import etree

from postfix_ha.cli.main import main

UP = ("Started", "Promoted", "Unpromoted", "Master", "Slave")


def outermost(root, name):
    """The id of the group, clone or bundle that a primitive is in, its own where it is in none."""
    element = root.find(f".//resources//primitive[@id='{name}']")
    while element.getparent().tag != "resources":
        element = element.getparent()
    return element.get("id")


def runs_there(path, name, node):
    """Whether Postfix runs on the node once the cluster has done all that it would, with every other node forbidden."""
    root = etree.parse(str(path)).getroot()
    constraints = root.find("configuration/constraints")
    ban = etree.SubElement(constraints, "rsc_location", id="elsewhere", rsc=outermost(root, name))
    rule = etree.SubElement(ban, "rule", id="elsewhere-rule", score="-INFINITY")
    etree.SubElement(rule, "expression", id="elsewhere-e", attribute="#uname", operation="ne", value=node)
    with tempfile.NamedTemporaryFile(suffix=".xml") as file:
        file.write(etree.tostring(root))
        file.flush()
        argv = ["crm_simulate", "--xml-file", file.name, "--simulate", "--output-as=xml"]
        done = subprocess.run(argv, capture_output=True, check=False, timeout=60)
    after = etree.fromstring(done.stdout)
    # Where an action waits for one that is not in the plan, crm_simulate ends with 1 after a whole answer: the cluster
    # leaves that action undone as well.
    said = [each.text for each in after.iterfind("status/errors/error")]
    assert done.returncode == 0 or "Transition failed: terminated" in said, done.stderr
    return any(
        where.get("name") == node
        for resource in after.iterfind("revised_cluster_status/resources//resource")
        if resource.get("id").split(":")[0] == name and resource.get("role") in UP
        for where in resource.findall("node")
        if resource.get("failed") == "false"
        or resource.get("failure_ignored") == "true"
        or is_well(root, resource, node)
    )


def is_well(root, resource, node):
    """Of what runs on several nodes crm_simulate tells a failure, and not where it was: the history of each has it."""
    name = resource.get("id").split(":")[0]
    failures = root.xpath(
        "status/node_state[@uname=$node]//lrm_resource[@id=$name]/lrm_rsc_op[@id=$op]",
        node=node,
        name=name,
        op=f"{name}_last_failure_0",
    )
    return len(resource.findall("node")) > 1 and not failures


def nodes_known(path):
    """All nodes that crm_simulate knows."""
    done = subprocess.run(
        ["crm_simulate", "--xml-file", str(path), "--output-as=xml"], capture_output=True, check=True, timeout=60
    )
    return [each.get("name") for each in etree.fromstring(done.stdout).iterfind("cluster_status/nodes/node")]


def status_of(path):
    """What ``postfix-ha status --json`` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["status", "--json", "--tag", "mail", "--cib-file", str(path)]) in (0, 1, 3)
    (found,) = json.loads(printed.getvalue())["hierarchies"]
    return found
