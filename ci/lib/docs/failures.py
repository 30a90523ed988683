"""docs/failures.md, and the messages of docs/from-lifekeeper.md: one entry for each row of the catalogue of checks."""

import string

from postfix_ha import codes
from postfix_ha.messages.catalogue import ROWS, Row

MANUAL = "LifeKeeper's message {number}"
INTRODUCTION = """\
# How each failure looks, and what to do

<!-- Made by ci/docs from the tables of lib/postfix_ha/messages: change it there. -->

Search this page for the message that you see. Words in capitals stand for values. A message appears in three places:

- `postfix-ha status` and `crm_mon --one-shot --inactive` show the last reason of a failed action. Pacemaker keeps 128
  bytes of it: a longer one has its cause there, and its remedy in the log.
- The node's log has it, with notes: look for `postfix_ha` in `/var/log/pacemaker/pacemaker.log` or in the journal.
- `postfix-ha check` on the node lists all problems at once, each with the name of the check and often a command.

A command on the cluster that ends without having done its work says why on standard error. With `--json`, `errors` has
the same lines, and `findings` has each with `id` (the heading here), `severity`, `text`, `remedy` and `command`; what a
change is told is in `remarks`, in the same way.

When the cause is gone, `postfix-ha in-service` lets the cluster forget the failures and start the service again.

What the cluster does depends on the action that failed and on its exit code:

| the code | start | monitor | stop |
|---|---|---|---|
| 1 | another node is tried | restarted here; elsewhere after `migration-threshold` failures | the node is fenced |
| 4, 5 | another node is tried | as 1 | the node is fenced |
| 6 | no further node is tried | as 1 | the node is fenced |
| 7 | | restarted here | |
| 190 | | reported only | |
| 0 | a note in the log | a note in the log | |
"""
# scope of the catalogue -> heading and what its entries have in common
SCOPES = {
    "parameter": (
        "The parameters of the resource",
        "Wrong on every node, because the cluster's configuration is wrong.",
    ),
    "node": ("This node's set-up", "Found by start and `validate-all`, and by `postfix-ha check`."),
    "health": ("A running Postfix", "Found by the monitor, at the level that checks for it."),
    "operation": ("What an action did", "Reported at the end of a start, a stop or a reload."),
    "command": (
        "What only `postfix-ha check` finds on this node",
        "None of this prevents a start today. An error will cost mail or service at a move.",
    ),
    "cluster": (
        "Other nodes, and the cluster's configuration",
        "Found by `postfix-ha check --peer`, `create` and `extend`; the last two refuse if there is an error.",
    ),
    "refusal": (
        "What a command refuses",
        "Said by `create`, `extend`, `switchover` and the other commands on the cluster before they change anything.",
    ),
    "planning": (
        "What a planned change is told",
        "Said by `create`, `delete` and `migrate` with what they would do, and by `check` of what the queue lies on. "
        "An error refuses the change.",
    ),
    "failure": (
        "What the cluster does not do",
        "Said by the commands when the cluster or one of its programs does not answer, or does not do what it is told.",
    ),
    "outcome": (
        "What became of a change",
        "Said by the commands when a change has begun: what was done, and what the service did not reach.",
    ),
    "option": (
        "What is wrong with a value on the command line",
        "Said before anything is done, after the option's name; and why `check --trial` or `facts` cannot do its work.",
    ),
}
CODES = {
    codes.SUCCESS: "0: noted in the log; the action succeeds",
    codes.ERR_GENERIC: "1: a restart, or another node, may help",
    codes.ERR_PERM: "4: retrying on this node will not help",
    codes.ERR_INSTALLED: "5: retrying on this node will not help",
    codes.ERR_CONFIGURED: "6: no node can start it",
    codes.NOT_RUNNING: "7: it is not running; the cluster restarts it",
    codes.DEGRADED: "190: running but at its limits; reported only, no recovery",
}
ENDS = {
    "refusal": "refused, nothing was changed",
    "failure": "the cluster or one of its tools does not answer",
    "outcome": "changed, but not with the result that was asked for",
    "option": "refused, nothing was changed",
}
# What the functional model's messages say, in our words, by their numbers.
MESSAGES = {
    1: "no configuration path was given",
    2: "main.cf is not in it",
    3: "master.cf is not in it",
    4: "an inet_interfaces value is no address that it can use, and not all",
    5: "no path to the programs was given",
    6: "the postfix command is not valid",
    7: "the queue directory is not found on shared storage",
    8: "the resource of an address is not in service",
    9: "there is no IP resource for an address",
    10: "the uid of Postfix's owner differs between servers",
    11: "the gid of the postdrop group differs between servers",
    12: "the master process is not running",
    13: "postfix check failed",
    14: "Postfix could not be started",
    15: "Postfix could not be stopped by kill",
    16: "the recorded process id does not exist any more",
    17: "no connection to a socket",
    18: "postfix or postconf is not an executable file",
    19: "main.cf or master.cf is missing or cannot be read",
    20: "Postfix's owner does not exist",
    21: "the postdrop group is not the group of the queue's files",
}
# Postfix's and Pacemaker's own words are as they are; a value shows as its name.
WORDS = {"timeout_s": "SECONDS", "maximum_s": "SECONDS", "gap_s": "SECONDS", "wait_s": "SECONDS"}


def failures_page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for scope, (heading, common) in SCOPES.items():
        rows = [row for row in ROWS if row.scope == scope]
        parts.append(f"## {heading}\n\n{common}\n")
        parts += [entry(row) for row in rows]
    left_out = {row.scope for row in ROWS} - set(SCOPES)
    if left_out:
        raise ValueError(f"the page has no heading for these scopes of the catalogue: {', '.join(sorted(left_out))}")
    return "\n".join(parts)


def entry(row: Row) -> str:
    """How one failure looks and what to do."""
    # As code: the characters stand there as they are in the log. A line that goes on ends with Markdown's break.
    said = "\\\n> ".join(f"`{line}`" for line in plain(row.sentence).splitlines())
    lines = [f"### {row.check}", "", f"> {said}", ""]
    if row.scope in ("command", "cluster", "planning"):
        lines.append(f"- Called: {article(row.severity)}")
    elif row.scope == "outcome" and row.code == codes.SUCCESS:
        lines.append("- Told on the way, or at the end")
    elif row.scope in ENDS:
        lines.append(f"- The command's exit code {row.code}: {ENDS[row.scope]}")
    else:
        lines.append(f"- Exit code {CODES[row.code]}")
    if row.remedy:
        lines.append(f"- Do: {shown(row.remedy)}")
    if row.cure:
        lines.append(f"- For example: `{plain(row.cure)}`")
    if row.parameter:
        lines.append(f"- Parameter of main.cf: `{row.parameter}`")
    if row.model:
        lines.append(f"- {MANUAL.format(number=row.model)}")
    return "\n".join(lines) + "\n"


def article(severity: str) -> str:
    """A severity with its article."""
    return f"{'an' if severity[0] in 'aeiou' else 'a'} {severity}"


def plain(template: str) -> str:
    """A format string with the names of its values, in capitals, in their places."""
    parts = []
    for text, name, _, _ in string.Formatter().parse(template):
        parts.append(text)
        if name and name != "mail_log":  # the agent says which file it is, on which node
            parts.append(WORDS.get(name, name.upper()))
    return "".join(parts)


def shown(template: str) -> str:
    """The same for running text, where Markdown has characters of its own; an underscore inside a word is none."""
    return "".join(f"\\{character}" if character in "*<>[]`|\\" else character for character in plain(template))


def messages_table() -> str:
    """LifeKeeper's messages, each with its check and where it leads to."""
    lines = ["| | LifeKeeper says | check | exit code |\n|---|---|---|---|\n"]
    for number, words in MESSAGES.items():
        (row,) = [row for row in ROWS if row.model == number]
        code = "shown by the command" if row.scope in ("command", "cluster") else str(row.code)
        lines.append(f"| {number} | {words} | [`{row.check}`](failures.md#{row.check}) | {code} |\n")
    return "".join(lines)
