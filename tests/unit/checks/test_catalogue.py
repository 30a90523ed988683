"""The catalogue is whole: every finding has its row, every row its sentence, every model message one row and a test."""

import ast
import re
import string
from pathlib import Path

import pytest

from postfix_ha import codes
from postfix_ha.messages.catalogue import CATALOGUE, ROWS, SEVERITIES, Row
from postfix_ha.messages.statement import Statement
from postfix_ha.verdict import Finding

CHECKOUT = Path(__file__).resolve().parents[3]
LIBRARY = CHECKOUT / "lib" / "postfix_ha"
# Values that any finding may bring beside those of its sentence.
MORE = {"severity", "cure", "file", "line"}
# The scopes of what the commands on the cluster say, of which not each has a remedy.
OF_COMMANDS = ("refusal", "planning", "failure", "outcome", "option")
# What makes a finding of an id and its values.
MAKERS = {"Finding", "refused", "failed", "stated", "worded", "wrong"}
MODEL = range(1, 22)
# Rows that only inform: there is nothing to do, and so no remedy.
NOTHING_TO_DO = {"leftovers_ended", "mailbox_locks_current"}
# The files with a table of faults, each of which is provoked and cured.
FAULTS = (
    "test_checks_setup.py",
    "test_checks_surroundings.py",
    "test_checks_files.py",
    "test_checks_names.py",
    "test_checks_peers.py",
    "test_checks_values.py",
)
# Rows that are provoked elsewhere: by name, the test files in which their id or a part of their sentence is.
PROVOKED_ELSEWHERE = {
    "address_settled": "messages_place.py",
    "address_unique": "messages_place.py",
    "own_service_there": "test_checks_services.py",
    "queue_file_system_free": "test_checks_services.py",
    "service_served": "test_checks_services.py",
    "config_dir_given": "test_cli_check.py",
    "binary_dir_given": "test_cli_check.py",
    "address_in_service": "test_checks_cluster.py",
    "address_has_resource": "test_checks_cluster.py",
    "queue_has_resource": "test_checks_cluster.py",
    "service_in_cluster": "test_checks_cluster.py",
    "network_served": "test_checks_cluster.py",
    "peer_runs_postfix": "test_checks_peers.py",
    "master_running": "node/*.py",
    "start_completed": "node/*.py",
    "stop_completed": "node/*.py",
    "pidfile_current": "node/*.py",
    "endpoint_answers": "node/*.py",
    "run_by_root": "test_cli_check.py",
    "queue_storage_shared": "test_cli_check.py",
    "queue_storage_answers": "test_storage_away.py",
    "trial_passed": "test_cli_trial.py",
    "files_looked_at": "attacks/test_files.py",
    # No such storage can be made here: tests/unit/test_mounts.py has what the kernel would show.
    "queue_on_block_storage": "test_mounts.py",
    "queue_mounted_once": "test_mounts.py",
    # What lies below a queue on other machines: the facts of those are enough.
    "volume_group_on_peer": "test_comparison_volumes.py",
    "system_id_own": "test_comparison_volumes.py",
    "volume_group_at_boot": "test_comparison_volumes.py",
    "storage_program_on_peer": "test_comparison_volumes.py",
    "drbd_files_agree": "test_comparison_volumes.py",
    "iscsi_session_on_peer": "test_comparison_volumes.py",
    "multipath_paths_agree": "test_comparison_volumes.py",
    # An action's own affair, seen in the tests of start.
    "distribution_prepared": "node/*.py",
    "configuration_read_in_time": "node/*.py",
}


def faults_of(path: Path) -> "set[str]":
    """The ids of the faults that a test file provokes."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    named = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Fault"]
    return {ast.literal_eval(call.args[0]) for call in named}


def fields(text: str) -> "set[str]":
    """The values that a format string names."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def needed(row: Row) -> "set[str]":
    """All values that a row's sentence, remedy and subject need; where the mail log is, the agent knows by itself."""
    return (fields(row.sentence) | fields(row.remedy) | fields(row.subject)) - {"mail_log"}


def findings() -> "list[tuple[str, str, set[str] | None]]":
    """(where, check, values) of each finding that is made with a literal id; None where its values are a dict."""
    found = []
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MAKERS:
                first = node.args[0] if node.args else None
                if isinstance(first, ast.Constant):
                    names = {keyword.arg for keyword in node.keywords}
                    where = f"{path.relative_to(LIBRARY)}:{node.lineno}"
                    found.append((where, first.value, None if None in names else names))
    return found


def test_ids_are_unique() -> None:
    assert len(CATALOGUE) == len(ROWS)


@pytest.mark.parametrize(
    ("where", "check", "values"), findings(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_finding_has_a_row_and_all_its_values(where: str, check: str, values: "set[str] | None") -> None:
    assert check in CATALOGUE, where
    if values is not None:
        missing = needed(CATALOGUE[check]) - values
        assert missing == set(), where


def test_every_row_is_found_by_something() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in LIBRARY.rglob("*.py") if path.parent.name != "messages")
    composed = {"main_cf_present", "master_cf_present", "data_directory_unshared", "queue_directory_unshared"}
    unused = {check for check in CATALOGUE if f'"{check}"' not in text and f"'{check}'" not in text} - composed
    # What the issue of creating a hierarchy has to say is said by those commands.
    assert unused <= {"reload_completed"}, unused


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.check)
def test_a_row_is_well_formed(row: Row) -> None:
    assert row.severity in SEVERITIES
    assert row.scope in (
        "parameter",
        "node",
        "command",
        "health",
        "operation",
        "cluster",
        "refusal",
        "planning",
        "failure",
        "outcome",
        "option",
    )
    values: "dict[str, object]" = dict.fromkeys(needed(row) | fields(row.cure), "x y")
    values.update(dict.fromkeys(("timeout_s", "gap_s", "seconds"), 1.0))
    statement = Statement(Finding(row.check, **values))
    assert statement.text
    assert row.scope in OF_COMMANDS or bool(statement.remedy) == (row.check not in NOTHING_TO_DO)
    assert statement.text[-1] not in ".;"
    assert not statement.remedy.endswith(".")
    if row.scope in ("command", "cluster"):
        assert row.code == codes.SUCCESS, "what the command alone sees never decides for the agent"


def test_each_message_of_the_model_is_one_row() -> None:
    numbers = [row.model for row in ROWS if row.model]
    assert sorted(numbers) == list(MODEL)


def test_each_row_of_the_model_and_of_the_command_is_provoked_on_a_real_node() -> None:
    provoked = {check for name in FAULTS for check in faults_of(CHECKOUT / "tests/node" / name)}
    wanted = {row.check for row in ROWS if row.model or row.scope in ("command", "cluster", "node")}
    assert wanted - provoked - set(PROVOKED_ELSEWHERE) == set()
    for check, file in PROVOKED_ELSEWHERE.items():
        texts = [path.read_text(encoding="utf-8") for path in (CHECKOUT / "tests").rglob(file)]
        words = (check, *(part.strip(" :'(),") for part in re.split(r"{.*?}", CATALOGUE[check].sentence)))
        assert any(word in text for text in texts for word in words if len(word) > 20 or word == check), (check, file)
