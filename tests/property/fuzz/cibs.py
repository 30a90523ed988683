"""CIBs: bytes that are no configuration are refused in one line; every other is understood without an exception."""

import contextlib
import json
from typing import Any

from hypothesis import strategies as st
from lxml import etree

from postfix_ha.cli.commands.print_out import xml_lines
from postfix_ha.cli.commands.status import lines_of
from postfix_ha.cluster.change.modify import delete
from postfix_ha.cluster.change.unfinished import unfinished
from postfix_ha.cluster.model.changes import changes, sentence
from postfix_ha.cluster.model.cib import Cib, parse
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy, hierarchies
from postfix_ha.cluster.model.managed_mounts import mount_holding
from postfix_ha.cluster.show.crm import crm_lines
from postfix_ha.cluster.show.graph import dot_of
from postfix_ha.cluster.show.pcs import pcs_lines
from postfix_ha.cluster.show.status import Overview
from postfix_ha.messages.errors import ClusterError, Refused
from tests.property.fuzz.cib_texts import DOCUMENTS, STATUSES, latin
from tests.property.fuzz.target import Target
from tests.property.fuzz.texts import mutated


def check_document(data: bytes) -> None:
    """One configuration, read."""
    try:
        cib = parse(data)
    except ClusterError:
        return
    check_cib(cib, etree.fromstring(b"<pacemaker-result/>"))


def check_understood(drawn: "dict[str, Any]") -> None:
    """One configuration with what the cluster says of it."""
    try:
        cib = parse(drawn["cib"].encode("latin-1"))
    except ClusterError:
        return
    check_cib(cib, etree.fromstring(drawn["status"]))


def check_cib(cib: Cib, status: "etree._Element") -> None:
    """All that the commands make of a configuration, without a cluster; what they print is another target's."""
    with contextlib.suppress(ClusterError):
        assert len(cib.version) == 2
        cib.ids()
        mount_holding(cib, "/mnt/queue/postfix")
        unfinished(cib)
        for each in hierarchies(cib)[:4]:
            with contextlib.suppress(ClusterError, Refused):
                check_hierarchy(cib, each, status)


def check_hierarchy(cib: Cib, hierarchy: Hierarchy, status: "etree._Element") -> None:
    """Its status, its drawing, and what makes it again."""
    overview = Overview(hierarchy, status)
    json.loads(json.dumps(overview.as_object(), allow_nan=False))
    assert hierarchy.containers is not None
    assert hierarchy.own is not None
    assert isinstance(hierarchy.anchor + hierarchy.config_dir, str)
    assert hierarchy.addresses is not None
    assert lines_of(overview, {})
    assert dot_of([overview]).endswith("}\n")
    find_hierarchy(cib, hierarchy.tag)
    made = changes(delete(cib.copy(), hierarchy.tag, with_parts=True), cib)
    assert all(map(sentence, made))
    assert len(pcs_lines(made)) >= len(made)
    assert len(crm_lines(made)) >= len(made)
    etree.fromstring("\n".join(xml_lines(made)))


TARGETS = (
    Target("cib", mutated(DOCUMENTS, 1 << 20), check_document, share=4, fixed=60),
    Target(
        "cib_with_status",
        st.fixed_dictionaries({"cib": DOCUMENTS.map(latin), "status": STATUSES}),
        check_understood,
        is_json=True,
        share=4,
        fixed=60,
    ),
)
