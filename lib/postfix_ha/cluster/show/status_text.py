"""An overview as text for people: the first line says what clients have of the service, the rest why and what next."""

from postfix_ha.cluster.change.modify import priorities
from postfix_ha.cluster.show.status import Overview

WIDTH = 80
INDENT = "  "
CELL_MIN, GAP = 9, 1


def lines_of(overview: Overview, found: "dict[str, object]") -> "list[str]":
    """One hierarchy as lines of at most 80 columns, each of which says what it is about by itself.

    A name, a state and a command are never cut or wrapped: a line that one of them alone fills is longer.
    """
    hierarchy = overview.hierarchy
    lines = wrapped("", first_line(overview, found))
    order = ", ".join(f"{node} ({'-' if each is None else each})" for node, each in priorities(hierarchy).items())
    lines += wrapped(INDENT, f"switchback {hierarchy.switchback()}; preferred (lower first): {order}")
    for text in [*_could_move(overview), *overview.reasons, *overview.unwatched]:
        lines += wrapped(INDENT, text)
    lines += ["", *_tree(overview), ""]
    for text in [*_why_not(overview), *(f"failed: {failure}" for failure in overview.failures)]:
        lines += wrapped(INDENT, text)
    endpoints, queues = found.get("endpoints"), found.get("queues")
    if isinstance(endpoints, dict):
        lines += [f"  endpoint {name}: {said}" for name, said in endpoints.items()]
    if isinstance(queues, dict) and queues:
        lines.append("  messages: " + ", ".join(f"{count} {name}" for name, count in queues.items()))
    return [line for line in lines if line or lines.index(line) < len(lines) - 1]


def first_line(overview: Overview, found: "dict[str, object]") -> str:
    """What clients have of the service, where it runs and since when."""
    tag, where = overview.hierarchy.tag, ", ".join(overview.running_on)
    since = f" since {overview.since}" if overview.since else ""
    if not overview.running_on:
        return f"{tag}: NOT IN SERVICE"
    if not overview.silent:
        return f"{tag}: in service on {where}{since}"
    asked = found.get("asked_on")
    seen = f", seen from {asked}" if asked and asked not in overview.running_on else ""
    if len(overview.silent) == len(overview.greets):
        return f"{tag}: NO CLIENT IS GREETED{seen}; Postfix runs on {where}{since}"
    count = f"{len(overview.silent)} OF {len(overview.greets)} ENDPOINTS"
    verb = "DOES" if len(overview.silent) == 1 else "DO"
    return f"{tag}: {count} {verb} NOT GREET{seen}; in service on {where}{since}"


def _could_move(overview: Overview) -> "list[str]":
    nodes = overview.could_move_to
    if nodes is None:
        return []
    if nodes:
        return [f"could move now to {', '.join(nodes)}"]
    only = ", ".join(overview.running_on)
    return [f"NO REDUNDANCY: no other node could run it now, so that it stops if {only} fails"]


def _why_not(overview: Overview) -> "list[str]":
    """One text for each node that could not run it and each command that ends that."""
    lines = []
    for node, found in (overview.verdict.obstacles if overview.verdict else {}).items():
        for command in dict.fromkeys(each.command for each in found):
            texts = "; ".join(each.text for each in found if each.command == command)
            lines.append(f"not on {node}: {texts}" + (f" ('{command}' ends it)" if command else ""))
    return lines


def _tree(overview: Overview) -> "list[str]":
    """The members and their states: a table where it fits into the width, else a line for each state."""
    nodes, tag = overview.nodes, overview.hierarchy.tag
    names = {member: member if member == tag else f"  needs {member}" for member in overview.cells}
    widths = {
        node: max(CELL_MIN, len(node), *(len(cells[node]) for cells in overview.cells.values())) + GAP for node in nodes
    }
    room = WIDTH - len(INDENT) - sum(widths.values()) + GAP
    # A long name has a line of its own, above its row.
    first = min(max(map(len, names.values()), default=0) + 2, room)
    if room < CELL_MIN:
        return _list(overview, names)
    lines = [(INDENT + " " * first + "".join(f"{node:{widths[node]}}" for node in nodes)).rstrip()]
    for member, cells in overview.cells.items():
        name = names[member]
        if len(name) > first - 1:
            lines.append(INDENT + name)
            name = ""
        row = "".join(f"{cells[node]:{widths[node]}}" for node in nodes)
        lines.append(f"{INDENT}{name:{first}}{row}".rstrip())
    return lines


def _list(overview: Overview, names: "dict[str, str]") -> "list[str]":
    lines = []
    for member, cells in overview.cells.items():
        lines.append(INDENT + names[member])
        lines += [f"{INDENT}    {cells[node]:{CELL_MIN}} on {node}" for node in overview.nodes]
    return lines


def wrapped(indent: str, text: str) -> "list[str]":
    """The text in lines; what stands between quotes, such as a command to paste, stays in one."""
    lines: "list[str]" = []
    line = indent
    for piece in pieces(text):
        if line.strip() and len(line) + len(piece) + 1 > WIDTH:
            lines.append(line)
            line = indent + INDENT
        line += piece if not line.strip() else f" {piece}"
    return [*lines, line]


def pieces(text: str) -> "list[str]":
    """The words of a text, with what stands between quotes as one word; a quote that nothing closes is none."""
    words = text.split()
    found: "list[str]" = []
    at = 0
    while at < len(words):
        end = _closed_at(words, at)
        found.append(" ".join(words[at : end + 1]))
        at = end + 1
    return found


def _closed_at(words: "list[str]", at: int) -> int:
    """Where what is opened in this word is closed; quotes of a shell's word within a command count as well."""
    depth = 0
    for number in range(at, len(words)):
        word = words[number].lstrip("(").rstrip(").,;:")
        depth += len(word) - len(word.lstrip("'")) if len(word.strip("'")) else 0
        depth -= len(word) - len(word.rstrip("'")) if len(word.strip("'")) else 0
        if depth <= 0:
            return number
    return at
