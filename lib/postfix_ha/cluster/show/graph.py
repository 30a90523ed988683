"""Drawing: overviews as boxes and arrows, in Graphviz's language and for JSON."""

from postfix_ha.cluster.show.status import Overview
from postfix_ha.printable import printable

LABEL_MAX = 200
COLOURS = {True: "#d5efd5", False: "#f3c9c9"}


class Box:
    """A resource of a drawing: its id, what runs it, node -> its state there, and the nodes where it is active."""

    __slots__ = ("agent", "name", "nodes", "states")

    def __init__(self, name: str, agent: str, states: "dict[str, str]", nodes: "list[str]") -> None:
        self.name = name
        self.agent = agent
        self.states = states
        self.nodes = nodes


class Arrow:
    """``resource`` runs where ``needs`` does; ``waits``: and starts after it."""

    __slots__ = ("needs", "resource", "waits")

    def __init__(self, resource: str, needs: str, waits: bool) -> None:
        self.resource = resource
        self.needs = needs
        self.waits = waits


def graph_of(overviews: "list[Overview]") -> "tuple[list[Box], list[Arrow]]":
    """A box for each member, an arrow to each that it needs; what hierarchies share is there once."""
    boxes: "dict[str, Box]" = {}
    arrows: "dict[tuple[str, str], Arrow]" = {}
    for overview in overviews:
        hierarchy = overview.hierarchy
        for member, cells in overview.cells.items():
            agent = hierarchy.agent if member == hierarchy.tag else _agent(overview, member)
            boxes.setdefault(member, Box(member, agent, dict(cells), list(overview.members[member].nodes)))
        relations = hierarchy.relations
        for dependent, needed in sorted(relations.with_ | relations.after):
            if dependent in hierarchy.members and needed in hierarchy.members:
                # An address goes where the file system is, but does not wait for it.
                waits = relations.is_after(dependent, needed)
                arrows.setdefault((dependent, needed), Arrow(dependent, needed, waits))
    return list(boxes.values()), list(arrows.values())


def graph_object(overviews: "list[Overview]") -> "dict[str, object]":
    """The same for JSON."""
    boxes, arrows = graph_of(overviews)
    return {
        "resources": [
            {"id": box.name, "agent": box.agent, "states": box.states, "nodes": box.nodes} for box in boxes
        ],
        "needs": [{"resource": each.resource, "needs": each.needs, "waits": each.waits} for each in arrows],
    }  # fmt: skip


def dot_of(overviews: "list[Overview]") -> str:
    """One graph with a box for each member, its state on each node written in it; arrows lead to what is needed."""
    lines = ["digraph hierarchy {", '  rankdir="TB"; node [shape="box", style="filled", fontname="sans-serif"];']
    boxes, arrows = graph_of(overviews)
    for box in boxes:
        states = [f"{node}: {cell}" for node, cell in box.states.items()]
        label = "\\n".join(_escaped(text) for text in (box.name, box.agent, *states))
        lines.append(f'  "{_escaped(box.name)}" [label="{label}", fillcolor="{COLOURS[bool(box.nodes)]}"];')
    for each in arrows:
        style = "" if each.waits else ' [style="dashed"]'
        lines.append(f'  "{_escaped(each.resource)}" -> "{_escaped(each.needs)}"{style};')
    return "\n".join([*lines, "}"]) + "\n"


def _agent(overview: Overview, member: str) -> str:
    resource = overview.hierarchy.cib.resource(member)
    return "" if resource is None else overview.hierarchy.cib.agent(resource)


def _escaped(text: str) -> str:
    # Graphviz reads HTML's entities in every text.
    return printable(text, LABEL_MAX).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
