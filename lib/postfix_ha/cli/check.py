"""postfix-ha check: everything that stands against running this node's Postfix under the cluster, all at once."""

import argparse
import json
import os
import sys
import time

from postfix_ha import codes
from postfix_ha.checks.catalogue import CATALOGUE
from postfix_ha.checks.setup import Setup, check_addresses, check_setup
from postfix_ha.config.discover import discover
from postfix_ha.params import BINARY_DEFAULT, Params
from postfix_ha.verdict import Finding

TIMEOUT_S = 20.0
EXAMPLES = """examples:
  postfix-ha check
  postfix-ha check --config-dir /etc/postfix2 --json
"""


def add_check(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "check",
        help="check this node's Postfix",
        description="Check what this node's Postfix needs to run under the cluster. Changes nothing.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config-dir", default="", metavar="DIR", help="the instance's configuration directory")
    parser.add_argument("--binary", default=BINARY_DEFAULT, metavar="FILE", help="the postfix command")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where there are warnings only")
    parser.set_defaults(run=run_check)


def run_check(options: argparse.Namespace) -> int:
    """Check and print; 0 clean, 1 warnings with --strict, 2 errors."""
    params = Params({"config_dir": options.config_dir, "binary": options.binary})
    findings = list(params.findings)
    if not findings:
        deadline = time.monotonic() + TIMEOUT_S
        setup = Setup(discover(params.config_dir, deadline, binary=params.binary), params, deadline)
        findings = check_setup(setup) + check_addresses(setup)
    graded = sorted(((_severity(finding), finding) for finding in findings), key=lambda pair: pair[0])
    if options.json:
        json.dump([_as_object(severity, finding) for severity, finding in graded], sys.stdout, indent=2)
        sys.stdout.write("\n")
    else:
        _print(graded)
    if any(severity == "error" for severity, _ in graded):
        return 2
    return 1 if graded and options.strict else 0


def _severity(finding: Finding) -> str:
    return "warning" if CATALOGUE[finding.check].code == codes.SUCCESS else "error"


def _as_object(severity: str, finding: Finding) -> "dict[str, str]":
    row = CATALOGUE[finding.check]
    return {
        "id": finding.check,
        "severity": severity,
        "text": row.sentence.format_map(finding.values),
        "remedy": row.remedy.format_map(finding.values),
    }


def _print(graded: "list[tuple[str, Finding]]") -> None:
    for severity, finding in graded:
        told = _as_object(severity, finding)
        print(f"{severity:8} {told['text']}\n         {told['remedy']}")
    if not graded:
        print("nothing stands against it")
    if os.geteuid() != 0:
        print("run as root to see everything", file=sys.stderr)
