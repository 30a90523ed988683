"""Rules of the configuration in the words of pcs and of crmsh."""

from postfix_ha.cluster.model.cib import Element

WITHOUT_VALUE = ("defined", "not_defined")
# What says a time in a rule, by the element that holds it.
SPANS = ("duration", "date_spec")


def pcs_rule(rule: Element) -> "list[str]":
    """A rule's expressions as pcs reads them; [] for what it has no words for."""
    return _joined(rule, is_pcs=True)


def crm_rule(rule: Element) -> "list[str]":
    """A rule's expressions as crmsh reads them; [] for what it has no words for: a rule in a rule."""
    return _joined(rule, is_pcs=False)


def _joined(rule: Element, *, is_pcs: bool) -> "list[str]":
    words: "list[str]" = []
    joint = rule.get("boolean-op", "and")
    for element in rule:
        if element.tag == "rule":
            inner = _joined(element, is_pcs=is_pcs) if is_pcs else []
            found = ["(", *inner, ")"] if inner else []
        elif element.tag == "expression":
            found = _expression(element, is_pcs=is_pcs)
        elif element.tag == "date_expression":
            found = _date(element, is_pcs=is_pcs)
        else:
            found = []
        if not found:
            return []
        words += [joint, *found] if words else found
    return words


def _expression(element: Element, *, is_pcs: bool) -> "list[str]":
    attribute, operation = element.get("attribute", ""), element.get("operation", "")
    if element.get("value-source", "literal") != "literal":
        return []
    if operation in WITHOUT_VALUE:
        return [operation, attribute]
    type_, value = element.get("type", ""), element.get("value", "")
    if is_pcs:
        return [attribute, operation, *([type_] if type_ else []), value]
    return [attribute, f"{type_}:{operation}" if type_ else operation, value]


def _date(element: Element, *, is_pcs: bool) -> "list[str]":
    operation = element.get("operation", "")
    start, end = (_one_word(element.get(key, "")) for key in ("start", "end"))
    span = next((each for each in element if each.tag in SPANS), None)
    spans = [] if span is None else [f"{key!s}={value!s}" for key, value in span.items() if key != "id"]
    if operation in ("gt", "lt"):
        return ["date", operation, start or end]
    if operation == "date_spec" and spans:
        return ["date-spec", *spans] if is_pcs else ["date", "spec", *spans]
    if operation != "in_range" or not (end or spans):
        return []
    if is_pcs:
        until = ["duration", *spans] if spans else [end]
        return ["date", "in_range", *([start] if start else []), "to", *until]
    return ["date", "in", *([f"start={start}"] if start else []), *(spans or [f"end={end}"])]


def _one_word(date: str) -> str:
    """An ISO 8601 date without the blanks that Pacemaker's own tools put into it."""
    day, blank, rest = date.strip().partition(" ")
    return day + ("T" + rest.replace(" ", "") if blank else "")
