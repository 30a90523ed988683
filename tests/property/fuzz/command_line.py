"""The command on a CIB file, in this process but with Pacemaker's own programs: a documented code, no traceback."""

import contextlib
import functools
import io
import json
import shutil
from random import Random
from typing import Any
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st

from postfix_ha.cli.main import main
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.model.cib import parse
from postfix_ha.messages.errors import ClusterError
from tests.property.fuzz.cib_texts import DOCUMENTS, IDS, NODES, SEED, allowed, constraint, latin, resource
from tests.property.fuzz.config_files import directory
from tests.property.fuzz.target import Broken, Target, must_be_clean
from tests.property.fuzz.texts import mostly, pick, some
from tests.support.cibs import cib, node, text, wish

CODES = {0, 1, 2, 4}
# What the sentence of program_sound says: an error of our own that the barrier caught.
TELLS_BUG = "report this"
LOOKS = (("status",), ("print",), ("print", "--format", "crm"), ("print", "--format", "xml"), ("graph", "--dot"))
# What stands in an orderly hierarchy for the names that are drawn; each is exchanged throughout.
PLACES = ("mail", "queue-fs", "mail-ip", "n1", "n2", "n3", "/dev/x", "/mnt/queue", "ocf:heartbeat:IPaddr2", "ext4")


@functools.cache
def orderly() -> str:
    """A hierarchy as the command itself makes it."""
    made = create(cib(), wish(tag="mail", nodes=[("n1", 1), ("n2", 10)]), node())
    return text(made).decode().replace("pacemaker-3.7", "none")


def hierarchy(seed: int) -> bytes:
    """An orderly hierarchy, with other names for its parts and at times with something out of order."""
    random = Random(seed)
    document = orderly()
    for name in random.sample(PLACES, random.randrange(5)):
        other = quoteattr(allowed(some(random, ()) or ""))[1:-1]
        document = document.replace(f'"{name}"', f'"{other}"').replace(f"-{name}", f"-{other}")
    if random.randrange(3) == 0:
        document = document.replace("</constraints>", constraint(random) + "</constraints>")
    if random.randrange(3) == 0:
        document = document.replace("</resources>", resource(random) + "</resources>")
    return document.encode()


HIERARCHIES = SEED.map(hierarchy)
ID, NODE = mostly(*IDS), mostly(*NODES)


@st.composite
def commands(draw: "st.DrawFn") -> "list[str]":
    """The words of one command; in braces stand names that are filled in from the configuration."""
    node_ = pick((3, st.sampled_from(("{n1}", "{n2}", "{n3}"))), (1, NODE))
    dry = ["--dry-run", *draw(st.sampled_from(([], [], ["--json"])))]
    if draw(st.booleans()):
        words = list(draw(st.sampled_from(LOOKS)))
        words += draw(st.sampled_from(([], ["--json"]))) if words[0] != "graph" else []
    else:
        forms = (
            ["switchover", draw(node_), *dry],
            ["extend", draw(node_), "--no-peer-check", *dry],
            ["unextend", draw(node_), *dry],
            ["depend", draw(ID), *dry],
            ["undepend", draw(ID), *dry],
            ["properties", "--parameter", draw(mostly("config_dir=/x", "binary=/y", "x")), *dry],
            ["properties", "--priority", draw(node_) + draw(mostly("=3", "=x", "=000001999999")), *dry],
            ["properties", "--operation", draw(mostly("monitor interval=20s", "start timeout=5", "x")), *dry],
            ["properties"],
            ["in-service", *dry],
            ["out-of-service", *dry],
            ["delete", "--stop", "--with-parts", *dry],
            ["delete", "--leave-running", *dry],
            ["migrate", "--to", draw(mostly("ocf:mail:postfix_ha", "ocf:heartbeat:postfix")), *dry],
            ["create", "--yes", "--no-peer-check", "--config-dir", draw(mostly("/nonexistent", "{here}")), *dry],
        )
        words = list(draw(st.sampled_from(forms)))
    return words + (["--tag", draw(ID)] if draw(st.integers(0, 5)) == 0 and "depend" not in words[0] else [])


def names_in(data: bytes) -> "dict[str, str]":
    """The names of the nodes in a configuration, by what stands for them in a command."""
    with contextlib.suppress(ClusterError):
        return dict(zip(("n1", "n2", "n3"), parse(data).nodes()))
    return {}


def check_command(drawn: "dict[str, Any]") -> None:
    """One command on one file, which stays as it is."""
    file = directory() / "cib.xml"
    data = drawn["cib"].encode("latin-1")
    file.write_bytes(data)
    place = str(directory())
    (directory() / "main.cf").write_bytes(b"inet_interfaces = 127.0.0.1\nqueue_directory = /nonexistent/queue\n")
    (directory() / "master.cf").write_bytes(b"smtp inet n - y - - smtpd\n")
    names = {"here": place, **names_in(data)}
    words = [allowed(word).replace("\0", "") for word in drawn["words"]]
    for name, value in names.items():
        words = [word.replace(f"{{{name}}}", value) for word in words]
    said, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
        try:
            code = main([*words, "--cib-file", str(file)])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    output, complaint = said.getvalue(), errors.getvalue()
    name = words[0]
    if "Traceback" in complaint or TELLS_BUG in complaint:
        raise Broken(f"an error of our own in {name}: {error_of(complaint)}", complaint[-500:])
    if code not in CODES:
        raise Broken(f"code {code} of {name}", complaint[-300:])
    if code in (2, 4) and not complaint:
        raise Broken(f"a refusal of {name} without a word", output[:200])
    if "--json" in words and output:
        try:
            json.loads(output)
        except ValueError:
            raise Broken(f"no JSON from {name}", output[:300]) from None
    must_be_clean(output.replace("\t", " "), f"what {name} prints")
    must_be_clean(complaint.replace("\t", " "), f"what {name} complains")
    if file.read_bytes() != data:
        raise Broken(f"a file that {name} changed")


def error_of(complaint: str) -> str:
    """The kind of exception in a report of an error of our own."""
    words = [word.strip(":,()") for word in complaint.split()]
    return next((word for word in words if word.endswith(("Error", "Exception"))), "?")


TARGETS = (
    (
        Target(
            "command",
            st.fixed_dictionaries({"cib": pick((3, HIERARCHIES), (1, DOCUMENTS)).map(latin), "words": commands()}),
            check_command,
            is_json=True,
            share=8,
            fixed=12,
            cpu_s=5.0,
        ),
    )
    if shutil.which("cibadmin")
    else ()
)
