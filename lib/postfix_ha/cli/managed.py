"""What the cluster manages, asked of its configuration where there is one."""

import time

from postfix_ha.checks.cluster import Managed
from postfix_ha.request import caller_environment
from postfix_ha.system.command import begin

# The environment by which Pacemaker's own programs are pointed at a file or a shadow instead of the live cluster.
CIB_VARIABLES = ("CIB_file", "CIB_shadow", "CIB_shadow_dir")
ANSWER_S = 5.0


class Question:
    """The question for the cluster's configuration, asked at once and answered later."""

    def __init__(self, deadline: float) -> None:
        self.environment = caller_environment(*CIB_VARIABLES)
        end = min(deadline, time.monotonic() + ANSWER_S)
        self.running = begin(["cibadmin", "--query"], deadline=end, env=self.environment)

    def answer(self) -> "Managed | None":
        """What the cluster manages, None where no configuration can be read."""
        done = self.running.finish()
        if done.returncode != 0:
            return None
        # Only now: the XML library costs more than the rest of the command.
        from postfix_ha.cluster.cib import parse
        from postfix_ha.cluster.errors import ClusterError
        from postfix_ha.cluster.hierarchy import address_resources, file_system_resources

        try:
            cib = parse(done.stdout)
        except ClusterError:
            return None
        file = self.environment.get("CIB_file", "")
        return Managed(address_resources(cib), file_system_resources(cib), file)
