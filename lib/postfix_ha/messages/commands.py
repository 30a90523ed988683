"""Why a command does not begin, by what was asked for and by what the cluster does at the moment."""

from postfix_ha.messages.row import Row, refusal

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
        "'stonith_admin --history {name}' tells how far that is",
        joint="; ",
    ),
    refusal("node_joined", "node {node} is about to join the cluster", "try again when it is online"),
    # properties, unextend.
    refusal("priorities_named_once", "a node is named twice with --priority"),
    refusal("node_without_service", "{resource} runs on {node} now", "'postfix-ha switchover' to another node first"),
    # delete.
    refusal("end_of_running_said", "{tag} runs on {nodes}", "say --stop or --leave-running"),
    refusal("end_of_active_said", "{tag} is {role}", "say --stop or --leave-running"),
    refusal("parts_of_running_kept", "a Postfix that runs on needs its parts", "leave --with-parts out"),
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
    refusal("agent_in_resource", "{tag} is made from a template", "exchange the agent there"),
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
        "'{text}' is no time",
        "say '2026-11-29 03:00', '03:00' for today, '2h' or '7d' for so long ago, or '@' and seconds since 1970",
    ),
    refusal("span_of_time", "--until is before --since", "name a later --until"),
    refusal("picture_left", "the picture cannot be written to {path}: {why}", "name another file with --svg"),
    # Other nodes, questions and drawings.
    refusal("host_named", "'{node}' is no name of a host"),
    refusal(
        "change_agreed",
        "standard input and output are no terminal, so nobody can be asked: nothing was changed",
        "say --yes",
        joint="; ",
    ),
    refusal("questions_answered", "the input ended before the last question: nothing was changed"),
)
