"""The catalogue: all rows by their ids; each topic has a table of its own beside this file."""

from postfix_ha.messages import (
    cluster,
    commands,
    drill,
    health,
    history,
    node,
    operation,
    outcomes,
    parameters,
    planning,
    refusals,
    setup,
    storage,
)
from postfix_ha.messages.row import SEVERITIES as SEVERITIES
from postfix_ha.messages.row import Row as Row

ROWS: "tuple[Row, ...]" = (
    *parameters.ROWS,
    *node.ROWS,
    *health.ROWS,
    *operation.ROWS,
    *storage.ROWS,
    *setup.ROWS,
    *cluster.ROWS,
    *refusals.ROWS,
    *commands.ROWS,
    *drill.ROWS,
    *planning.ROWS,
    *storage.PLANNED,
    *history.ROWS,
    *outcomes.FAILURES,
    *outcomes.ROWS,
    *commands.OPTIONS,
)

CATALOGUE = {row.check: row for row in ROWS}
