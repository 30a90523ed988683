"""Constraints as words of pcs, whatever pcs has words for; [] for the rest."""

from postfix_ha.cluster.model.cib import Element
from postfix_ha.cluster.show.option import Option
from postfix_ha.cluster.show.rule_words import pcs_rule

# pcs since 0.11 takes the new names of roles alone.
ROLES = {"Master": "Promoted", "Slave": "Unpromoted"}
# Those that its rules take; Started is what any role is by itself, and pcs has no word for it there.
IN_RULES = ("", "Started", *ROLES, *ROLES.values())


def pcs_constraint(element: Element) -> "list[str]":
    """The words after ``pcs constraint``."""
    if element.find("resource_set") is not None:
        return _sets(element)
    words = {"rsc_location": _location, "rsc_colocation": _colocation, "rsc_order": _order, "rsc_ticket": _ticket}
    make = words.get(str(element.tag))
    return make(element) if make else []


def _location(element: Element) -> "list[str]":
    get = element.get
    subject = get("rsc", "") or (f"regexp%{get('rsc-pattern')}" if get("rsc-pattern") else "")
    discovery = [f"resource-discovery={get('resource-discovery')}"] if get("resource-discovery") else []
    rule = element.find("rule")
    role = get("role", "") if rule is None else rule.get("role", get("role", ""))
    if role not in IN_RULES:
        return []
    if rule is not None:
        expression = pcs_rule(rule)
        roles = [f"role={_role(role)}"] if role not in ("", "Started") else []
        score = f"score-attribute={rule.get('score-attribute')}" if rule.get("score-attribute") else ""
        options = [f"id={rule.get('id')}", f"constraint-id={get('id')}", *discovery, *roles]
        options.append(score or f"score={rule.get('score', 'INFINITY')}")
        return ["location", subject, "rule", *options, *expression] if expression and subject else []
    if not get("node") or not subject:
        return []
    if get("role", "Started") != "Started":
        # "location add" knows no role, a rule does.
        options = [
            f"constraint-id={get('id')}",
            *discovery,
            f"role={_role(get('role', ''))}",
            f"score={get('score', '0')}",
        ]
        return ["location", subject, "rule", *options, "#uname", "eq", get("node", "")]
    words = ["location", "add", get("id", ""), subject, get("node", ""), get("score", "0")]
    return [*words, *discovery, Option("--force")] if discovery else words


def _colocation(element: Element) -> "list[str]":
    get = element.get
    if not (get("rsc") and get("with-rsc")):
        return []
    options = [
        f"score={get('score', 'INFINITY')}",
        *_options(element, "node-attribute", "influence"),
        f"id={get('id', '')}",
    ]
    subject = [*_with_role(get("rsc-role", "")), get("rsc", "")]
    return ["colocation", "add", *subject, "with", *_with_role(get("with-rsc-role", "")), get("with-rsc", ""), *options]


def _order(element: Element) -> "list[str]":
    get = element.get
    if not (get("first") and get("then")):
        return []
    first, then = get("first-action", "start"), get("then-action", get("first-action", "start"))
    words = ["order", first, get("first", ""), "then", then, get("then", ""), f"kind={_kind(element)}"]
    return [*words, *_options(element, "symmetrical", "require-all"), f"id={get('id', '')}"]


def _ticket(element: Element) -> "list[str]":
    get = element.get
    subject = [*_with_role(get("rsc-role", "")), get("rsc", "")]
    return ["ticket", "add", get("ticket", ""), *subject, *_options(element, "loss-policy"), f"id={get('id', '')}"]


def _sets(element: Element) -> "list[str]":
    """A constraint of sets; a location of sets is spelled out before (spelling.py)."""
    kinds = {"rsc_colocation": "colocation", "rsc_order": "order", "rsc_ticket": "ticket"}
    kind = kinds.get(str(element.tag), "")
    words: "list[str]" = []
    for chosen in element.findall("resource_set"):
        options = _options(chosen, "sequential", "require-all", "action")
        options += [f"role={_role(chosen.get('role', ''))}"] if chosen.get("role") else []
        words += ["set", *[ref.get("id", "") for ref in chosen.findall("resource_ref")], *options]
    general = [f"id={element.get('id', '')}"]
    if kind == "order":
        general += [f"kind={_kind(element)}", *_options(element, "symmetrical")]
    elif kind == "ticket":
        general += _options(element, "ticket", "loss-policy")
    else:
        own = [chosen.get("score", "") for chosen in element.findall("resource_set")]
        if len(set(filter(None, [*own, element.get("score", "")]))) > 1:
            return []  # pcs has one score for all sets
        general.append(f"score={next(filter(None, own), element.get('score', 'INFINITY'))}")
    return [kind, *words, "setoptions", *general] if kind else []


def _kind(element: Element) -> str:
    old = "Optional" if element.get("score", "1").lstrip("+-") == "0" else "Mandatory"
    return element.get("kind", old)


def _options(element: Element, *keys: str) -> "list[str]":
    return [f"{key}={element.get(key)}" for key in keys if element.get(key)]


def _with_role(role: str) -> "list[str]":
    return [_role(role)] if role else []


def _role(role: str) -> str:
    return ROLES.get(role, role)
