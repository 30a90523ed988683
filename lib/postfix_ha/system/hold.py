"""Hold: new connections to a service wait for it instead of being refused, by a table of nftables that is all our own.

A dropped SYN is sent again by the client's kernel after a second, so that who connects during a move waits and is then
served. Two groups of sets:

- ``draining``: every new connection is dropped, while a server that is about to end serves its last sessions. Its
  elements expire soon, and stop removes them as soon as that server has ended.
- ``service``: a new connection is dropped only where nobody on this node listens for it. The kernel decides it at each
  SYN (expression ``socket``, nft(8)): where the service runs, or anybody else takes its place, this does nothing. It
  stays from a probe or start on, since nothing of ours runs on a node between its probe and the arrival of the address.

What is not served after WAIT_S is refused, as without a hold, for as long as it is asked for: an address that stays on
a node where Postfix is stopped must not look like a dead node. An address that comes back after a while waits again.

No packet of a connection that exists is looked at, no other rule's verdict changes, and no other port is concerned.
"""

import time

from postfix_ha.endpoint import Endpoint, is_loopback
from postfix_ha.system import command
from postfix_ha.system.complaints import telling_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NFT = ["nft", "-f", "-"]
# Digit of the sets' names, header that a rule matches, type of an address, what only this node itself reaches.
FAMILIES = (("4", "ip", "ipv4_addr", "127.0.0.0/8"), ("6", "ip6", "ipv6_addr", "::1"))
# Before the filters that people have (priority 0): what these count and log is then not counted twice.
PRIORITY = -5
NFT_MAX_S = 3.0
# How long clients wait where nobody listens. Postfix's own client gives up after as long (smtp_connect_timeout).
WAIT_S = 30
# SYNs of one address that come in shorter distances belong to one wait. Linux repeats them after 1, 2, 4, 8 and 16 s.
KNOCK_S = 17
# Who has waited in vain is refused at once for so long after the last try: Postfix is stopped and the address is here.
REFUSE_S = 3600
# Addresses of this node times ports of the service; beyond it nothing is held.
KEYS_MAX = 1024
COMMENT = "postfix-ha: new connections wait while Postfix is moved or restarted"


class Hold:
    """The hold of one instance on this node; ``endpoints`` are those of its endpoints that other hosts reach."""

    __slots__ = ("endpoints", "table")

    def __init__(self, config_dir: str, endpoints: "Iterable[Endpoint]") -> None:
        self.table = f"inet {table_name(config_dir)}"
        # nft knows no address with a scope (fe80::1%eth0).
        self.endpoints = [each for each in endpoints if not is_loopback(each.address) and "%" not in each.address]

    def begin_drain(
        self, draining_s: float, others: "Iterable[tuple[str, int]]", deadline: float
    ) -> "command.Running | None":
        """Begin to hold all new connections for so many seconds from now; None where there is nothing to hold.

        ``others`` are the addresses and ports on which others listen: an endpoint on all addresses does not mean them.
        """
        return self._begin(self._draining(draining_s, others), deadline)

    def drain(
        self,
        draining_s: float,
        others: "Iterable[tuple[str, int]]",
        deadline: float,
        begun: "command.Running | None" = None,
    ) -> str:
        """Hold as begin_drain(), or wait for what that has ``begun``; why not, "" on success."""
        begun = begun or self.begin_drain(draining_s, others, deadline)
        # The table is there since the start, as a rule, and elements alone cost less.
        if begun is None or not why_not(begun.finish()):
            return ""
        return self._run(self._replaced(()) + self._draining(draining_s, others), deadline)

    def end_drain(self, deadline: float) -> "command.Running | None":
        """Begin to remove what drain() holds; None where there is nothing to hold."""
        return self._begin(self._flush_draining(), deadline)

    def begin(self, staying: "Iterable[str]", deadline: float) -> "command.Running | None":
        """Begin to hold what nobody takes, and nothing else; None where there is nothing to hold.

        ``staying`` are addresses of this node that are not on their way here: nothing is held for them.
        """
        return self._begin(self._replaced(staying), deadline)

    def _begin(self, script: str, deadline: float) -> "command.Running | None":
        return command.begin(NFT, deadline=_soon(deadline), input=script.encode()) if self.endpoints else None

    def _run(self, script: str, deadline: float) -> str:
        running = self._begin(script, deadline)
        return why_not(running.finish()) if running else ""

    def _elements(self, name: str, more: str = "") -> str:
        """Lines that add each endpoint to the sets of this name."""
        lines = []
        for each in self.endpoints:
            kind = "_ports" if each.is_wildcard else ""
            key = f"{each.port}" if each.is_wildcard else f"{each.address} . {each.port}"
            lines.append(f"add element {self.table} {name}{kind}{_digit(each.address)} {{ {key}{more} }}\n")
        return "".join(dict.fromkeys(lines))

    def _families(self) -> "list[tuple[str, str, str, str]]":
        digits = {_digit(each.address) for each in self.endpoints}
        return [family for family in FAMILIES if family[0] in digits]

    def _draining(self, draining_s: float, others: "Iterable[tuple[str, int]]") -> str:
        elements = self._elements("draining", f" timeout {max(1, round(draining_s * 1000))}ms")
        return f"{self._flush_draining()}{elements}" + "".join(
            f"add element {self.table} others{_digit(address)} {{ {address} . {port} }}\n" for address, port in others
        )

    def _flush_draining(self) -> str:
        names = ("draining", "draining_ports", "others")
        digits = [family[0] for family in self._families()]
        return "".join(f"flush set {self.table} {name}{digit}\n" for digit in digits for name in names)

    def _replaced(self, staying: "Iterable[str]") -> str:
        """Lines that put the whole table in the place of what there is: one transaction, so without a moment between.

        Whatever an earlier version has left under this name is gone then.
        """
        table = self.table
        lines = [f"add table {table}", f"delete table {table}", f"add table {table}"]
        for digit, _, kind, _ in self._families():
            key = f"type {kind} . inet_service;"
            for name, spec in (
                ("draining", f"{key} flags timeout;"),
                ("draining_ports", "type inet_service; flags timeout;"),
                ("others", key),
                ("service", key),
                ("service_ports", "type inet_service;"),
                ("staying", f"type {kind};"),
                ("waiting", f"{key} flags dynamic,timeout; timeout {WAIT_S}s; size {KEYS_MAX};"),
                ("knocked", f"{key} flags dynamic,timeout; timeout {KNOCK_S}s; size {KEYS_MAX};"),
                ("refused", f"{key} flags dynamic,timeout; timeout {REFUSE_S}s; size {KEYS_MAX};"),
            ):
                lines.append(f"add set {table} {name}{digit} {{ {spec} }}")
        lines += self._rules()
        digits = {family[0] for family in self._families()}
        for address in dict.fromkeys(staying):
            if _digit(address) in digits and not is_loopback(address) and "%" not in address:
                lines.append(f"add element {table} staying{_digit(address)} {{ {address} }}")
        return "\n".join([*lines, ""]) + self._elements("service")

    def _rules(self) -> "list[str]":
        first = f"{self.table} input"
        lines = [
            f"add chain {first} {{ type filter hook input priority {PRIORITY}; policy accept; }}",
            f'add rule {first} tcp flags & (fin | syn | rst | ack) != syn return comment "{COMMENT}"',
        ]
        families = self._families()
        for digit, header, _, local in families:
            key = f"{header} daddr . tcp dport"
            elsewhere = f"{header} daddr != {local} {key} != @others{digit}"
            lines.append(f"add rule {first} {key} @draining{digit} drop")
            lines.append(f"add rule {first} {elsewhere} tcp dport @draining_ports{digit} drop")
            # Served again: a wait after this begins anew.
            served = f"delete @knocked{digit} {{ {key} }} delete @refused{digit} {{ {key} }}"
            lines.append(f"add rule {first} {key} @knocked{digit} socket transparent {{ 0, 1 }} {served} return")
            lines.append(f"add rule {first} {key} @refused{digit} socket transparent {{ 0, 1 }} {served} return")
        # Any socket that takes this packet has this property, or its opposite; also a connection that is about to be
        # established, and one of the past whose ports a client uses again (TIME_WAIT). Other keys do not match these.
        lines.append(f"add rule {first} socket transparent {{ 0, 1 }} return")
        for digit, header, _, local in families:
            key = f"{header} daddr . tcp dport"
            chain = f"{self.table} nobody{digit}"
            lines += [
                f"add chain {chain}",
                f"add rule {chain} {key} @refused{digit} update @refused{digit} {{ {key} }} return",
                f"add rule {chain} {key} @knocked{digit} {key} @waiting{digit} update @knocked{digit} {{ {key} }} drop",
                f"add rule {chain} {key} @knocked{digit} update @refused{digit} {{ {key} }} return",
                f"add rule {chain} update @waiting{digit} {{ {key} }} update @knocked{digit} {{ {key} }} drop",
                f"add rule {first} {header} daddr @staying{digit} return",
                f"add rule {first} {key} @service{digit} goto nobody{digit}",
                f"add rule {first} {header} daddr != {local} tcp dport @service_ports{digit} goto nobody{digit}",
            ]
        return lines


def begin_removal(config_dir: str, deadline: float) -> "command.Running":
    """Begin to remove the instance's table; nft fails where there is none."""
    return command.begin(NFT, deadline=_soon(deadline), input=f"delete table inet {table_name(config_dir)}\n".encode())


def why_not(done: "command.Completed") -> str:
    """Why nft has not done what it was told, "" where it has."""
    if done.returncode == 0:
        return ""
    if done.returncode == command.NOT_FOUND:
        return "nft is not installed"
    return telling_line(done) or ("nft did not end in time" if done.timed_out else "nft failed")


def table_name(config_dir: str) -> str:
    """The table of the instance with this configuration directory; nft takes letters, digits and underscores."""
    data = config_dir.encode("utf-8", "surrogateescape")
    return "postfix_ha" + "".join(chr(each) if chr(each).isalnum() and each < 128 else f"_{each:02x}" for each in data)


def _digit(address: str) -> str:
    return "6" if ":" in address else "4"


def _soon(deadline: float) -> float:
    return min(deadline, time.monotonic() + NFT_MAX_S)
