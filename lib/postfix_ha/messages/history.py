"""What history says: of each event, of what caused an incident, how it ended, and what to do that it does not again."""

from postfix_ha.messages.row import Row, planned

# Of an event, by its kind, and its action where one is named.
EVENTS = {
    "begin": "{resource}: {action} begins on {node}",
    "begin start": "{resource} is being started on {node}",
    "begin stop": "{resource} is being stopped on {node}",
    "end": "{resource}: {action} is done on {node}",
    "end start": "{resource} started on {node}",
    "end stop": "{resource} stopped on {node}",
    "failed": "{action} of {resource} failed on {node}: {outcome}{why}",
    "lost": "{node} is lost: the cluster does not hear it any more",
    "cut": "{by} is cut off: it does not hear {node} any more",
    "member": "{node} is back in the cluster",
    "joining": "Pacemaker starts on {node}",
    "leaving": "Pacemaker was told to end on {node}",
    "quorum lost": "{node} is without quorum: it may run nothing",
    "quorum acquired": "{node} has quorum again",
    "condemned": "the cluster decides to fence {node}: {text}",
    "fenced": "{node} was fenced ({action}) by {who}",
    "not fenced": "fencing of {node} failed: {outcome}",
    "planned": "the scheduler plans: {action} {resource} ({text}){because}",
    "change": "configuration: {resource} {action}{what}, by {who} on {node}",
    "standby on": "{node} was put on standby until it reboots",
    "standby off": "the standby of {node} was ended",
    "banned": "{resource} may not run on {node} any more: it has failed as often as migration-threshold allows",
    "paused": "corosync on {node} did not run for {text}",
    "clock": "the clock of {node} was set: {text}",
}
# Of the cause of an incident.
CAUSES = {
    "failed": "{action} of {resource} failed on {node}: {outcome}{why}",
    "node_lost": "{node} was lost: the cluster did not hear it any more",
    "node_left": "{node} left the cluster in order (its Pacemaker was told to end)",
    "quorum_lost": "{node} lost quorum",
    "fenced": "{node} was fenced at the request of {text}",
    "moved": "a command moved the service: constraint {resource}, by {who} on {node}",
    "standby": "a command put {here} on standby{command}",
    "maintenance": "a command changed maintenance mode: {resource}, by {who} on {node}",
    "switched": "a command changed whether the service is to run: {resource}, by {who} on {node}",
    "configured": "a command changed the configuration: {resource} {action}{what}, by {who} on {node}",
    "returned": "{node} came back, and the service went to it",
    "unknown": "the logs do not tell why{because}",
}
ENDS = {
    "same": "runs on {after} again",
    "moved": "runs on {after} (before: {before})",
    "began": "runs on {after}",
    "down": "NOT IN SERVICE when the log ends",
    "untouched": "the service on {after} was not touched",
}
PACEMAKER = "Pacemaker Explained"

ROWS: "tuple[Row, ...]" = (
    planned("history_node_told", "warning", "{node} did not tell its logs: {why}"),
    planned("history_log_whole", "note", "on {node}: {why}"),
    planned("history_log_begins", "note", "the log of {node} begins only at {when}: it has nothing from before"),
    planned("history_clock_agrees", "note", "the clock of {node} is {s} s {way} this node's: its times are corrected"),
    planned("history_log_there", "warning", "no log of Pacemaker could be read", "run this as root on a cluster node"),
    planned(
        "again_monitor_timely", "note", "{count} monitors of {resource} timed out",
        "raise the monitor's timeout, or find what loads the nodes at that time (Pacemaker Explained, Resource "
        "Operations: a monitor that times out counts as failed)",
    ),
    planned(
        "again_threshold_kept", "note", "{resource} reached its migration-threshold on {node}",
        "when the cause is mended: 'crm_resource --cleanup --resource {resource}' (Pacemaker Explained, Resource "
        "Meta-Attributes: migration-threshold)",
    ),
    planned(
        "again_failures_expire", "note", "{resource} has no failure-timeout: its failures count for ever",
        "clean up after each failure, or set one: 'crm_resource --resource {resource} --meta --set-parameter "
        "failure-timeout --parameter-value 1h' (Pacemaker Explained, Resource Meta-Attributes: failure-timeout)",
    ),
    planned(
        "again_no_bouncing", "note", "{resource} changed its node {count} times within an hour",
        "look at the first cause; a resource-stickiness greater than the preferences keeps it where it is (Pacemaker "
        "Explained, Resource Meta-Attributes: resource-stickiness)",
    ),
    planned(
        "again_stop_ends", "note", "a stop of {resource} failed on {node}, for which the cluster fences the node",
        "look at why the stop took so long (storage, frozen processes), and give the stop operation more time "
        "(Pacemaker Explained, Resource Operations: on-fail of stop is fence)",
    ),
    planned(
        "again_no_repeated_fencing", "note", "{node} was fenced {count} times",
        "look at its hardware, its network and its logs before it takes the service again: 'pcs node standby {node}'",
    ),
    planned(
        "again_no_pause", "note", "corosync did not run for {text} on {node}",
        "that is load, or a virtual machine that stood still: look at its host; a longer token waits for it "
        "(corosync.conf(5): token)",
    ),
    planned(
        "again_room_in_queue", "note", "the logs tell of a full disk on {node}",
        "make room, and watch the queue's disk (postconf(5): queue_minfree)",
    ),
    planned(
        "again_clock_steady", "note",
        "the clock of {node} was set {count} times, the last time by {by}: the times in its logs are not reliable",
        "let the time service slew the clock (chrony.conf(5): makestep with a limit); of a virtual machine, look at "
        "its host's clock",
    ),
    planned(
        "again_names_answered", "note", "{count} names could not be looked up on {node} around an incident",
        "look at the name servers that it asks; a second one, or one on the node itself, keeps mail independent "
        "of them (resolv.conf(5): nameserver, timeout, attempts)",
    ),
    # Who is told of failures, by the alert that create makes.
    planned(
        "alert_installed",
        "error",
        "the alert agent {path} is not on this node, or not executable by all users",
        "install postfix-ha from its package or with ci/install, on every node",
    ),
    planned(
        "alert_mail_whole",
        "error",
        "an alert by mail needs a recipient and a mail server",
        "give both --alert-mail ADDRESS and --alert-relay HOST",
    ),
    planned("alert_mail_valid", "error", "'{address}' is not a mail address", "use one such as admin@example.com"),
    planned("alert_relay_valid", "error", "'{relay}' is not a mail server", "use HOST, HOST:PORT or [IPv6]:PORT"),
    planned(
        "alert_relay_elsewhere",
        "error",
        "{relay} is the service itself, or never leaves its node: while the service is away, no mail goes that way",
        "name a mail server outside of this cluster with --alert-relay",
    ),
)  # fmt: skip
