"""What an action did: the end of a start, a stop or a reload."""

from postfix_ha.codes import ERR_GENERIC, SUCCESS
from postfix_ha.messages.row import Row

ROWS = (
    Row(
        "start_completed",
        "operation",
        ERR_GENERIC,
        "Postfix could not be started: {why}",
        "see the mail log{mail_log}",
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
        "users' processes in the queue directory of {instance} were sent TERM and KILL: {processes}",
        "a process in state D keeps the file system busy until the storage that it waits for answers",
    ),
    Row(
        "commands_undisturbed",
        "operation",
        SUCCESS,
        "the stop of {instance} also ended processes that are not daemons of Postfix: {processes}",
        "mail that a postdrop was submitting was not taken: send it again",
    ),
    Row(
        "queue_released",
        "operation",
        SUCCESS,
        "Postfix has ended, but others still use the file system of its queue, {mount_point}: {holders}",
        "end them, or its umount kills them, or fails and fences this node; 'postfix-ha check' says what to change",
    ),
    Row(
        "reload_completed",
        "operation",
        ERR_GENERIC,
        "'postfix reload' failed: {why}",
        "correct the configuration; the old one stays in use",
    ),
    Row(
        "reload_survived",
        "operation",
        ERR_GENERIC,
        "the reload ended the master process of {instance}: {why}",
        "correct the configuration; then the cluster starts Postfix again",
    ),
    Row(
        "drain_completed",
        "operation",
        SUCCESS,
        "stop waited {bound_s} s, then cut off: {what}",
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
        "removed stale mailbox locks of an earlier Postfix: {paths}",
        "",
    ),
    Row(
        "mailbox_locks_free",
        "operation",
        SUCCESS,
        "mailbox locks may be stale and were not removed: {paths} ({why})",
        "remove them by hand when nothing uses the mailboxes; otherwise Postfix waits up to stale_lock_time",
    ),
    Row(
        "leftovers_ended",
        "operation",
        SUCCESS,
        "ended processes left by an earlier run of {instance}: {processes}",
        "",
    ),
    Row(
        "queue_files_set_aside",
        "operation",
        SUCCESS,
        "in {queue_directory}, entries that no program of Postfix makes would have kept it from starting; they were "
        "moved to the directory corrupt, or made accessible: {paths}",
        "a process of Postfix may have been taken over: look at them, then delete them",
    ),
    Row(
        "queue_files_known",
        "operation",
        SUCCESS,
        "in {queue_directory}, entries that no program of Postfix makes keep 'postfix check' from passing: {paths}",
        "the next start moves them to the directory corrupt, or makes them accessible; a process of Postfix may have "
        "been taken over: look at them",
    ),
    Row(
        "snapshot_written",
        "operation",
        SUCCESS,
        "{path} cannot be written: {why}",
        "monitors take longer until this is corrected",
    ),
    Row(
        "program_sound",
        "operation",
        ERR_GENERIC,
        "internal error in {action}: {why}",
        "report this with the log of this node",
    ),
)
