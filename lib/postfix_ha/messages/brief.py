"""Brief: a finding in as many bytes as Pacemaker keeps of an exit reason; the whole of it is in the log."""

import string

from postfix_ha.finding import Finding
from postfix_ha.messages.catalogue import CATALOGUE
from postfix_ha.messages.statement import Known, Statement
from postfix_ha.printable import printable

# Pacemaker's executor cuts an exit reason there (EXIT_REASON_MAX_LEN in its execd_commands.c), wherever that is.
KEPT_MAX = 128
# Of a value that is shortened, so much stays at the least.
VALUE_MIN = 16
GAP = "..."


def brief(finding: Finding, limit: int = KEPT_MAX) -> str:
    """Cause and remedy where both fit, else the cause, with its longest values shortened where it is too long."""
    statement = Statement(finding)
    for text in (statement.reason, statement.text):
        line = _one_line(text)
        if _size(line) <= limit:
            return line
    return _fitted(finding, limit)


def _fitted(finding: Finding, limit: int) -> str:
    sentence = CATALOGUE[finding.check].sentence
    named = {name for _, name, _, _ in string.Formatter().parse(sentence) if name}
    values = Known(finding.values)
    # What a format has a say in, such as seconds, is short.
    long = {name: _one_line(str(values[name])) for name in named if not isinstance(values[name], (int, float))}
    while True:
        line = _one_line(sentence.format_map(Known({**values, **long})))
        over = _size(line) - limit
        name = max(long, key=lambda each: _size(long[each]), default="")
        if over <= 0:
            return line
        if not name or _size(long[name]) <= VALUE_MIN:
            return _cut(line, limit)
        long[name] = _shortened(long[name], max(_size(long[name]) - over, VALUE_MIN))


def _shortened(value: str, size: int) -> str:
    """A value without its middle where it is a path, which its end tells most of; else without its end."""
    if " " in value:
        return _cut(value, size)
    room = size - len(GAP)
    data, tail = value.encode(errors="replace"), room * 2 // 3
    head = data[: room - tail].decode(errors="ignore")
    return head + GAP + data[len(data) - tail :].decode(errors="ignore")


def _cut(text: str, size: int) -> str:
    return text.encode(errors="replace")[: size - len(GAP)].decode(errors="ignore").rstrip() + GAP


def _size(text: str) -> int:
    return len(text.encode(errors="replace"))


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))
