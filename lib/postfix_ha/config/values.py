"""What Postfix takes as the value of a number, a time or a yes or no; who finds another value there ends at once.

The kind of a parameter is told by its compiled-in default, which ``postconf -d`` knows for every version; smallest and
greatest values are in value_limits.
"""

from postfix_ha.config.logical_lines import SPACE
from postfix_ha.config.value_limits import LONG_NUMBERS, POSITIVE, RANGES, TEXTS

BOOLEAN, NUMBER = "boolean", "number"
# A time's kind is the unit of its default, which holds for a value without one.
SECONDS_OF_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DIGITS = frozenset("0123456789")
INT_MAX, LONG_MAX = 2**31 - 1, 2**63 - 1

# What a transport's own parameter is, by what follows the transport's name.
TRANSPORT_KINDS = {
    "_delivery_slot_cost": NUMBER,
    "_delivery_slot_discount": NUMBER,
    "_delivery_slot_loan": NUMBER,
    "_destination_concurrency_failed_cohort_limit": NUMBER,
    "_destination_concurrency_limit": NUMBER,
    "_destination_rate_delay": "s",
    "_destination_recipient_limit": NUMBER,
    "_extra_recipient_limit": NUMBER,
    "_initial_destination_concurrency": NUMBER,
    "_minimum_delivery_slots": NUMBER,
    "_recipient_limit": NUMBER,
    "_recipient_refill_delay": "s",
    "_recipient_refill_limit": NUMBER,
    "_time_limit": "s",
    "_transport_rate_delay": "s",
}
POSITIVE_TRANSPORT = (
    "_initial_destination_concurrency",
    "_recipient_refill_delay",
    "_recipient_refill_limit",
    "_time_limit",
)


def kind_of(name: str, default: "str | None", transports: "frozenset[str]" = frozenset()) -> str:
    """BOOLEAN, NUMBER, a time's unit, or "" for a text; ``default`` is the expanded one, None where there is none."""
    if name in TEXTS:
        return ""
    if default is None:
        transport, suffix = split_transport(name)
        return TRANSPORT_KINDS[suffix] if transport in transports else ""
    if default in ("yes", "no"):
        return BOOLEAN
    if default and DIGITS.issuperset(default):
        return NUMBER
    if default[-1:] in SECONDS_OF_UNIT and default[:-1] and DIGITS.issuperset(default[:-1]):
        return default[-1]
    return ""


def split_transport(name: str) -> "tuple[str, str]":
    """(transport, suffix) of a transport's own parameter, ("", "") for any other."""
    found = [suffix for suffix in TRANSPORT_KINDS if name.endswith(suffix)]
    suffix = max(found, key=len, default="")
    return (name[: -len(suffix)], suffix) if suffix else ("", "")


def wrong_value(name: str, value: str, kind: str, raw: str = "") -> str:
    """Why Postfix refuses the expanded value, "" where it takes it; ``raw`` is what to show instead of it."""
    shown = _shown(raw or value)
    if kind == BOOLEAN:
        return "" if value.isascii() and value.lower() in ("yes", "no") else f"{shown} is neither yes nor no"
    number, rest = _leading_number(value)
    limit = LONG_MAX if kind == NUMBER and name in LONG_NUMBERS else INT_MAX
    if kind == NUMBER:
        if not value or rest:
            return f"{shown} is not a whole number"
    else:
        unit = rest[:1] or kind
        if not value or number < 0 or unit not in SECONDS_OF_UNIT:
            return f"{shown} is not a time: a number with s, m, h, d or w"
        seconds = SECONDS_OF_UNIT[unit]
        limit = INT_MAX if seconds == 1 else INT_MAX // seconds - 1
    if not -limit - 1 <= number <= limit:
        return f"{shown} is too great a number"
    return _out_of_range(name, shown, number if kind == NUMBER else number * SECONDS_OF_UNIT[unit])


def _out_of_range(name: str, shown: str, number: int) -> str:
    least, most = RANGES.get(name, (int(_is_positive(name)), 0))
    if least and number < least:
        return f"{shown} is less than {least}"
    return f"{shown} is more than {most}" if most and number > most else ""


def _is_positive(name: str) -> bool:
    return name in POSITIVE or split_transport(name)[1] in POSITIVE_TRANSPORT


def _leading_number(text: str) -> "tuple[int, str]":
    """(number at the beginning, what follows it) as strtol(3) has it: (0, text) where there is none."""
    digits = text.lstrip(SPACE)
    sign = -1 if digits[:1] == "-" else 1
    digits = digits[1:] if digits[:1] in ("-", "+") else digits
    rest = digits.lstrip("0123456789")
    if rest == digits:
        return 0, text
    # More digits than any limit has are as good as all of them, and quicker.
    return sign * int(digits[: len(digits) - len(rest)].lstrip("0")[:40] or "0"), rest


def _shown(value: str) -> str:
    return repr(value if len(value) <= 60 else value[:60] + "...")
