"""The commands on the cluster, in the order in which the help lists them."""

import argparse

from postfix_ha.cli.create import add_create
from postfix_ha.cli.delete import add_delete
from postfix_ha.cli.depend import add_depend
from postfix_ha.cli.drill import add_drill
from postfix_ha.cli.graph import add_graph
from postfix_ha.cli.manual import add_manual
from postfix_ha.cli.migrate import add_migrate
from postfix_ha.cli.nodes import add_nodes
from postfix_ha.cli.print_out import add_print
from postfix_ha.cli.properties import add_properties
from postfix_ha.cli.service import add_service
from postfix_ha.cli.status import add_status


def add_cluster_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add them all to the command line."""
    for add in (
        add_create,
        add_status,
        add_service,
        add_drill,
        add_nodes,
        add_depend,
        add_properties,
        add_delete,
        add_migrate,
        add_graph,
        add_print,
        add_manual,
    ):
        add(commands)
