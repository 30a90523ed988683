"""The report's page: what it says and in which order."""

from typing import Any

from lxml import etree

from ci.lib.prove.faults import DEEP_MONITOR_S, GREETING_MONITOR_S, MONITOR_S, OPERATION_S, TABLE, Fault
from ci.lib.prove.figures import summary, together
from ci.lib.prove.style import STYLE
from ci.lib.prove.svg import TimeLine, bar, tag
from postfix_ha.drill import senders

NAMES = {"ours": "postfix_ha", "peer": "heartbeat:postfix"}


def seconds(value: float) -> str:
    """A time as a reader wants it."""
    return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"


def measured(records: "list[dict[str, Any]]") -> "list[dict[str, Any]]":
    """The runs that came to their end."""
    return [record for record in records if not record["failure"]]


def gaps(records: "list[dict[str, Any]]") -> "dict[str, float]":
    """Median and worst gap of some runs."""
    return summary([record["gap_s"] for record in measured(records)])


def senders_saw(records: "list[dict[str, Any]]") -> "dict[str, float]":
    """What senders saw in some runs together; an older report does not have it."""
    return together([record["senders"] for record in measured(records) if "senders" in record])


def in_words(seen: "dict[str, float]") -> str:
    """What senders saw, in one line."""
    return f"{senders.in_words(seen)}; {seen['delivered_twice']:g} twice"


def wrongs(records: "list[dict[str, Any]]") -> "dict[str, int]":
    """What was not as expected, and in how many runs."""
    counts: "dict[str, int]" = {}
    for record in records:
        for what in record["wrong"]:
            counts[what] = counts.get(what, 0) + 1
    return counts


def badge(records: "list[dict[str, Any]]") -> "etree._Element":
    """Whether all went as expected."""
    bad = sum(bool(record["wrong"]) for record in records)
    if bad:
        return tag("span", f"✗ {bad} of {len(records)} not as expected", class_="badge bad")
    return tag("span", f"✓ {len(records)} of {len(records)}", class_="badge good")


class Page:
    """One page over all records."""

    def __init__(self, records: "list[dict[str, Any]]", facts: "dict[str, str]") -> None:
        self._records = records
        self._facts = facts
        self._faults = [fault for fault in TABLE.values() if any(r["fault"] == fault.id for r in records)]

    def _of(self, fault: str, agent: str = "", is_beside: bool = False) -> "list[dict[str, Any]]":
        found = [record for record in self._records if record["fault"] == fault and record["is_beside"] == is_beside]
        return [record for record in found if agent in ("", record["agent"])]

    def html(self) -> str:
        """The whole document."""
        head = tag("head", tag("meta", charset="utf-8"))
        head.append(tag("meta", name="viewport", content="width=device-width, initial-scale=1"))
        head.append(tag("meta", name="color-scheme", content="light dark"))
        head.append(tag("title", "postfix-ha: what happens to mail when things break"))
        head.append(tag("style", STYLE))
        main = tag("main", tag("h1", "What happens to mail when things break"), *self._intro())
        main.extend(
            [*self._comparison(), *self._senders(), *self._peer_wrong(), *self._beside(), *self._all(), *self._method()]
        )
        page = tag("html", head, tag("body", main), lang="en")
        return "<!DOCTYPE html>\n" + etree.tostring(page, method="html", encoding="unicode") + "\n"

    def _intro(self) -> "list[etree._Element]":
        ours = [record for record in self._records if record["agent"] == "ours"]
        done = measured(ours)
        figures = [
            ("faults", str(len(self._faults))),
            ("runs", str(len(ours))),
            ("acknowledged", f"{sum(record['acknowledged'] for record in done):,}".replace(",", " ")),
            ("acknowledged a second before faults", f"{summary([r['rate_per_s'] for r in done]).get('median', 0):.0f}"),
            ("lost", str(sum(len(record["lost"]) for record in done))),
            ("delivered twice", str(sum(record["duplicated"] for record in done))),
            ("most masters at once", str(max((record["most_masters"] for record in done), default=0))),
            ("most mounts at once", str(max((record["most_mounts"] for record in done), default=0))),
            ("fenced without need", str(sum(any("without need" in w for w in r["wrong"]) for r in ours))),
            ("not as expected", str(sum(bool(record["wrong"]) for record in ours))),
        ]
        text = (
            "A cluster of three nodes on one machine, with a shared disk, fencing, and clients that send all the time. "
            "Each fault happens at a random moment; what clients see is measured from outside. These are the figures "
            "of ocf:mail:postfix_ha:"
        )
        tiles = [tag("div", tag("dt", name), tag("dd", value)) for name, value in figures]
        return [tag("p", text), tag("dl", *tiles, class_="tiles")]

    def _comparison(self) -> "list[etree._Element]":
        faults = [fault for fault in self._faults if self._of(fault.id, "peer")]
        if not faults:
            return []
        every = [value for fault in faults for value in gaps(self._of(fault.id)).values()]
        table = tag("table", class_="beside")
        header = ("fault", "longest time without an acknowledgement: median, worst")
        table.append(tag("thead", tag("tr", *(tag("th", text, scope="col") for text in header))))
        body = tag("tbody")
        for fault in faults:
            cell = tag("td")
            for agent in NAMES:
                records = self._of(fault.id, agent)
                found = gaps(records)
                if found:
                    row = tag("div", tag("span", NAMES[agent], class_="who"), class_="agent")
                    row.append(bar(found["median"], found["worst"], max(every), agent))
                    figures = f"{seconds(found['median'])}, {seconds(found['worst'])}"
                    row.append(tag("span", figures, class_="figures"))
                    row.append(badge(records))
                    cell.append(row)
            body.append(tag("tr", tag("th", fault.title, scope="row"), cell))
        table.append(body)
        return [tag("h2", "Beside ocf:heartbeat:postfix"), table]

    def _senders(self) -> "list[etree._Element]":
        items = []
        for fault in (each for each in self._faults if self._of(each.id, "peer")):
            seen = {name: senders_saw(self._of(fault.id, agent)) for agent, name in NAMES.items()}
            lines = [tag("div", f"{name}: {in_words(each)}") for name, each in seen.items() if each]
            if lines:
                items.append(tag("li", tag("b", fault.title), *lines))
        if not items:
            return []
        text = (
            "Twelve senders that behave as mail servers do: each waits 30 s for a connection, and sends a message over "
            "0.3 s. What their attempts came to that failed, how long they waited for a greeting, and how many "
            "messages arrived twice, in all runs:"
        )
        return [tag("h2", "What senders see"), tag("p", text), tag("ul", *items, class_="senders")]

    def _peer_wrong(self) -> "list[etree._Element]":
        items = []
        for fault in self._faults:
            found = wrongs(self._of(fault.id, "peer"))
            if found:
                count = len(self._of(fault.id, "peer"))
                text = "; ".join(f"{what} ({times} of {count})" for what, times in found.items())
                items.append(tag("li", tag("b", fault.title), ": ", text))
        return [tag("h2", "What the peer answers wrongly"), tag("ul", *items)] if items else []

    def _beside(self) -> "list[etree._Element]":
        items = []
        for fault in self._faults:
            for record in measured(self._of(fault.id, is_beside=True)):
                seen = record["beside"]
                text = (
                    f"on {fault.beside}: longest wait {seconds(seen['gap_s'])}, {seen['acknowledged']} acknowledged, "
                )
                item = tag("li", tag("b", fault.title), f", {text}{seen['lost']} lost ", badge([record]))
                items.append(item)
        if not items:
            return []
        text = (
            "A second instance of Postfix runs in the same cluster, with its own address, disk and clients. "
            "What its clients saw while the fault befell the first:"
        )
        return [tag("h2", "A second instance does not notice"), tag("p", text), tag("ul", *items)]

    def _all(self) -> "list[etree._Element]":
        parts = [tag("h2", "Every fault")]
        for fault in self._faults:
            records = self._of(fault.id, "ours") or self._of(fault.id)
            found = gaps(records)
            text = f"{seconds(found['median'])}, worst {seconds(found['worst'])}" if found else "not measured"
            head = tag("summary", tag("b", fault.title), " ", tag("span", text, class_="figures"), " ", badge(records))
            parts.append(tag("details", head, *self._detail(fault), id=fault.id))
        return parts

    def _detail(self, fault: Fault) -> "list[etree._Element]":
        parts = [tag("p", fault.what)]
        if fault.simulated:
            parts.append(tag("p", f"Simulated: {fault.simulated}.", class_="note"))
        expected = f"Expected: fencing {fault.fence}; afterwards on {fault.where}; clients wait at most "
        parts.append(tag("p", f"{expected}{fault.bound_s:g} s: {fault.bound_by}."))
        parts.append(tag("p", totals(measured(self._of(fault.id, "ours")))))
        for record in self._of(fault.id) + self._of(fault.id, is_beside=True):
            parts.append(self._run(record))
        return parts

    def _run(self, record: "dict[str, Any]") -> "etree._Element":
        figure = tag("figure", class_=record["agent"])
        if record["failure"]:
            figure.append(tag("p", record["failure"].splitlines()[0], class_="bad"))
        else:
            figure.append(TimeLine(record).draw())
        beside = ", a second instance beside" if record["is_beside"] else ""
        name = f"{NAMES[record['agent']]}, repeat {record['repeat']}{beside}: "
        caption = tag("figcaption", tag("b", name), facts(record))
        if record["wrong"]:
            caption.append(tag("p", "Not as expected: " + "; ".join(record["wrong"]), class_="bad"))
        caption.append(tag("code", record["command"]))
        if not record["failure"]:
            steps = tag("ol", *(tag("li", step) for step in story(record)))
            caption.append(tag("details", tag("summary", "what happened, step by step"), steps, class_="story"))
        figure.append(caption)
        return figure

    def _method(self) -> "list[etree._Element]":
        lines = [
            f"Monitors of the mail service, both agents alike: every {MONITOR_S} s, with greeting every "
            f"{GREETING_MONITOR_S} s, with queue and dialogue every {DEEP_MONITOR_S} s (the peer knows one depth). "
            f"Start and stop have {OPERATION_S} s.",
            "A gap is the longest time in which no ordinary client had a message acknowledged. Clients that hold a "
            "conversation for seconds, and those with messages of 200 kB, count in the account, not in the gap.",
            "Mounts and masters are watched from outside all the time, every 8 ms.",
            "Time lines: pale is the mount, dark the master, ✕ a node that was fenced; below, messages acknowledged "
            "and attempts that failed, by quarters of a second; shaded is the gap.",
        ]
        facts_list = [tag("li", f"{name}: {value}") for name, value in self._facts.items()]
        return [tag("h2", "How it was measured"), tag("ul", *(tag("li", line) for line in lines), *facts_list)]


def totals(records: "list[dict[str, Any]]") -> str:
    """The account over all runs of a fault with our agent."""
    fenced = sum(len(record["fenced"]) for record in records)
    return (
        f"In {len(records)} runs of ours: {sum(record['acknowledged'] for record in records)} messages acknowledged, "
        f"{sum(len(record['lost']) for record in records)} lost, {sum(r['duplicated'] for r in records)} delivered "
        f"twice, {sum(r['queued'] for r in records)} still queued when the service was back; never more than "
        f"{max((r['most_masters'] for r in records), default=0)} master and "
        f"{max((r['most_mounts'] for r in records), default=0)} mount at once; {fenced} nodes fenced."
    )


def story(record: "dict[str, Any]") -> "list[str]":
    """What was done to the cluster and what it did, in order of time."""
    steps = [(at, what) for at, what in record["timeline"]["deeds"]]
    steps += [(at, f"{node} is fenced") for at, node in record["fenced"]]
    for at, node, resource, action, code in record["did"]:
        end = "begins" if code is None else "is done" if code == 0 else f"fails with {code}"
        steps.append((at, f"{node}: {action} of {resource} {end}"))
    return [f"{at:.2f} s: {what}" for at, what in sorted(steps)]


def facts(record: "dict[str, Any]") -> str:
    """One run in words."""
    if record["failure"]:
        return "no figures"
    fenced = ", ".join(f"{name} after {seconds(at)}" for at, name in record["fenced"]) or "nobody"
    path = f"{record['node_before']} to {record['node_after']}"
    twice = ", ".join(f"{count} {why}" for why, count in record["duplicates"].items() if count)
    seen = senders_saw([record])
    saw = f" Senders saw: {in_words(seen)}." if seen else ""
    return (
        f"gap {seconds(record['gap_s'])}; {path}; fenced: {fenced}; {record['acknowledged']} acknowledged at "
        f"{record['rate_per_s']:g} a second before the fault, {len(record['lost'])} lost, {record['duplicated']} twice"
        f"{f' ({twice})' if twice else ''}, {record['queued']} still queued when the service was back.{saw}"
    )
