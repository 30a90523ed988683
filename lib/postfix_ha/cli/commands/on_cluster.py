"""The commands on the cluster, in the order in which the help lists them."""

import argparse

from postfix_ha.cli.commands.create import add_create
from postfix_ha.cli.commands.delete import add_delete
from postfix_ha.cli.commands.depend import add_depend
from postfix_ha.cli.commands.graph import add_graph
from postfix_ha.cli.commands.history import add_history
from postfix_ha.cli.commands.membership import add_nodes
from postfix_ha.cli.commands.migrate import add_migrate
from postfix_ha.cli.commands.move import add_service
from postfix_ha.cli.commands.print_out import add_print
from postfix_ha.cli.commands.properties import add_properties
from postfix_ha.cli.commands.status import add_status
from postfix_ha.cli.drill.drill_command import add_drill
from postfix_ha.cli.manual.manual_command import add_manual


def add_cluster_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add them all to the command line."""
    for add in (
        add_create,
        add_status,
        add_history,
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
