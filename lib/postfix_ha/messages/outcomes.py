"""What became of a change, and why: what the service did not reach, and what the cluster does not do or answer."""

from postfix_ha.messages.row import Row, failure, outcome, progress

ROWS: "tuple[Row, ...]" = (
    # How a change ends.
    progress("change_needed", "nothing to do: already configured as requested"),
    progress("change_declined", "nothing was changed"),
    progress("change_simulated", "the cluster would then: {actions}"),
    progress("change_goes_on", "the change is made, and the cluster goes on with it", "see 'postfix-ha status'"),
    progress("change_by_pcs", "the same with pcs:"),
    progress("change_by_crm", "the same with crm configure:"),
    progress("change_wanted", "Apply this change?"),
    progress("state_reached", "{name} is {what}{where}"),
    outcome("state_not_reached", "{name} is not {what}{where}: it is {now}"),
    outcome("change_kept_asked", "the change was rolled back", "--keep keeps it", joint="; "),
    outcome(
        "change_rolled_back",
        "the change is only partly rolled back",
        "'postfix-ha delete --stop --with-parts' finishes this",
    ),
    outcome("interrupted", "interrupted by {signal}: {state}"),
    progress("command_finishes", "the change is made in part", "'postfix-ha {command}' finishes it"),
    # Questions, and what print leaves out.
    progress(
        "answers_explained",
        "(Enter takes what is in brackets, {back} goes back, ? explains, Ctrl-C ends without a change)",
    ),
    progress("answer_yes_or_no", "yes or no?"),
    progress("print_left_out", "# not in it: {tag} {name}, which hold by a rule"),
    progress("print_needs_before", "# not in it, and has to be there before: {name}"),
    # Moves.
    progress("move_called_off", "the move is called off", "'postfix-ha status' tells where {tag} runs"),
    progress("in_service_there", "{tag} is in service on {node} already"),
    # Deleting.
    progress("resource_deleted", "{tag} is deleted"),
    progress("resource_released", "{tag} is deleted; Postfix keeps running on {nodes}, unmanaged"),
    progress("delete_called_off", "{tag} is not deleted: the cluster runs it as before"),
    outcome("resources_stopped", "{names} did not stop, so {tag} was not deleted; it stays out of service"),
    outcome("parts_stopped", "{tag} is deleted, but its parts are not stopped yet", "see crm_mon"),
    # Another agent.
    progress("agent_runs", "{agent} runs {tag}"),
    progress("agent_replaced", "{agent} runs {tag} on {nodes}; Postfix was not touched"),
    outcome("agent_finds_postfix", "{agent} did not find the running Postfix, so {former} has it again"),
    outcome(
        "agent_put_back",
        "{agent} did not find the running Postfix, which keeps running in maintenance",
        "{left}",
    ),
    # The steps of a trial.
    progress("trial_looks_before", "look before it"),
    progress("trial_makes", "make the directory {path}"),
    progress("trial_mounts", "mount {device} on {directory}"),
    progress("trial_finds", "find the interface of each address"),
    progress("trial_brings_up", "bring {address}/{prefix} up on {nic}"),
    progress("trial_notes", "note what is in {path}"),
    progress("trial_checks", "check this node"),
    progress("trial_starts", "start Postfix"),
    progress("trial_monitors", "monitor it at level 20"),
    progress("trial_process", "  process {process}"),
    progress("trial_greets", "  {endpoint} greets ({kind})"),
    progress("trial_stops", "stop Postfix, and undo all of it"),
    progress("trial_looks_after", "look after it"),
    progress("trial_undoes", "undoing '{step}'"),
    # A drill.
    progress("drill_moves", "move {tag} from {origin} to {target}"),
    progress("drill_breaks", "{fault} on {node}: this {meaning}"),
    progress("drill_moves_back", "bring it back to {origin}"),
    progress("drill_begins", "drill {drill}: mail to {recipient}"),
    progress("drill_with", "with {rate} messages a second to {recipient} by {endpoints}"),
    progress("drill_warned", "{count} warnings", "'postfix-ha check --peer NODE...' shows them"),
    progress("drill_wanted", "Clients will see no server for a while. Do it?"),
    progress("drill_measured", "    gap {gap_s:.2f} s; in service on {where}"),
    progress("drill_undoes", "interrupted ({at}): undoing what is left"),
    progress("drill_undone", "the drill undoes what it has changed"),
    progress("drill_ends", "{tag} is in service on {where}"),
    outcome("drill_mail_flows_on", "no mail flows {seconds:.0f} s after '{what}'"),
    outcome("drill_came_up", "{tag} did not come up on {node} in time{why}"),
    outcome("drill_stayed", "{tag} did not stay on {node}: it runs on {where}"),
    outcome("drill_recovered", "{fault} on {node}: the cluster has not recovered within {wait_s} s"),
    outcome("drill_noticed", "{fault} on {node}: the cluster has not noticed it within {wait_s} s"),
    outcome("drill_messages_found", "{count} acknowledged messages are lost: numbers {numbers}"),
    progress("drill_unanswered", "{count} messages were never acknowledged, and are not counted"),
    progress("drill_mailbox_named", "lost and duplicated messages: not known without --mailbox"),
    progress("drill_queue_seen", "queue and mailbox were not seen: {why}"),
    progress("drill_picture_drawn", "no picture: {library} is not installed", "'{command}'"),
    progress("drill_report_left", "no report in {directory}: {why}"),
)

# What the cluster, or a program that belongs to it, does not do or does not answer.
FAILURES: "tuple[Row, ...]" = (
    # What is read.
    failure("cib_file_there", "{file} is not there, or not a file"),
    failure("cib_read", "the cluster configuration cannot be read: {why}"),
    failure("cib_file_is_cib", "{file} is not a cluster configuration: it is not XML"),
    failure("cib_is_xml", "the cluster configuration cannot be read as XML: {why}"),
    failure("cib_has_configuration", "this is not a cluster configuration: it has no <cib> with a <configuration>"),
    failure("cib_version_is_number", "the cluster configuration has {name}='{value}', which is not a whole number"),
    failure("status_read", "cannot read the cluster status: {why}"),
    failure("status_is_xml", "crm_mon's answer cannot be read: {why}"),
    failure("template_read", "the template {path} cannot be read: {why}", "install postfix-ha again", joint="; "),
    failure("manual_read", "{path} cannot be read: {why}", "install postfix-ha again", joint="; "),
    # Why it cannot be read.
    failure(
        "pacemaker_installed",
        "Pacemaker's command line programs are not installed here (package pacemaker-cli-utils)",
    ),
    failure("cluster_permitted", "run this as root, or as a member of group haclient"),
    failure(
        "cluster_runs",
        "no cluster runs on this node",
        "start it ('pcs cluster start' or 'systemctl start pacemaker')",
    ),
    # What is written.
    failure("patch_made", "crm_diff made no patch: {why}"),
    failure("change_taken", "the cluster did not take the change: {why}"),
    failure("change_undisturbed", "somebody else kept changing the configuration: given up after {attempts} attempts"),
    # What is waited for.
    failure("looked_everywhere", "the cluster has not probed every node for {tag} yet", "try again"),
    failure("maintenance_begun", "the cluster does not put {tag} into maintenance"),
    failure("looked_again", "the cluster does not probe {tag} again: {why}"),
    failure(
        "resource_forgotten",
        "{nodes} does not forget {tag}; Postfix keeps running",
        "'postfix-ha {command}' finishes it",
        joint=", and ",
    ),
    # Drawings and drills.
    failure("graphviz_installed", "Graphviz is not installed here (package graphviz)", "--dot writes its input"),
    failure("drawing_made", "dot failed: {why}"),
    failure("drill_standby_set", "{node} cannot be put in standby: {why}"),
)
