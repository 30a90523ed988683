"""All targets by name."""

import importlib

from tests.property.fuzz.target import Target

MODULES = ("config_files", "values", "agent_calls", "cibs", "command_line", "peers", "replies", "logs")
TARGETS: "dict[str, Target]" = {
    target.name: target
    for module in MODULES
    for target in importlib.import_module(f"tests.property.fuzz.{module}").TARGETS
}
