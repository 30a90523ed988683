"""The manual page ocf_mail_postfix_ha(7), made from the agent's meta-data as the pages of other agents are."""

import os

from lxml import etree

from postfix_ha import __version__
from postfix_ha.cluster.model.cib import Element
from postfix_ha.cluster.model.templates import directory

AGENT = "ocf_mail_postfix_ha"
METADATA = "postfix_ha.xml"
PRIMITIVE = "mail"


def agent_manual() -> str:
    """The page, in man(7)'s language."""
    path = os.path.join(directory(), METADATA)
    return page(etree.parse(path, etree.XMLParser(resolve_entities=False, load_dtd=False)).getroot())


def page(root: "Element") -> str:
    """The page of an agent whose meta-data this is."""
    name = root.get("name", "")
    lines = [f'.TH {AGENT.upper()} 7 "" "postfix-ha {__version__}" "OCF resource agents"']
    lines += [".SH NAME", f"{AGENT} \\- {_inline(root.findtext('shortdesc'))}", ".SH SYNOPSIS"]
    called = " | ".join(dict.fromkeys(action.get("name", "") for action in root.iter("action")))
    lines += [f"\\fB{_inline(name)}\\fR [{_inline(called)}]"]
    lines += [".SH DESCRIPTION", *_paragraphs(root.findtext("longdesc"))]
    lines += [".SH SUPPORTED PARAMETERS"]
    for parameter in root.iter("parameter"):
        lines += _parameter(parameter)
    lines += [".SH SUPPORTED ACTIONS", "The time-outs and intervals are the least that is advised."]
    for action in root.iter("action"):
        lines += _action(action)
    lines += _examples(root)
    lines += [".SH SEE ALSO", "postfix\\-ha(8), postfix(1), master(8), crm(8), pcs(8), crm_resource(8)"]
    return "\n".join(lines) + "\n"


def _parameter(parameter: "Element") -> "list[str]":
    content = parameter.find("content")
    kind, default = ("", "") if content is None else (content.get("type", ""), content.get("default", ""))
    facts = ["required" if parameter.get("required") == "1" else "optional"]
    facts += ["unique"] if parameter.get("unique") == "1" else []
    facts += [kind] if kind else []
    facts += [f"default \\fB{_inline(default)}\\fR" if default else "no default"]
    text = _paragraphs(parameter.findtext("longdesc"), ".IP")
    return [".TP", f"\\fB{_inline(parameter.get('name'))}\\fR", *text, ".IP", f"({', '.join(facts)})"]


def _action(action: "Element") -> "list[str]":
    told = [f"{key} {action.get(key)}" for key in ("depth", "timeout", "interval") if action.get(key)]
    if action.get("depth") and action.get("depth") != "0":
        told[0] += f" (OCF_CHECK_LEVEL={action.get('depth')})"
    return [".TP", f"\\fB{_inline(action.get('name'))}\\fR", _inline(", ".join(told))]


def _examples(root: "Element") -> "list[str]":
    """A resource with its monitors, in the words of crmsh and of pcs."""
    wanted = [action for action in root.iter("action") if action.get("name") in ("start", "stop", "monitor")]
    operations = ["  op " + _operation(each) for each in wanted]
    kind, value = f"ocf:mail:{root.get('name')}", "config_dir=/etc/postfix"
    crm = [f"primitive {PRIMITIVE} {kind}", f"  params {value}", *operations]
    # One "op" is enough for pcs, and more are taken as well.
    pcs = [f"pcs resource create {PRIMITIVE} {kind}", f"  {value}", *operations]
    found: "list[str]" = []
    for title, words in (("EXAMPLE CRM SHELL", crm), ("EXAMPLE PCS", pcs)):
        continued = [_escaped(line) + " \\e" for line in words[:-1]] + [_escaped(words[-1])]
        found += [f".SH {title}", ".nf", *continued, ".fi"]
    return found


def _operation(action: "Element") -> str:
    told = [action.get("name", ""), f"interval={action.get('interval', '0s')}", f"timeout={action.get('timeout')}"]
    return " ".join(told + ([f"OCF_CHECK_LEVEL={action.get('depth')}"] if action.get("depth", "0") != "0" else []))


def _paragraphs(text: "str | None", request: str = ".PP") -> "list[str]":
    """The lines of a text, with this request where an empty line parts its paragraphs."""
    found: "list[str]" = []
    for paragraph in (text or "").strip().split("\n\n"):
        found += [request] if found else []
        found += [_inline(line) for line in paragraph.splitlines()]
    return found


def _inline(text: "str | None") -> str:
    """A text as one line."""
    return _escaped(" ".join((text or "").split()))


def _escaped(line: str) -> str:
    """A line in which troff finds no request and no escape."""
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + line if line[:1] in (".", "'") else line
