"""Hold: new connections to a service wait for it instead of being refused, by a table of nftables that is all our own.

A dropped SYN is sent again by the client's kernel after a second, so that who connects during a move waits and is then
served. Three groups of sets; each element has a time-out, so that a hold ends whatever dies:

- ``draining``: every new connection is dropped. Only while a server that is about to end serves its last sessions.
- ``leaving`` (after a stop) and ``absent`` (on a node that stands by, and during a start): a new connection is dropped
  only where nobody on this node listens for it. The kernel decides it at each SYN (expression ``socket``, nft(8)):
  where the service runs, or anybody else takes its place, these do nothing.

No packet of a connection that exists is looked at, no other rule's verdict changes, and no other port is concerned.
"""

import time

from postfix_ha.endpoint import Endpoint
from postfix_ha.system import command
from postfix_ha.system.complaints import telling_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NFT = ["nft", "-f", "-"]
# Digit of the sets' names, header that a rule matches, type of an address.
FAMILIES = (("4", "ip", "ipv4_addr"), ("6", "ip6", "ipv6_addr"))
DRAINING, LEAVING, ABSENT = "draining", "leaving", "absent"
# Before the filters that people have (priority 0): what these count and log is then not counted twice.
PRIORITY = -5
NFT_MAX_S = 3.0


class Hold:
    """The hold of one instance on this node; ``endpoints`` are those of its endpoints that other hosts reach."""

    __slots__ = ("endpoints", "table")

    def __init__(self, config_dir: str, endpoints: "Iterable[Endpoint]") -> None:
        self.table = table_name(config_dir)
        self.endpoints = [each for each in endpoints if not is_loopback(each.address)]

    def drain(self, draining_s: float, leaving_s: float, deadline: float) -> str:
        """Hold all new connections for ``draining_s``, and those for which nobody listens for ``leaving_s`` seconds.

        Gives why not, "" on success.
        """
        elements = self._elements(LEAVING, leaving_s)
        if draining_s > 0:
            elements += self._elements(DRAINING, draining_s)
        # The table is there since the start, as a rule, and elements alone cost a tenth of it.
        return self._run(elements, deadline) and self._run(self._table() + elements, deadline)

    def absent(self, absent_s: float, present: "Iterable[str]", deadline: float) -> str:
        """Hold for a time what nobody takes, and end what a drain has left; why not, "" when done.

        ``present`` are the node's addresses of now: where the service listens on all addresses, the connections to
        those are not its business until it runs here.
        """
        return self._run(self._absent(absent_s, present), deadline)

    def begin_absent(self, absent_s: float, deadline: float) -> "command.Running | None":
        """As absent() for all addresses, but return at once; None where there is nothing to hold."""
        script = self._absent(absent_s, ())
        return command.begin(NFT, deadline=_soon(deadline), input=script.encode()) if self.endpoints else None

    def end(self, deadline: float) -> str:
        """Remove every hold of this instance; gives why not, "" on success."""
        return self._run(self._flush(), deadline)

    def _flush(self) -> str:
        return "".join(f"flush set inet {self.table} {name}\n" for name, _, _ in self._sets())

    def _absent(self, absent_s: float, present: "Iterable[str]") -> str:
        lines = [
            f"add element inet {self.table} present{_digit(address)} {{ {address} }}"
            for address in dict.fromkeys(present)
            if not is_loopback(address)
        ]
        return self._table() + self._flush() + "\n".join([*lines, ""]) + self._elements(ABSENT, absent_s)

    def _run(self, script: str, deadline: float) -> str:
        if not self.endpoints:
            return ""
        done = command.run(NFT, deadline=_soon(deadline), input=script.encode())
        if done.returncode == 0:
            return ""
        if done.returncode == command.NOT_FOUND:
            return "nft is not installed"
        return telling_line(done) or ("nft did not end in time" if done.timed_out else "nft failed")

    def _elements(self, name: str, timeout_s: float) -> str:
        """Lines that add each endpoint to the sets of this name."""
        timeout = f"timeout {max(1, round(timeout_s * 1000))}ms"
        lines = []
        for each in self.endpoints:
            kind = "ports" if each.is_wildcard else ""
            key = f"{each.port}" if each.is_wildcard else f"{each.address} . {each.port}"
            lines.append(f"add element inet {self.table} {name}{kind}{_digit(each.address)} {{ {key} {timeout} }}\n")
        return "".join(dict.fromkeys(lines))

    def _sets(self) -> "list[tuple[str, str, str]]":
        """(name, type, flags) of each set."""
        found = []
        for digit, _, kind in FAMILIES:
            found.append((f"present{digit}", kind, ""))
            for name in (DRAINING, LEAVING, ABSENT):
                found.append((f"{name}{digit}", f"{kind} . inet_service", " flags timeout;"))
                found.append((f"{name}ports{digit}", "inet_service", " flags timeout;"))
        return found

    def _table(self) -> str:
        """Lines that make sure of table, sets and rules: one transaction, so there is no moment without them."""
        table, chain = f"inet {self.table}", f"inet {self.table} input"
        lines = [f"add table {table}"]
        lines += [f"add set {table} {name} {{ type {kind};{flags} }}" for name, kind, flags in self._sets()]
        lines.append(f"add chain {chain} {{ type filter hook input priority {PRIORITY}; policy accept; }}")
        lines.append(f"flush chain {chain}")
        lines.append(f"add rule {chain} tcp flags & (fin | syn | rst | ack) != syn return")
        for digit, header, _ in FAMILIES:
            loopback = "127.0.0.0/8" if digit == "4" else "::1"
            elsewhere = f"{header} daddr != {loopback} tcp dport"
            lines.append(f"add rule {chain} {header} daddr . tcp dport @{DRAINING}{digit} drop")
            lines.append(f"add rule {chain} {elsewhere} @{DRAINING}ports{digit} drop")
            lines.append(f"add rule {chain} meta nfproto ipv{digit} socket wildcard {{ 0, 1 }} return")
            lines.append(f"add rule {chain} {header} daddr . tcp dport @{LEAVING}{digit} drop")
            lines.append(f"add rule {chain} {elsewhere} @{LEAVING}ports{digit} drop")
            lines.append(f"add rule {chain} {header} daddr . tcp dport @{ABSENT}{digit} drop")
            lines.append(f"add rule {chain} {header} daddr != @present{digit} {elsewhere} @{ABSENT}ports{digit} drop")
        return "\n".join(lines) + "\n"


def table_name(config_dir: str) -> str:
    """The table of the instance with this configuration directory; nft takes letters, digits and underscores."""
    data = config_dir.encode("utf-8", "surrogateescape")
    return "postfix_ha" + "".join(chr(each) if chr(each).isalnum() and each < 128 else f"_{each:02x}" for each in data)


def is_loopback(address: str) -> bool:
    """Whether only this node itself reaches the address."""
    return address == "::1" or address.startswith("127.")


def _digit(address: str) -> str:
    return "6" if ":" in address else "4"


def _soon(deadline: float) -> float:
    return min(deadline, time.monotonic() + NFT_MAX_S)
