"""The operations of a primitive: read, and set one."""

import re

from postfix_ha.cluster.model import names
from postfix_ha.cluster.model.cib import FALSE_WORDS, TRUE_WORDS, Cib, Element, pairs
from postfix_ha.messages.errors import refused
from postfix_ha.messages.statement import worded
from postfix_ha.whole_number import whole_number

DEPTH = "OCF_CHECK_LEVEL"
KNOWN = ("start", "stop", "monitor", "reload", "reload-agent", "validate-all")
ATTRIBUTES = ("interval", "timeout", "on-fail", "start-delay", "record-pending", "enabled", "role", DEPTH)
# "Operation Properties" in Pacemaker Explained. A failed stop can neither be stopped nor be repeated.
ON_FAIL = ("ignore", "block", "stop", "restart", "fence", "standby")
ON_FAIL_OF_STOP = ("ignore", "block", "fence")
ROLES = ("Started", "Stopped")
LEVELS = ("0", "10", "20")
_UNITS = {"": 1000, "s": 1000, "sec": 1000, "ms": 1, "msec": 1, "m": 60000, "min": 60000, "h": 3600000, "hr": 3600000}
_PLAIN = re.compile(r"([0-9]+)(ms|us|[smh]|)", re.IGNORECASE)
_DAY = 24 * 3600000
_ISO = re.compile(
    r"P(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?(?:T(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)
_ISO_UNITS = (365 * _DAY, 30 * _DAY, 7 * _DAY, _DAY, 3600000, 60000, 1000)


def milliseconds(text: str) -> int:
    """An interval or time-out as Pacemaker reads it, in milliseconds; ValueError with a sentence."""
    digits = text.strip().rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = text.strip()[len(digits) :].lower()
    number = whole_number(digits)
    if number is None or unit not in _UNITS:
        raise ValueError(worded("option_time", text=text))
    return number * _UNITS[unit]


def interval_ms(operation: Element) -> int:
    """The interval of an operation in the configuration, in milliseconds; 0 for what is no time to Pacemaker."""
    return span_ms(operation.get("interval", "0"))


def span_ms(text: str) -> int:
    """A span of time in the configuration as Pacemaker reads it, in milliseconds; 0 for what is none to it.

    More lenient than milliseconds(), as Pacemaker is: what follows the unit is nothing, and ISO 8601 has PT10S
    (crm_parse_interval_spec).
    """
    text = text.strip()
    found = _PLAIN.match(text)
    if found:
        number = whole_number(found.group(1)) or 0
        unit = found.group(2).lower()
        return number // 1000 if unit == "us" else number * _UNITS[unit]
    found = _ISO.fullmatch(text) if len(text) > 2 else None
    counts = [whole_number(each or "0") or 0 for each in found.groups()] if found else []
    return sum(count * unit for count, unit in zip(counts, _ISO_UNITS))


def parse_operation(text: str) -> "tuple[str, dict[str, str]]":
    """(name, attributes) of ``NAME KEY=VALUE...``; ValueError with a sentence."""
    name, *words = text.split() or [""]
    if name not in KNOWN:
        raise ValueError(worded("option_operation", name=name, known=", ".join(KNOWN)))
    if not words:
        raise ValueError(worded("option_operation_set", name=name, known=", ".join(ATTRIBUTES)))
    attributes = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or key not in ATTRIBUTES or not value:
            raise ValueError(worded("option_operation_key", word=word, known=", ".join(ATTRIBUTES)))
        if key in ("interval", "timeout", "start-delay"):
            milliseconds(value)
        _check_value(name, key, value)
        attributes[key] = value
    return name, attributes


def _check_value(operation: str, key: str, value: str) -> None:
    """Raise ValueError with a sentence for a value that Pacemaker or the agent would not take."""
    words: "tuple[str, ...]" = ()
    if key == "interval" and operation != "monitor" and milliseconds(value):
        raise ValueError(worded("option_interval", value=value))
    if key == "on-fail":
        words = ON_FAIL_OF_STOP if operation == "stop" else ON_FAIL
    elif key in ("enabled", "record-pending"):
        words = (*TRUE_WORDS, *FALSE_WORDS)
    elif key == "role":
        words = ROLES
    elif key == DEPTH:
        words = LEVELS
    if words and value.lower() not in [each.lower() for each in words]:
        raise ValueError(worded("option_operation_value", key=key, value=value, known=", ".join(words)))
    if key == "timeout" and milliseconds(value) == 0:
        raise ValueError(worded("option_timeout"))


def operations(primitive: Element) -> "list[str]":
    """The operations as text that parse_operation() reads."""
    lines = []
    for element in primitive.iterfind("operations/op"):
        words = [f"{key!s}={element.get(key)!s}" for key in element.attrib if key not in ("id", "name")]
        words += [f"{key}={value}" for key, value in pairs(element, "instance_attributes").items()]
        lines.append(" ".join([element.get("name", ""), *words]))
    return lines


def set_operation(cib: Cib, primitive: Element, name: str, attributes: "dict[str, str]") -> None:
    """Set attributes of the operation with this name and interval (or OCF_CHECK_LEVEL); add it if it does not exist.

    Raises Refused if there are several monitors and nothing says which one.
    """
    section = primitive.find("operations")
    if section is None:
        section = primitive.makeelement("operations", {})
        primitive.append(section)
    element = _find(section, name, attributes)
    if element is None:
        if name == "monitor" and "interval" not in attributes:
            raise refused("monitor_named")
        interval = attributes.get("interval", "0s")
        identity = names.unique(f"{primitive.get('id')}-{name}-interval-{interval}", cib.ids())
        element = section.makeelement("op", {"id": identity, "name": name, "interval": interval})
        section.append(element)
    for key, value in attributes.items():
        if key == DEPTH:
            _set_depth(cib, element, value)
        elif key != "interval" or interval_ms(element) != milliseconds(value):
            element.set(key, value)


def _find(section: Element, name: str, attributes: "dict[str, str]") -> "Element | None":
    found = [element for element in section.findall("op") if element.get("name") == name]
    if name != "monitor":
        return found[0] if found else None
    if "interval" in attributes:
        wanted = milliseconds(attributes["interval"])
        same = [element for element in found if interval_ms(element) == wanted]
        if same:
            return same[0]
    if DEPTH in attributes:
        same = [
            element for element in found if pairs(element, "instance_attributes").get(DEPTH, "0") == attributes[DEPTH]
        ]
        return same[0] if same else None
    return found[0] if len(found) == 1 and "interval" not in attributes else None


def _set_depth(cib: Cib, element: Element, value: str) -> None:
    if pairs(element, "instance_attributes").get(DEPTH) == value:
        return
    for old in element.findall("instance_attributes"):
        element.remove(old)
    holder = element.makeelement("instance_attributes", {"id": names.unique(f"{element.get('id')}-depth", cib.ids())})
    holder.append(holder.makeelement("nvpair", {"id": f"{holder.get('id')}-pair", "name": DEPTH, "value": value}))
    element.append(holder)
