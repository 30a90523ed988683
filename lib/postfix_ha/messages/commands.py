"""Why a command does not begin, by what was asked for and by what the cluster does at the moment."""

from postfix_ha.messages.row import Row, refusal, wrong_option

ROWS: "tuple[Row, ...]" = (
    # switchover, in-service.
    refusal("switchover_in_service", "{tag} is out of service", "'postfix-ha in-service {name}' starts it there"),
    refusal("target_can_run", "the cluster would not run {tag} on {node}", "see 'postfix-ha status'"),
    refusal("target_can_run_still", "the cluster would not run {tag} on {node} all the same"),
    # What stands against it, as the cluster or the status has it.
    refusal("reason", "{why}"),
    refusal("node_runs_resources", "node {node} is {state}", "end that first ('pcs node un{attribute} {name}')"),
    refusal("node_online", "node {node} is offline", "'pcs cluster start {name}' starts its cluster", joint="; "),
    refusal(
        "node_clean",
        "node {node} is unclean: the cluster waits until it has been fenced",
        "'stonith_admin --history {name}' shows how far that is",
        joint="; ",
    ),
    refusal("node_joined", "node {node} is about to join the cluster", "try again when it is online"),
    # properties, unextend.
    refusal("priorities_named_once", "a node is named twice with --priority"),
    refusal("node_without_service", "{resource} runs on {node} now", "'postfix-ha switchover' to another node first"),
    # delete.
    refusal("end_of_running_said", "{tag} runs on {nodes}", "say --stop or --leave-running"),
    refusal("end_of_active_said", "{tag} is {role}", "say --stop or --leave-running"),
    refusal(
        "parts_of_running_kept", "a Postfix that keeps running needs its file system and address", "omit --with-parts"
    ),
    refusal("resource_settled", "{tag} is {role} just now", "try again when that is done"),
    # migrate.
    refusal(
        "agent_for_postfix",
        "{agent} does not run Postfix",
        "ocf:mail:postfix_ha, ocf:heartbeat:postfix or systemd:postfix do",
    ),
    refusal("agent_installed", "{agent} is not installed on this node", "install it on every node first"),
    refusal(
        "unit_of_instance",
        "{agent} runs {directory} on this node, not {config_dir}",
        "name the unit that runs that one",
    ),
    refusal(
        "maintenance_ended",
        "{tag} is in maintenance",
        "end that first, as with 'crm_resource --resource {name} --meta --delete-parameter maintenance'",
    ),
    refusal("agent_in_resource", "{tag} is made from a template", "replace the agent there"),
    refusal(
        "unit_named",
        "{agent} runs the default instance, not {config_dir}",
        "name its unit, as in systemd:postfix@name",
    ),
    # Names that no configuration can hold.
    refusal(
        "text_for_xml",
        "a path or name here has a byte that is not UTF-8, or a control character: the cluster's configuration is XML, "
        "which cannot hold it",
        "rename it",
    ),
    # The times of a history.
    refusal(
        "time_readable",
        "'{text}' is not a time",
        "say '2026-11-29 03:00', '03:00' for today, '2h' or '7d' for so long ago, or '@' and seconds since 1970",
    ),
    refusal("span_of_time", "--until is before --since", "name a later --until"),
    refusal("picture_left", "the picture cannot be written to {path}: {why}", "name another file with --svg"),
    # Other nodes, questions and drawings.
    refusal("host_named", "'{node}' is not a host name"),
    refusal(
        "change_agreed",
        "standard input and output are not a terminal, so nobody can confirm: nothing was changed",
        "say --yes",
        joint="; ",
    ),
    refusal("questions_answered", "the input ended before the last question: nothing was changed"),
)

# What is wrong with a value on the command line, which argparse shows after the option's name; and why `check --trial`,
# `facts` or an asked node cannot do their work.
OPTIONS: "tuple[Row, ...]" = (
    wrong_option("option_seconds", "'{text}' is not a whole number of seconds up to {most}"),
    wrong_option("option_count", "'{text}' is not a whole number from 1 to {most}"),
    wrong_option("option_file", "{text} is not there, or not a file"),
    wrong_option("option_node", "{text} is not the name of a node"),
    wrong_option("option_shell", "{text}: {why}"),
    wrong_option("option_shell_named", "it names no command"),
    wrong_option("option_forced", "{text} is not a check that can be overruled: a refusal names those that can"),
    wrong_option("option_assignment", "'{text}' is not NAME=VALUE"),
    wrong_option("option_node_priority", "'{text}' is not NODE=P, such as n1=10"),
    wrong_option("option_priority", "priority '{text}' is not a whole number from {least} to {most} (the lower wins)"),
    # An operation.
    wrong_option("option_time", "'{text}' is not a time such as 20s, 500ms or 2min"),
    wrong_option("option_operation", "'{name}' is not an operation of the agent: it has {known}"),
    wrong_option("option_operation_set", "'{name}' says nothing to set: add KEY=VALUE with a KEY of {known}"),
    wrong_option("option_operation_key", "'{word}' is not KEY=VALUE with a KEY of {known}"),
    wrong_option("option_operation_value", "{key} '{value}' is none of {known}"),
    wrong_option("option_interval", "interval '{value}': of the operations only monitor is repeated"),
    wrong_option("option_timeout", "timeout must be more than 0"),
    # create, and its questions.
    wrong_option("option_address", "'{text}' is not ADDRESS[/PREFIX][@INTERFACE] of an IPv4 or IPv6 address"),
    wrong_option("option_address_useful", "'{address}' is not an address that clients can use"),
    wrong_option("answer_node", "there is no node '{node}': the cluster has {known}"),
    wrong_option("answer_node_once", "node {node} is named twice"),
    wrong_option("answer_priority_free", "priority {priority} is there twice: each node needs its own"),
    # check --trial.
    wrong_option("option_mount", "{text} is not DEVICE:DIRECTORY, such as /dev/vg/queue:/mnt/queue"),
    wrong_option("option_prefix", "{text} is not a prefix length, such as 24"),
    # drill.
    wrong_option("option_recipient", "{text} is not a plain mail address, such as drill@example.com"),
    wrong_option("option_rate", "'{text}' is not a number of messages a second from 1 to {most}"),
    # facts, and history --observe, which another node calls.
    wrong_option("facts_one_instance", "the cluster has several instances for this node", "say --config-dir {names}"),
    wrong_option("facts_salt", "{file} has no salt in its first line"),
    wrong_option("facts_in_time", "no answer in time: a file system or a name server hangs"),
    wrong_option("facts_read", "the facts of this node cannot be read"),
    wrong_option(
        "history_request", "the request cannot be read", "install the same version of postfix-ha on all nodes"
    ),
    wrong_option("log_unpacked", "it is packed with zstd, which is not read", "unpack it with 'zstd -d'"),
    # Why a trial is not begun, or ends: the reason in trial_passed.
    wrong_option("trial_by_root", "a trial needs root"),
    wrong_option("trial_before_undone", "an earlier trial was cut short", "undo it with 'sh {note}'"),
    wrong_option("trial_alone", "Postfix of {config_dir} runs here already: {processes}"),
    wrong_option(
        "trial_not_in_service",
        "the cluster has {resource} in service on {place}",
        "take the service out of service first",
    ),
    wrong_option("trial_one_instance", "the cluster has several instances for this node", "use --config-dir {names}"),
    wrong_option(
        "trial_interface", "no interface of this node is in the network of {address}", "say --nic and --prefix"
    ),
    wrong_option("trial_interrupted", "interrupted by {signal}"),
    wrong_option("trial_program", "'{command}' failed: {why}"),
    wrong_option("trial_directory", "{path} is not root's", "remove it"),
    wrong_option(
        "trial_address_free",
        "{address} answers already, from another machine",
        "take the service out of there first",
    ),
    wrong_option("trial_agent", "the agent's {action} ended with {code}"),
    wrong_option("trial_undone_by", "{why}; 'sh {note}' undoes it"),
    wrong_option("trial_ended", "processes of Postfix are left"),
    wrong_option("trial_process_there", "  no process {name}"),
)
