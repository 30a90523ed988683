"""Why a drill does not begin, or does not go on."""

from postfix_ha.messages.row import Row, refusal

ROWS: "tuple[Row, ...]" = (
    # How it is called.
    refusal("drill_by_root", "a drill needs root: it looks into the queue, and at the mail system's processes"),
    refusal("drill_on_cluster", "a drill needs the live cluster", "with --cib-file use --dry-run"),
    refusal("drill_waits", "a drill must wait for the service", "--wait takes a number of seconds from 1"),
    refusal("drill_agreed", "--fault {fault} {meaning}", "say --yes where there is nobody to ask"),
    refusal("drill_report_possible", "the report cannot be left in {directory}: {at} is {why}", "say --report DIR"),
    # The hierarchy as it is.
    refusal("drill_on_one_node", "{resource} is a clone, which runs on all nodes at once", "there is nothing to drill"),
    refusal("drill_in_service", "{tag} is out of service", "'postfix-ha in-service' first"),
    refusal("drill_runs_once", "{tag} runs on {nodes}", "see 'postfix-ha status'"),
    refusal("drill_cluster_idle", "the cluster is busy", "wait until it has started and stopped everything"),
    # Where to.
    refusal("drill_target_another", "{tag} runs on {node} already", "name another node, or none"),
    refusal("drill_target_online", "no other node that takes part in {tag} is online"),
    refusal("drill_stays", "switchback is automatic, so the service would not stay", "say --back"),
    # What the fault would do.
    refusal(
        "drill_no_failure_before",
        "{resource} has failed on {node} before, and the drill would add a failure",
        "'{command}' first",
    ),
    refusal(
        "drill_standby_survived",
        "no other node would run {tag} with {node} in standby",
        "see 'postfix-ha status'",
    ),
    refusal("drill_address_managed", "{tag} needs no address that the cluster manages", "there is none to delete"),
    refusal("drill_fault_noticed", "{resource} has no recurring monitor, so the cluster would not notice the fault"),
    refusal("drill_master_runs", "no Postfix master of {config_dir} runs on {node}"),
    refusal("drill_master_same", "the master process {pid} has ended"),
    refusal("drill_address_there", "{address} is not on {node}"),
    refusal(
        "drill_address_alone",
        "{address} is the first of its network on {interface}: {others} would be deleted with it",
    ),
    refusal("drill_address_deleted", "ip could not delete it: {why}"),
    # The mail.
    refusal("drill_endpoint_moves", "no endpoint for plain SMTP moves with the addresses of {tag} ({addresses})"),
    refusal("drill_recipient_accepted", "Postfix at {endpoint} refuses mail for {recipient}: {why}"),
    refusal(
        "drill_recipient_discarded",
        "this configuration discards no recipient's mail",
        "name one with --recipient, or add '{address} discard:' to a table of transport_maps",
    ),
    refusal("drill_endpoint_talks", "no mail dialogue with {endpoint}: {why}"),
    refusal("drill_mailbox_read", "{node}: {why}", "--mailbox takes a maildir or an mbox file"),
    refusal("drill_mail_flows", "no mail flows, so there is nothing to measure: {why}"),
    refusal(
        "drill_mail_arrives",
        "no message has arrived within {timeout_s:.0f} s{why}",
        "is --mailbox that of {recipient}?",
    ),
    # Other nodes.
    refusal("drill_node_answers", "{node} over '{shell}': {why}"),
    refusal("drill_answer_known", "{node} over '{shell}': the answer is not one of postfix-ha"),
    refusal(
        "drill_step_known",
        "there is no step '{step}' of a drill",
        "install the same version of postfix-ha on all nodes",
    ),
    refusal(
        "drill_step_whole",
        "the request is not a step of a drill",
        "install the same version of postfix-ha on all nodes",
    ),
)
