"""What an action did: the end of a start, a stop or a reload."""

from postfix_ha.codes import ERR_GENERIC, SUCCESS
from postfix_ha.messages.row import Row

ROWS = (
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
        "queue_left_by_users",
        "operation",
        SUCCESS,
        "processes of users stood in the queue directory of {instance} and were sent TERM and KILL: {processes}",
        "nothing; one in state D keeps the file system mounted until its user's file system answers or is unmounted",
    ),
    Row(
        "reload_completed",
        "operation",
        ERR_GENERIC,
        "'postfix reload' failed: {why}",
        "correct the configuration; the old one stays in use",
    ),
    Row(
        "drain_completed",
        "operation",
        SUCCESS,
        "after {bound_s} s stop cut off: {what}",
        "if this happens often, raise drain_timeout and the time-out of the stop operation",
    ),
    Row(
        "connections_held",
        "operation",
        SUCCESS,
        "new connections cannot be held during the move and may be refused: {why}",
        "install nftables on every node, or set drain_timeout=0",
    ),
    Row(
        "mailbox_locks_current",
        "operation",
        SUCCESS,
        "removed mailbox locks that a Postfix which is gone has left: {paths}",
        "none: the mailboxes are free again",
    ),
    Row(
        "mailbox_locks_free",
        "operation",
        SUCCESS,
        "mailbox locks may be stale and are kept: {paths} ({why})",
        "remove them by hand when nobody uses the mailboxes; else Postfix waits up to stale_lock_time",
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
)
