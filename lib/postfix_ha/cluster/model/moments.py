"""Moments as crm_mon writes and shows them."""

import calendar
import time

# crm_mon of 2.1 writes the first, of 3.0 the second; stonith_admin and moment() the others.
FORMS = ("%a %b %d %H:%M:%S %Y", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S")


def moment(seconds: "str | float") -> str:
    """Seconds since the epoch as local date and time with its zone, "" for what is no such number."""
    try:
        parts = time.localtime(float(seconds))
    except (ValueError, OverflowError, OSError):
        return ""
    zone = time.strftime("%z", parts)
    return time.strftime("%Y-%m-%d %H:%M:%S", parts) + ("Z" if zone == "+0000" else f" {zone[:3]}:{zone[3:]}")


def seconds_of(text: str) -> float:
    """The opposite: seconds since the epoch of a moment as crm_mon or stonith_admin writes it, 0 for what is none."""
    words = text.replace("Z", " +0000").split()
    # A fraction of a second stands before the zone.
    text = " ".join(word.partition(".")[0] if ":" in word else word for word in words)
    for form in FORMS:
        try:
            found = time.strptime(text, form)
            offset_s = found.tm_gmtoff
            return calendar.timegm(found) - offset_s if offset_s is not None else time.mktime((*found[:6], 0, 0, -1))
        except (ValueError, OverflowError):
            continue
    return 0.0


def age_s(text: str) -> float:
    """How many seconds ago a moment in crm_mon's words was, infinitely many for what is none."""
    then = seconds_of(text)
    return time.time() - then if then else float("inf")
