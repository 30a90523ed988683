"""postfix-ha graph: Graphviz draws every member with its agent and states, and an arrow to what it needs."""

import json
import subprocess
import sys

import pytest
from lxml import etree

from tests.support.cibs import ADDRESS, address, cib, cib_text, file_system, mail, node, text, wish
from tests.support.machine.node import CHECKOUT

START = f'import sys; sys.path.insert(0, "{CHECKOUT}/lib"); from postfix_ha.cli.main import main; sys.exit(main())'
SVG = {"svg": "http://www.w3.org/2000/svg"}


def graph(file, *arguments):
    argv = [sys.executable, "-c", START, "graph", "--cib-file", str(file), *arguments]
    return subprocess.run(argv, capture_output=True, check=False, timeout=60)


def drawn(svg, kind):
    """Title -> the lines of text of every node or edge of a drawing."""
    groups = etree.fromstring(svg).iterfind(f".//svg:g[@class='{kind}']", SVG)
    return {
        group.findtext("svg:title", namespaces=SVG): [line.text for line in group.iterfind("svg:text", SVG)]
        for group in groups
    }


def test_the_drawing_has_every_member_and_what_it_needs(tmp_path):
    from postfix_ha.cluster.create.build import create

    file = tmp_path / "cib.xml"
    file.write_bytes(text(create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())))
    done = graph(file)
    assert (done.returncode, done.stderr) == (0, b"")
    boxes = drawn(done.stdout, "node")
    assert set(boxes) == {"mail", "fs-mnt-queue", f"ip-{ADDRESS}"}
    assert boxes["mail"] == ["mail", "ocf:mail:postfix_ha", "n1: ready", "n2: ready", "n3: excluded"]
    assert boxes["fs-mnt-queue"][1] == "ocf:heartbeat:Filesystem"
    assert set(drawn(done.stdout, "edge")) == {
        "mail->fs-mnt-queue",
        f"mail->ip-{ADDRESS}",
        f"ip-{ADDRESS}->fs-mnt-queue",
    }

    told = json.loads(graph(file, "--json").stdout)
    assert {each["id"]: each["agent"] for each in told["resources"]} == {box: lines[1] for box, lines in boxes.items()}
    assert told["resources"][0]["states"] == {"n1": "ready", "n2": "ready", "n3": "excluded"}
    assert told["resources"][0]["nodes"] == []
    arrows = {f"{each['resource']}->{each['needs']}": each["waits"] for each in told["needs"]}
    assert set(arrows) == set(drawn(done.stdout, "edge"))
    assert [name for name, waits in arrows.items() if not waits] == [f"ip-{ADDRESS}->fs-mnt-queue"]


@pytest.mark.parametrize("name", ["n-1.x", 'a"b\\c', "<b>&amp;", "größe", "\\N \\l"])
def test_whatever_a_node_is_called_the_drawing_is_well_formed(tmp_path, name):
    file = tmp_path / "cib.xml"
    document = cib(file_system() + address() + mail(), nodes=("n1",))
    for element in document.root.iter("node", "node_state"):
        element.set("uname", name)
    file.write_bytes(text(document))
    done = graph(file)
    assert done.returncode == 0, done.stderr
    assert f"{name}: ready" in drawn(done.stdout, "node")["mail"]


def test_several_hierarchies_are_one_drawing(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_text(cib_text(mail("one") + mail("two", config_dir="/etc/postfix2")))
    assert set(drawn(graph(file).stdout, "node")) == {"one", "two"}
    assert set(drawn(graph(file, "--tag", "two").stdout, "node")) == {"two"}
