"""The time at the beginning of a log line, as seconds since the epoch; in the zone of the node whose log it is."""

import calendar
import re
import time

MONTHS = {name: number for number, name in enumerate(calendar.month_abbr) if name}
# "Nov 29 12:26:30.123 " of Pacemaker, corosync and syslog; a year may follow the day (pacemaker built so).
_SHORT = re.compile(rb"([A-Z][a-z]{2}) ([ \d]\d) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?[ \t]")
# RFC 3339 of rsyslog and of journalctl -o short-iso-precise, with its own zone.
_LONG = re.compile(rb"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6}))?(?:Z|([+-])(\d\d):?(\d\d))?[ \t]")
# journalctl -o short-unix.
_UNIX = re.compile(rb"(\d{9,11})\.(\d{6}) ")
DAY_S = 86400.0


class Clock:
    """Reads the stamps of one file; ``latest`` is when it was last written, from which a missing year follows."""

    def __init__(self, latest: float) -> None:
        self._latest = latest
        self._year = time.localtime(latest).tm_year
        self._hours: "dict[tuple[int, int, int, int], float]" = {}

    def read(self, line: bytes) -> "tuple[float, int] | None":
        """(seconds since the epoch, where the stamp ends) of a line; None where it begins with no stamp."""
        found = _SHORT.match(line)
        if found is not None:
            month, day, year, hour, minute, second, fraction = found.groups()
            at = self._hour(int(year or 0), MONTHS.get(month.decode(), 0), int(day), int(hour))
            return _whole(at, minute, second, fraction, found.end())
        found = _LONG.match(line)
        if found is not None:
            return self._read_long(found)
        found = _UNIX.match(line)
        return (int(found[1]) + int(found[2]) / 1e6, found.end()) if found is not None else None

    def _hour(self, year: int, month: int, day: int, hour: int) -> "float | None":
        key = (year, month, day, hour)
        if key not in self._hours:
            at = _local(year or self._year, month, day, hour)
            if not year and at is not None and at > self._latest + DAY_S:
                at = _local(self._year - 1, month, day, hour)
            if at is None:
                return None
            self._hours[key] = at
        return self._hours[key]

    def _read_long(self, found: "re.Match[bytes]") -> "tuple[float, int] | None":
        year, month, day, hour, minute, second, fraction, sign, zone_h, zone_m = found.groups()
        if sign is None and b"Z" not in found[0]:
            at = self._hour(int(year), int(month), int(day), int(hour))
            return _whole(at, minute, second, fraction, found.end())
        try:
            at = float(calendar.timegm((int(year), int(month), int(day), int(hour), 0, 0)))
        except (ValueError, OverflowError):
            return None
        if sign is not None:
            at -= (1 if sign == b"+" else -1) * (int(zone_h) * 3600 + int(zone_m) * 60)
        return _whole(at, minute, second, fraction, found.end())


def _local(year: int, month: int, day: int, hour: int) -> "float | None":
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24):
        return None
    try:
        return time.mktime((year, month, day, hour, 0, 0, 0, 0, -1))
    except (ValueError, OverflowError):
        return None


def _whole(
    at: "float | None", minute: bytes, second: bytes, fraction: "bytes | None", end: int
) -> "tuple[float, int] | None":
    if at is None:
        return None
    parts = int(fraction) / 10 ** len(fraction) if fraction else 0.0
    return at + int(minute) * 60 + int(second) + parts, end
