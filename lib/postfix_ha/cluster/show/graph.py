"""Drawing: overviews in Graphviz's language."""

from postfix_ha.cluster.show.status import Overview
from postfix_ha.printable import printable

LABEL_MAX = 200
COLOURS = {"started": "#d5efd5", "out": "#f3c9c9"}


def dot_of(overviews: "list[Overview]") -> str:
    """One graph with a box for each member, its state on each node written in it; arrows lead to what is needed."""
    lines = ["digraph hierarchy {", '  rankdir="TB"; node [shape="box", style="filled", fontname="sans-serif"];']
    drawn: "set[str]" = set()
    for overview in overviews:
        hierarchy = overview.hierarchy
        for member, cells in overview.cells.items():
            if member not in drawn:
                colour = COLOURS["started" if overview.members[member].nodes else "out"]
                states = [f"{node}: {cell}" for node, cell in cells.items()]
                agent = hierarchy.agent if member == hierarchy.tag else _agent(overview, member)
                label = "\\n".join(_escaped(text) for text in (member, agent, *states))
                lines.append(f'  "{_escaped(member)}" [label="{label}", fillcolor="{colour}"];')
            drawn.add(member)
        relations = hierarchy.relations
        for dependent, needed in sorted(relations.with_ | relations.after):
            if dependent in hierarchy.members and needed in hierarchy.members:
                arrow = f'  "{_escaped(dependent)}" -> "{_escaped(needed)}"'
                # An address goes where the file system is, but does not wait for it.
                style = "" if relations.is_after(dependent, needed) else ' [style="dashed"]'
                if arrow + style + ";" not in lines:
                    lines.append(arrow + style + ";")
    return "\n".join([*lines, "}"]) + "\n"


def _agent(overview: Overview, member: str) -> str:
    resource = overview.hierarchy.cib.resource(member)
    return "" if resource is None else overview.hierarchy.cib.agent(resource)


def _escaped(text: str) -> str:
    # Graphviz reads HTML's entities in every text.
    return printable(text, LABEL_MAX).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
