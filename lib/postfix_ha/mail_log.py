"""Where the mail log of this node is."""

import os

# Where rsyslog and syslog-ng write the facility mail: Debian, Red Hat, SUSE.
FILES = ("/var/log/mail.log", "/var/log/maillog", "/var/log/mail")
JOURNAL = "'journalctl --facility=mail'"


def mail_log(maillog_file: str = "") -> str:
    """The file, by Postfix's own setting or the system's custom, or the journal's command; and the node's name."""
    known = [maillog_file] if maillog_file.startswith("/") and maillog_file.isprintable() else FILES
    place = next((path for path in known if os.path.isfile(path)), JOURNAL)
    return f"{place} on {os.uname().nodename}"
