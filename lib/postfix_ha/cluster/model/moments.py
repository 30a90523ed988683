"""Moments as crm_mon writes them."""

import time


def moment(seconds: "str | float") -> str:
    """Seconds since the epoch as local date and time with its zone, "" for what is no such number."""
    try:
        parts = time.localtime(float(seconds))
    except (ValueError, OverflowError, OSError):
        return ""
    zone = time.strftime("%z", parts)
    return time.strftime("%Y-%m-%d %H:%M:%S", parts) + ("Z" if zone == "+0000" else f" {zone[:3]}:{zone[3:]}")


def age_s(text: str) -> float:
    """How many seconds ago a moment in crm_mon's words was, infinitely many for what is none."""
    import datetime

    bare = text.strip().replace("Z", "+00:00").replace(" +", "+").replace(" -", "-")
    try:
        then = datetime.datetime.fromisoformat(bare)
        return time.time() - then.timestamp()
    except (ValueError, OverflowError, OSError):
        return float("inf")
