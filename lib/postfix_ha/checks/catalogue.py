"""The catalogue: every finding that a check can make, the exit code it leads to, its sentence and its remedy.

A row is named for the condition that holds when all is well. ``model`` is the number of the message in the functional
model (LifeKeeper Postfix Recovery Kit; 0: none) that the row answers. ``scope``: parameter (the cluster's own
configuration), node (this node's setup), health (a running instance), operation (what an action did), cluster (seen by
the command postfix-ha alone). Sentences and remedies are format strings over the finding's values.
"""

from postfix_ha.codes import DEGRADED, ERR_CONFIGURED, ERR_GENERIC, ERR_INSTALLED, ERR_PERM, NOT_RUNNING, SUCCESS

CLUSTER_ONLY = SUCCESS


class Row:
    """One row of the catalogue."""

    __slots__ = ("check", "code", "model", "remedy", "scope", "sentence")

    def __init__(self, check: str, scope: str, code: int, sentence: str, remedy: str, model: int = 0) -> None:
        self.check = check
        self.scope = scope
        self.code = code
        self.sentence = sentence
        self.remedy = remedy
        self.model = model


ROWS = (
    # The parameters of the resource.
    Row(
        "config_dir_given",
        "parameter",
        ERR_CONFIGURED,
        "config_dir '{value}' is not an absolute path of a configuration directory",
        "set config_dir to the directory that holds main.cf, such as /etc/postfix",
        1,
    ),
    Row(
        "config_dir_absolute",
        "parameter",
        ERR_INSTALLED,
        "there is no configuration directory '{value}': a bare name says nothing of where it is",
        "set config_dir to an absolute path, such as /etc/postfix",
    ),
    Row(
        "config_dir_given_once",
        "parameter",
        ERR_CONFIGURED,
        "config_dir is {value} but parameters has -c {option}",
        "name the configuration directory once, in config_dir",
    ),
    Row(
        "binary_dir_given",
        "parameter",
        ERR_CONFIGURED,
        "binary '{value}' is not an absolute path of the postfix command",
        "set binary to its full path, such as /usr/sbin/postfix",
        5,
    ),
    Row(
        "parameters_valid",
        "parameter",
        ERR_CONFIGURED,
        "parameters: '{value}' is no option that the postfix command can be given by the cluster",
        "leave only -v or -D there; the configuration directory goes into config_dir",
    ),
    Row(
        "greeting_timeout_valid",
        "parameter",
        ERR_CONFIGURED,
        "greeting_timeout '{value}' is not a whole number of seconds from 1 to {maximum_s}",
        "set it to a number of seconds, such as 10",
    ),
    # The setup of this node.
    Row(
        "postfix_command_valid",
        "node",
        ERR_INSTALLED,
        "the postfix command {binary} cannot be run: {why}",
        "install Postfix on this node or set binary to the command's full path",
        6,
    ),
    Row(
        "commands_executable",
        "node",
        ERR_INSTALLED,
        "{command} is not an executable file: {why}",
        "reinstall Postfix on this node, or correct command_directory and daemon_directory in main.cf",
        18,
    ),
    Row(
        "main_cf_present",
        "node",
        ERR_INSTALLED,
        "there is no main.cf in {config_dir}",
        "correct config_dir, or mount the file system that holds it before Postfix starts",
        2,
    ),
    Row(
        "master_cf_present",
        "node",
        ERR_INSTALLED,
        "there is no master.cf in {config_dir}",
        "correct config_dir, or restore master.cf",
        3,
    ),
    Row(
        "config_files_readable",
        "node",
        ERR_INSTALLED,
        "{where}: {why}",
        "correct the file; 'postfix -c {config_dir} check' shows Postfix's own view",
        19,
    ),
    Row(
        "inet_interfaces_usable",
        "node",
        ERR_INSTALLED,
        "{where}: {why}",
        "name addresses, names that resolve on this node, or all; and one smtpd service in master.cf",
        4,
    ),
    Row(
        "address_on_node",
        "node",
        ERR_GENERIC,
        "address {address} of inet_interfaces is not on this node",
        "start its IPaddr2 resource first (order and colocation constraints), or correct inet_interfaces in {main_cf}",
    ),
    Row(
        "queue_directory_shared",
        "node",
        ERR_INSTALLED,
        "the queue directory {queue_directory} is not there: {why}",
        "mount its file system before Postfix (order constraint), or correct queue_directory in {main_cf}",
        7,
    ),
    Row(
        "queue_directory_writable",
        "node",
        ERR_GENERIC,
        "the queue directory {queue_directory} cannot be written: {why}",
        "repair or remount its file system; a full one needs room",
    ),
    Row(
        "mail_owner_exists",
        "node",
        ERR_INSTALLED,
        "the mail owner '{user}' (mail_owner) does not exist on this node",
        "create the user with the same uid as on the other nodes, or correct mail_owner in {main_cf}",
        20,
    ),
    Row(
        "setgid_group_exists",
        "node",
        ERR_INSTALLED,
        "the group '{group}' (setgid_group) does not exist on this node",
        "create the group with the same gid as on the other nodes, or correct setgid_group in {main_cf}",
    ),
    Row(
        "queue_group_matches",
        "node",
        ERR_PERM,
        "{path} belongs to group {found}, but setgid_group {group} is group {wanted} on this node",
        "give {group} the same gid on all nodes, then run 'postfix set-permissions'",
        21,
    ),
    Row(
        "queue_owner_matches",
        "node",
        ERR_PERM,
        "{path} belongs to user {found}, but mail_owner {user} is user {wanted} on this node",
        "give {user} the same uid on all nodes, or 'chown -R {user} {path}'",
    ),
    Row(
        "data_directory_present",
        "node",
        ERR_INSTALLED,
        "the data directory {data_directory} is not there: {why}",
        "create it for the mail owner, or correct data_directory in {main_cf}",
    ),
    Row(
        "data_directory_owned",
        "node",
        ERR_PERM,
        "data_directory {data_directory} belongs to user {found}, but mail_owner {user} is user {wanted}",
        "'chown -R {user} {data_directory}'",
    ),
    Row(
        "data_directory_own",
        "node",
        ERR_GENERIC,
        "data_directory {data_directory} is in use by process {pid} ({config}), which holds its master.lock",
        "give each instance a data_directory of its own",
    ),
    Row(
        "setgid_commands_kept",
        "node",
        SUCCESS,
        "{path} has mode {mode}, so users of this node cannot submit mail",
        "run 'postfix set-permissions'",
    ),
    Row(
        "distribution_prepared",
        "node",
        SUCCESS,
        "the distribution's preparation {program} failed: {why}",
        "run it by hand and correct what it says; chrooted services may lack files",
    ),
    Row(
        "endpoint_free",
        "node",
        ERR_GENERIC,
        "{endpoint} is already taken by {holder}",
        "stop that service or give it another address; disable it at boot",
    ),
    Row(
        "postfix_check_passes",
        "node",
        ERR_INSTALLED,
        "'postfix check' failed: {why}",
        "correct what it says, then run 'postfix check' again",
        13,
    ),
    Row("run_by_root", "node", ERR_PERM, "{action} needs root, but this is user {uid}", "run it as root"),
    # The health of a running instance.
    Row(
        "master_running",
        "health",
        NOT_RUNNING,
        "the master process of {instance} is not running",
        "see the mail log; the cluster starts it again",
        12,
    ),
    Row(
        "master_left_no_orphans",
        "health",
        ERR_GENERIC,
        "the master process of {instance} is gone, but its processes live: {processes}",
        "the cluster ends them by its stop action",
    ),
    Row(
        "master_not_stopped",
        "health",
        ERR_GENERIC,
        "master process {pid} is frozen (state {state})",
        "'kill -CONT {pid}', or let the cluster restart it",
    ),
    Row(
        "master_holds_lock",
        "health",
        ERR_GENERIC,
        "process {pid} holds the lock on neither pid/master.pid nor master.lock",
        "let the cluster restart it; look for a lock service that failed when the queue is on NFS",
    ),
    Row(
        "pidfile_current",
        "health",
        SUCCESS,
        "{path} does not name the living master process {pid}: {why}",
        "'postfix stop' and 'reload' go wrong until the next restart",
        16,
    ),
    Row(
        "endpoint_listening",
        "health",
        ERR_GENERIC,
        "master process {pid} does not listen on {endpoint}",
        "see the mail log; the cluster restarts it",
    ),
    Row(
        "address_kept",
        "health",
        ERR_GENERIC,
        "address {address}, on which Postfix listens, is no longer on this node",
        "see its IPaddr2 resource",
    ),
    Row(
        "endpoint_answers",
        "health",
        ERR_GENERIC,
        "no greeting from {endpoint} within {timeout_s:.0f} s: {why}",
        "see the mail log; the cluster restarts it",
        17,
    ),
    Row(
        "endpoint_not_busy",
        "health",
        DEGRADED,
        "{endpoint} lives but is at its limits: {why}",
        "raise default_process_limit or the service's maxproc, or find what holds its clients",
    ),
    Row(
        "transaction_accepted",
        "health",
        DEGRADED,
        "{endpoint} answers {stage} with '{reply}'",
        "see the mail log for the cause",
    ),
    Row(
        "queue_writable",
        "health",
        ERR_GENERIC,
        "no file can be made and synced in {path} as {user}: {why}",
        "see the file system's resource and the kernel log",
    ),
    Row(
        "queue_has_room",
        "health",
        DEGRADED,
        "the queue's file system {path} has {free} left and {needed} are needed",
        "make room: 'postqueue -p' shows what waits; see queue_minfree and message_size_limit",
    ),
    Row(
        "queue_service_alive",
        "health",
        ERR_GENERIC,
        "{service} of {instance} is {why}",
        "see the mail log; the cluster restarts it",
    ),
    Row(
        "queue_service_answers",
        "health",
        DEGRADED,
        "{service} of {instance} lives but has not answered within {timeout_s:.0f} s",
        "see the mail log and the load of the queue's disk",
    ),
    Row(
        "configuration_in_use",
        "health",
        SUCCESS,
        "{where} was changed since Postfix started: {why}",
        "reload or restart the resource when it suits",
    ),
    Row(
        "check_ended",
        "health",
        ERR_GENERIC,
        "{action} was not done within {timeout_s:.0f} s; it hangs in: {step}",
        "look for hung storage or a hung resolver on this node",
    ),
    # What an action did.
    Row(
        "start_completed",
        "operation",
        ERR_GENERIC,
        "Postfix could not be started: {why}",
        "see the mail log of this node",
        14,
    ),
    Row(
        "stop_completed",
        "operation",
        ERR_GENERIC,
        "processes of {instance} could not be ended by kill: {processes}",
        "processes in state D wait for the kernel: look for hung storage",
        15,
    ),
    Row(
        "reload_completed",
        "operation",
        ERR_GENERIC,
        "'postfix reload' failed: {why}",
        "correct the configuration; the old one stays in use",
    ),
    Row(
        "leftovers_ended",
        "operation",
        SUCCESS,
        "ended what was left of an earlier run of {instance}: {processes}",
        "nothing",
    ),
    Row("snapshot_written", "operation", SUCCESS, "{path} cannot be written: {why}", "monitors cost more until it can"),
    Row(
        "program_sound",
        "operation",
        ERR_GENERIC,
        "internal error in {action}: {why}",
        "report this with the log of this node",
    ),
    # What the command postfix-ha alone can see.
    Row(
        "address_in_service",
        "cluster",
        CLUSTER_ONLY,
        "resource {resource} of address {address} is not in service on {node}",
        "'pcs resource enable {resource}'",
        8,
    ),
    Row(
        "address_has_resource",
        "cluster",
        CLUSTER_ONLY,
        "no IPaddr2 resource manages address {address} of inet_interfaces",
        "'pcs resource create ip-{address} ocf:heartbeat:IPaddr2 ip={address}'",
        9,
    ),
    Row(
        "mail_owner_uid_agrees",
        "cluster",
        CLUSTER_ONLY,
        "postfix id does not match between servers: {user} is {here} on {node} and {there} on {peer}",
        "give the user the same uid on all nodes",
        10,
    ),
    Row(
        "setgid_group_gid_agrees",
        "cluster",
        CLUSTER_ONLY,
        "postdrop gid does not match between servers: {group} is {here} on {node} and {there} on {peer}",
        "give the group the same gid on all nodes",
        11,
    ),
)

CATALOGUE = {row.check: row for row in ROWS}


def describe(check: str, values: "dict[str, object]") -> str:
    """The finding in one line: what is wrong, where, and what to do."""
    row = CATALOGUE[check]
    return f"{row.sentence.format_map(values)}; {row.remedy.format_map(values)}"
