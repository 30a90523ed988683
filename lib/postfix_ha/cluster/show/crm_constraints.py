"""Constraints as words of crmsh, whatever it has words for; [] for the rest."""

import re

from postfix_ha.cluster.model.cib import FALSE_WORDS, Element
from postfix_ha.cluster.show.rule_words import crm_rule

# What crmsh reads as one word, whatever it begins with.
PLAIN = re.compile(r"[A-Za-z0-9_#.:=+/<>T-]+")


class Word(str):
    """A word of crmsh's own, or one that has been looked at: a score, a part of a rule."""

    __slots__ = ()


def crm_constraint(element: Element) -> "list[str]":
    """The words of one line of ``crm configure``."""
    words = {"rsc_location": _location, "rsc_colocation": _colocation, "rsc_order": _order, "rsc_ticket": _ticket}
    make = words.get(str(element.tag))
    return make(element) if make else []


def _location(element: Element) -> "list[str]":
    get = element.get
    subject = get("rsc", "") or (f"/{get('rsc-pattern')}/" if get("rsc-pattern") else "")
    if not subject:
        return []
    options = _options(element, "resource-discovery")
    options += [f"role={get('role')}"] if get("role", "Started") != "Started" else []
    rule = element.find("rule")
    if rule is not None:
        expression = crm_rule(rule)
        role = [f"$role={rule.get('role')}"] if rule.get("role", "Started") != "Started" else []
        score = (
            _score(rule.get("score", "INFINITY"))
            if not rule.get("score-attribute")
            else rule.get("score-attribute", "")
        )
        head = ["location", get("id", ""), subject, *options, "rule", _word(f"$id={rule.get('id')}"), *role]
        return [*head, _word(f"{score}:"), *map(_word, expression)] if expression else []
    if not get("node"):
        return []
    return ["location", get("id", ""), subject, *options, _word(_score(get("score", "0")) + ":"), get("node", "")]


def _colocation(element: Element) -> "list[str]":
    get = element.get
    chosen = element.findall("resource_set")
    if chosen:
        scores = [each.get("score", "") for each in chosen] + [get("score", "")]
        names = _in_sets(element, merges=False)
        if not names or len(set(filter(None, scores))) > 1:
            return []
        score = next(filter(None, scores), "INFINITY")
        refs = chosen[0].findall("resource_ref")
        if len(chosen) == 1 and len(refs) == 2 and names[0] not in ("(", "["):
            names.reverse()  # two names are "this with that", where a set is the other way round
        return ["colocation", get("id", ""), _word(_score(score) + ":"), *names]
    if not (get("rsc") and get("with-rsc")) or get("influence", "true").lower() in FALSE_WORDS:
        return []
    names = [_named(get("rsc", ""), get("rsc-role", "")), _named(get("with-rsc", ""), get("with-rsc-role", ""))]
    head = ["colocation", get("id", ""), _word(_score(get("score", "INFINITY")) + ":"), *names]
    return head + _options(element, "node-attribute")


def _order(element: Element) -> "list[str]":
    get = element.get
    old = "Optional" if get("score", "1").lstrip("+-") == "0" else "Mandatory"
    head = ["order", get("id", ""), get("kind", old) + ":"]
    if element.find("resource_set") is not None:
        names = _in_sets(element, merges=True)
        return [*head, *names, *_options(element, "symmetrical")] if names else []
    if not (get("first") and get("then")) or get("require-all"):
        return []
    names = [_named(get("first", ""), get("first-action", "")), _named(get("then", ""), get("then-action", ""))]
    return [*head, *names, *_options(element, "symmetrical")]


def _ticket(element: Element) -> "list[str]":
    get = element.get
    names = [_named(get("rsc", ""), get("rsc-role", ""))] if get("rsc") else []
    for chosen in element.findall("resource_set"):
        names += [_named(ref.get("id", ""), chosen.get("role", "")) for ref in chosen.findall("resource_ref")]
    return ["rsc_ticket", get("id", ""), get("ticket", "") + ":", *names, *_options(element, "loss-policy")]


def _in_sets(element: Element, *, merges: bool) -> "list[str]":
    """The names of sets: ( ) without sequence, [ ] where one is enough; [] where two sequences would become one."""
    words: "list[str]" = []
    was_plain = False
    for chosen in element.findall("resource_set"):
        role = chosen.get("role", "") or chosen.get("action", "")
        names = [_named(ref.get("id", ""), role) for ref in chosen.findall("resource_ref")]
        is_loose = chosen.get("sequential", "true").lower() in FALSE_WORDS
        is_any = chosen.get("require-all", "true").lower() in FALSE_WORDS
        if is_any and not is_loose:
            return []
        if not is_loose and was_plain and not merges:
            return []
        was_plain = not is_loose
        words += ["[", *names, "]"] if is_any else ["(", *names, ")"] if is_loose else names
    return words


def _named(name: str, role: str) -> str:
    return f"{name}:{role}" if role not in ("", "start", "Started") else name


def _options(element: Element, *keys: str) -> "list[str]":
    return [f"{key}={element.get(key)}" for key in keys if element.get(key)]


def _score(score: str) -> str:
    return score.replace("INFINITY", "inf")


def _word(text: str) -> str:
    """The text as a word that crmsh takes as it is, where it can; else it is left to be judged as any other."""
    return Word(text) if PLAIN.fullmatch(text) else text
