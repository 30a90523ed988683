"""What must hold before a drill: a healthy hierarchy, a target that can run it, mail that Postfix accepts."""

import os
import secrets
import time

from postfix_ha.cli.apply import Work
from postfix_ha.cli.cluster_command import Manner
from postfix_ha.cli.drill.node_steps import COUNT, VICTIM, Nodes
from postfix_ha.cli.preflight import check_nodes
from postfix_ha.cluster.change.move import HOLD_MARGIN_S, check_stays, check_target, hold
from postfix_ha.cluster.live.nodes import check_online
from postfix_ha.cluster.live.pacemaker import Cluster
from postfix_ha.cluster.live.simulation import simulate
from postfix_ha.cluster.live.wait import is_idle
from postfix_ha.cluster.model.cib import Cib
from postfix_ha.cluster.model.hierarchy import Hierarchy, find_hierarchy
from postfix_ha.cluster.model.operations import interval_ms
from postfix_ha.cluster.show.status import Overview
from postfix_ha.cluster.where.deletions import forget_failures_of
from postfix_ha.drill.client import Letter
from postfix_ha.drill.faults import ADDRESS, FREEZE, KILL, STANDBY, Victim
from postfix_ha.drill.mailbox import mark_of
from postfix_ha.drill.recipient import Tables, choose, objection, service_endpoints
from postfix_ha.endpoint import Endpoint
from postfix_ha.finding import Finding
from postfix_ha.messages.errors import Refused, refused
from postfix_ha.messages.remark import NOTE, Remark, errors
from postfix_ha.params import Params

LOOK_S = 30.0


class DrillOptions:
    """What a drill is asked for: ``node`` to move to and ``fault`` to cause ("" for none), ``back`` whether it moves
    back; ``sender``, ``recipient``, ``mailbox`` ("" for none) and ``rate`` (messages a second) of the mail; ``wait`` at
    most so many seconds for each step; ``tag`` of the resource; ``rsh`` the words of the remote shell, None for ssh;
    ``no_peer_check`` whether other nodes are left alone."""

    __slots__ = (
        "back", "fault", "mailbox", "no_peer_check", "node", "rate", "recipient", "rsh", "sender", "tag", "wait",
    )  # fmt: skip

    def __init__(
        self, *, node: str, fault: str, back: bool, sender: str, recipient: str, mailbox: str, rate: int, wait: int,
        tag: str, rsh: "list[str] | None", no_peer_check: bool,
    ) -> None:  # fmt: skip
        self.node = node
        self.fault = fault
        self.back = back
        self.sender = sender
        self.recipient = recipient
        self.mailbox = mailbox
        self.rate = rate
        self.wait = wait
        self.tag = tag
        self.rsh = rsh
        self.no_peer_check = no_peer_check


class Course:
    """What a drill is to do: ``target`` "" for no move, ``fault`` "" for none; and what it needs for that."""

    def __init__(self, options: DrillOptions, cluster: Cluster, manner: Manner) -> None:
        self.options = options
        self.cluster = cluster
        self.drill = secrets.token_hex(4)
        self.here = cluster.node_name()
        self.nodes = Nodes(self.here, options.rsh)
        self.hierarchy = find_hierarchy(cluster.read(), options.tag)
        self.tag = self.hierarchy.tag
        self.overview = Overview(self.hierarchy, cluster.status())
        self.origin = self._find_origin()
        self.fault: str = options.fault or ""
        self.target = self._find_target()
        # Automatic switchback would take the service home at once: only a hold keeps it there until it goes back.
        self.keeps_hold = self._goes_home()
        self.endpoints: "list[Endpoint]" = []
        self.letter = Letter(options.sender, options.recipient, f"postfix-ha drill {self.drill}", mark_of(self.drill))
        self.queue_directory = ""
        self.victim: Victim = {}
        self.remarks: "list[Remark]" = []
        self.work = Work(manner, cluster, self.planner if self.target else lambda cib: cib)
        self._check_outcome()

    def planner(self, cib: Cib) -> Cib:
        """The change that moves the service to the target."""
        return hold(cib, self.tag, self.target, self.options.wait + HOLD_MARGIN_S)

    @property
    def fault_node(self) -> str:
        """The node on which the fault is inflicted."""
        return self.target or self.origin

    def _find_origin(self) -> str:
        """The one node that runs the service; Refused where the hierarchy is not healthy."""
        hierarchy, overview = self.hierarchy, self.overview
        if hierarchy.is_clone:
            raise refused("drill_on_one_node", resource=hierarchy.top)
        if hierarchy.is_disabled:
            raise refused("drill_in_service", tag=self.tag)
        if overview.reasons:
            raise Refused(*(Finding("reason", why=reason) for reason in overview.reasons))
        if len(overview.running_on) != 1:
            where = ", ".join(overview.running_on) or "no node"
            raise refused("drill_runs_once", tag=self.tag, nodes=where)
        if self.cluster.is_live and not is_idle(self.cluster):
            raise refused("drill_cluster_idle")
        return overview.running_on[0]

    def _find_target(self) -> str:
        """The node to move to: the one named, else the next; "" for none, where a fault alone is asked for."""
        node = self.options.node
        status = self.cluster.status()
        if node:
            check_target(self.hierarchy, node)
            check_online(status, node)
            if node == self.origin:
                raise refused("drill_target_another", tag=self.tag, node=node)
            return str(node)
        if self.fault:
            return ""
        for each in self.hierarchy.nodes:
            if each != self.origin and self.overview.node_states[each] == "online":
                return each
        raise refused("drill_target_online", tag=self.tag)

    def _goes_home(self) -> bool:
        if not self.target:
            return False
        try:
            check_stays(self.hierarchy, self.target)
        except Refused:
            if not self.options.back:
                raise refused("drill_stays") from None
            return True
        return False

    def _check_outcome(self) -> None:
        """Refuse what the cluster would not do, by simulation."""
        outcome = self.work.outcome
        if self.target and (outcome is None or outcome.places.get(self.tag) != [self.target]):
            raise refused("target_can_run", tag=self.tag, node=self.target)
        if self.fault:
            self._check_fault()

    def _check_fault(self) -> None:
        node, hierarchy = self.fault_node, self.hierarchy
        failed = [member for member, counts in self.overview.fail_counts.items() if counts.get(node)]
        if failed:
            command = forget_failures_of(failed[0], node)
            raise refused("drill_no_failure_before", resource=failed[0], node=node, command=command)
        if self.fault == STANDBY:
            outcome = simulate(self.cluster, with_standby(self.work.plan.new, node))
            if outcome is None or not outcome.places.get(self.tag):
                raise refused("drill_standby_survived", tag=self.tag, node=node)
        elif self.fault == ADDRESS and not hierarchy.addresses:
            raise refused("drill_address_managed", tag=self.tag)
        else:
            member = self.tag if self.fault in (KILL, FREEZE) else next(iter(hierarchy.addresses.values()))
            if not is_monitored(hierarchy, member):
                raise refused("drill_fault_noticed", resource=member)

    def look_at_nodes(self) -> None:
        """The checks of this node and the comparison with the others concerned; Refused where one is an error."""
        params = Params(self.hierarchy.cib.parameters(self.hierarchy.mail))
        concerned = dict.fromkeys(node for node in (self.origin, self.target) if node not in ("", self.here))
        survey, remarks = check_nodes(
            params.config_dir, params.binary, [] if self.options.no_peer_check else list(concerned), self.options.rsh
        )
        against = errors(remarks)
        if against:
            raise Refused(*against)
        self.remarks = [remark for remark in remarks if remark.severity != NOTE]
        self.queue_directory = survey.instance.queue_directory
        self.endpoints = service_endpoints(survey.instance, list(self.hierarchy.addresses))
        if not self.endpoints:
            addresses = ", ".join(self.hierarchy.addresses) or "it has none"
            raise refused("drill_endpoint_moves", tag=self.tag, addresses=addresses)
        if self.letter.recipient:
            objections = [why for why in (objection(each, self.letter) for each in self.endpoints) if why]
            if objections:
                raise Refused(*dict.fromkeys(objections))
        else:
            tables = Tables(self.hierarchy.config_dir, params.binary, time.monotonic() + LOOK_S)
            self.letter.recipient = choose(tables, self.endpoints, self.letter)

    def look_where_it_runs(self) -> None:
        """Ask the nodes concerned for the mailbox and for what a fault would hit; Refused where one has no answer."""
        if self.options.mailbox:
            why = self.count(self.origin, 0.0)["why"]
            if why:
                raise refused("drill_mailbox_read", node=self.origin, why=why)
        if self.fault and self.fault != STANDBY:
            if self.target:
                self.count(self.target, 0.0)  # what it would hit is not there yet, but the way must be open
            else:
                self.find_victim(self.origin)

    def find_victim(self, node: str) -> None:
        """Find the process or the address that the fault is to hit."""
        params = Params(self.hierarchy.cib.parameters(self.hierarchy.mail))
        self.victim = self.nodes.take(
            node, step=VICTIM, kind=self.fault, config_dir=self.hierarchy.config_dir, binary=params.binary,
            address=next(iter(self.hierarchy.addresses), ""),
        )  # fmt: skip

    def count(self, node: str, since: float) -> "dict[str, object]":
        """What is in the queue and in the mailbox, as the node that has them tells."""
        mailbox = os.path.abspath(self.options.mailbox) if self.options.mailbox else ""
        return self.nodes.take(
            node, step=COUNT, drill=self.drill, since=since, queue=self.queue_directory, mailbox=mailbox
        )


def is_monitored(hierarchy: Hierarchy, member: str) -> bool:
    """Whether the cluster looks at the member again and again."""
    resource = hierarchy.cib.resource(member)
    if resource is None:
        return False
    for operation in resource.iterfind("operations/op"):
        is_on = operation.get("enabled", "true").lower() in ("true", "1", "yes", "on", "y")
        if operation.get("name") == "monitor" and is_on and interval_ms(operation) > 0:
            return True
    return False


def with_standby(cib: Cib, node: str) -> Cib:
    """The configuration with a node in standby, for a simulation."""
    copy = cib.copy()
    for element in copy.look("nodes").iter("node"):
        if element.get("uname") == node:
            attributes = element.makeelement("instance_attributes", {"id": "drill-standby"})
            pair = {"id": "drill-standby-pair", "name": "standby", "value": "on"}
            attributes.append(element.makeelement("nvpair", pair))
            element.append(attributes)
    return copy
