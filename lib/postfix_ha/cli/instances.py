"""Which instances of Postfix a look at this node is about: those of the cluster's configuration, else the default one.

The configuration is read from the file in which Pacemaker keeps it: that is there at once, whatever the daemons do.
"""

import os
import re

from postfix_ha.instance import DEFAULT_CONFIG_DIR
from postfix_ha.params import Params
from postfix_ha.request import caller_environment
from postfix_ha.system.files import read_regular

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.cluster.model.hierarchy import Hierarchy

CIB = "/var/lib/pacemaker/cib/cib.xml"
CIB_SIZE_MAX = 64 * 1024 * 1024
NAMED = b'name="config_dir"'
NAMED_VALUE = re.compile(rb'name="config_dir"\s+value="([^"]*)"')


class Concern:
    """One instance: its ``config_dir`` ("" is the default one), the ``binary`` ("" likewise) and the ``resource``."""

    __slots__ = ("binary", "config_dir", "resource")

    def __init__(self, config_dir: str = "", binary: str = "", resource: str = "") -> None:
        self.config_dir = config_dir
        self.binary = binary
        self.resource = resource

    @property
    def heading(self) -> str:
        """What is printed above its findings."""
        return f"{self.config_dir or DEFAULT_CONFIG_DIR}, resource {self.resource}:"

    def params(self, config_dir: str, binary: str) -> Params:
        """The parameters of this instance; what the command line names wins over the cluster's directory."""
        return Params({"config_dir": config_dir or self.config_dir, "binary": self.binary or binary})


def concerns(config_dir: str = "", cib_file: str = "") -> "list[Concern]":
    """The instances meant: the one named, else those that the cluster may run on this node, else the default one."""
    data = b"" if config_dir else stored_configuration(cib_file)
    if not is_another_named(data):
        return [Concern()]
    # Only now: the XML library costs more than the rest.
    from postfix_ha.cluster.model.cib import parse
    from postfix_ha.cluster.model.hierarchy import OUR_AGENT, SHELL_AGENT, hierarchies
    from postfix_ha.messages.errors import ClusterError

    try:
        found = [each for each in hierarchies(parse(data)) if each.agent in (OUR_AGENT, SHELL_AGENT)]
    except ClusterError:
        return [Concern()]
    unique = {each.config_dir: each for each in reversed(found) if _takes_part(each)}
    return [_concern(unique[config_dir]) for config_dir in sorted(unique)] or [Concern()]


def is_another_named(data: bytes) -> bool:
    """Whether the configuration may name any configuration directory but the default one."""
    named = NAMED_VALUE.findall(data)
    return len(named) != data.count(NAMED) or any(name not in (b"", DEFAULT_CONFIG_DIR.encode()) for name in named)


def stored_configuration(cib_file: str = "") -> bytes:
    """The configuration in the file, or as this node has stored it; b"" where there is none that can be read."""
    environment = caller_environment("CIB_file", "CIB_shadow")
    if environment.get("CIB_shadow") and not cib_file:
        return b""
    path = cib_file or environment.get("CIB_file") or CIB
    try:
        return read_regular(path, CIB_SIZE_MAX)
    except OSError:
        return b""


def _takes_part(hierarchy: "Hierarchy") -> bool:
    """Whether this node may run it; where the cluster knows no node of this name nobody can tell."""
    node = os.uname().nodename
    return node in hierarchy.nodes or node not in hierarchy.cib.nodes()


def _concern(hierarchy: "Hierarchy") -> Concern:
    from postfix_ha.params import BINARY_DEFAULT, Params

    binary = Params(hierarchy.cib.parameters(hierarchy.mail)).binary
    return Concern(hierarchy.config_dir, "" if binary == BINARY_DEFAULT else binary, hierarchy.tag)
