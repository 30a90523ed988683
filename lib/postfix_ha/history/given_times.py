"""A time as an administrator writes it."""

import time

from postfix_ha.messages.errors import refused
from postfix_ha.whole_number import whole_number

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
TODAY = ("%H:%M:%S", "%H:%M")
AGO_END, SECONDS_END = 10**9, 10**10


def time_of(text: str, now: float) -> float:
    """Seconds since the epoch of a time as people write it: a date, an hour of today, so long ago, @seconds."""
    text = text.strip()
    ago, unit = whole_number(text[:-1]), text[-1:]
    if ago is not None and ago < AGO_END and unit in UNITS:
        return max(0.0, now - ago * UNITS[unit])
    seconds = whole_number(text[1:], SECONDS_END) if text[:1] == "@" else None
    if seconds is not None and seconds < SECONDS_END:
        return float(seconds)
    for form in FORMS:
        found = _parsed(text, form)
        if found is not None:
            return time.mktime((*found[:6], 0, 0, -1))
    today = time.localtime(now)
    for form in TODAY:
        found = _parsed(text, form)
        if found is not None:
            return time.mktime((*today[:3], *found[3:6], 0, 0, -1))
    raise refused("time_readable", text=text)


def _parsed(text: str, form: str) -> "time.struct_time | None":
    try:
        found = time.strptime(text, form)
    except ValueError:
        return None
    return found if 1970 <= found.tm_year < 2200 or "%Y" not in form else None
