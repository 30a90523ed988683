"""What the cluster manages, asked of its configuration where there is one."""

import time

from postfix_ha.checks.node_facts import Survey
from postfix_ha.cli.instances import stored_configuration
from postfix_ha.messages.statement import worded
from postfix_ha.request import caller_environment
from postfix_ha.system.command import begin, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.checks.cluster import Managed

# The environment by which Pacemaker's own programs are pointed at a file or a shadow instead of the live cluster.
CIB_VARIABLES = ("CIB_file", "CIB_shadow", "CIB_shadow_dir")
ANSWER_S = 5.0
# A living cluster answers in a few hundredths; one that hangs must not hold up a look at this node.
PATIENCE_S = 1.0


class ClusterQuestion:
    """The question for the cluster's configuration, asked at once and answered later."""

    def __init__(self, deadline: float, cib_file: str = "") -> None:
        self.cib_file = cib_file
        self.environment = {"CIB_file": cib_file} if cib_file else caller_environment(*CIB_VARIABLES)
        end = min(deadline, time.monotonic() + PATIENCE_S)
        self.running = begin(["cibadmin", "--query"], deadline=end, env=self.environment)

    def configuration(self) -> bytes:
        """The configuration as XML, as this node has stored it where the cluster hangs; b"" where none can be read."""
        done = self.running.finish()
        if done.timed_out:
            return stored_configuration(self.cib_file)
        return done.stdout if done.returncode == 0 else b""

    def close(self) -> None:
        """Wait for it no longer."""
        self.running.abandon()

    def answer(self) -> "Managed | None":
        """What the cluster manages, None where no configuration can be read."""
        data = self.configuration()
        if not data:
            return None
        # Only now: the XML library costs more than the rest of the command.
        from postfix_ha.checks.cluster import Managed
        from postfix_ha.cluster.model.cib import parse
        from postfix_ha.cluster.model.managed_addresses import managed_addresses
        from postfix_ha.cluster.model.managed_mounts import mounted_by
        from postfix_ha.cluster.model.names import address_name, file_system_name, unique
        from postfix_ha.messages.errors import ClusterError

        try:
            cib = parse(data)
        except ClusterError:
            return None
        file = self.environment.get("CIB_file", "")
        taken = cib.ids()
        names = (
            lambda address: unique(address_name(address), taken),
            lambda point: unique(file_system_name(point), taken),
        )
        addresses = {address: found[0] for address, found in managed_addresses(cib).items()}
        resources = {each.get("id", ""): cib.agent(each) for each in cib.primitives()}
        return Managed(addresses, mounted_by(cib), file, names, resources, cib.hosts())


def active_elsewhere(survey: Survey, mount_points: "list[str]", cib_file: str) -> str:
    """Why a trial here would disturb the cluster: what it would bring up is in service, "" where nothing is."""
    question = ClusterQuestion(survey.deadline, cib_file)
    managed = question.answer()
    if managed is None:
        return ""
    from postfix_ha.cluster.model.cib import parse
    from postfix_ha.cluster.model.hierarchy import hierarchies

    mail = [
        found.tag for found in hierarchies(parse(question.configuration())) if found.config_dir == survey.config_dir
    ]
    needed = [managed.addresses[address] for address in survey.service_addresses if address in managed.addresses]
    needed += filter(None, map(managed.mounting, [*mount_points, survey.instance.queue_directory]))
    for resource in dict.fromkeys([*mail, *needed]):
        place = _location(resource, question)
        if place:
            return worded("trial_not_in_service", resource=resource, place=place)
    return ""


def _location(resource: str, question: ClusterQuestion) -> str:
    """The node on which the cluster runs a resource, "" for none."""
    argv = ["crm_resource", f"--resource={resource}", "--locate", "--quiet"]
    done = run(argv, deadline=time.monotonic() + ANSWER_S, env=question.environment)
    return done.stdout.decode("utf-8", "replace").split("\n")[0].strip() if done.returncode == 0 else ""
