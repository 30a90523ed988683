"""Shapes that main.cf and master.cf have in the world, in our own words: what distributions ship and what the guides of
filters, list managers and delivery agents add to it."""

import html
import re
import textwrap
from pathlib import Path

# name -> text
MAIN_CF = {
    "Red Hat: the local domains in one line, paths at the end, tabs before values": """\
# a remark
queue_directory\t= /var/spool/postfix
mail_owner =\tpostfix
mydestination = $myhostname, localhost.$mydomain, localhost
unknown_local_recipient_reject_code = 550
debugger_command =
\t PATH=/bin:/usr/bin:/usr/local/bin:/usr/X11R6/bin
\t ddd $daemon_directory/$process_name $process_id & sleep 5

sendmail_path = /usr/sbin/sendmail.postfix
meta_directory = /etc/postfix
shlib_directory = /usr/lib64/postfix
""",
    "SUSE: everything switched by empty values": """\
inet_interfaces = localhost
masquerade_domains =
mydestination = $myhostname, localhost.$mydomain
defer_transports =
mynetworks_style = subnet
disable_dns_lookups = no
relayhost =
content_filter =
mailbox_command =
mailbox_transport =
smtpd_sender_restrictions = hash:/etc/postfix/access
smtpd_client_restrictions =
smtpd_helo_required = no
smtpd_recipient_restrictions = permit_mynetworks,reject_unauth_destination
strict_8bitmime = no
message_size_limit = 0
mailbox_size_limit = 0
""",
    "Ubuntu: compatibility without a dot, a line that begins with a lone tab, settings of TLS with braces": """\
smtpd_banner = $myhostname ESMTP $mail_name (Ubuntu)
biff = no
compatibility_level = 3
\t
smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache
smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated defer_unauth_destination
recipient_delimiter = +
inet_protocols = all
""",
    "restrictions over many lines with remarks and disabled ones between them": """\
smtpd_recipient_restrictions =
    permit_mynetworks,
#   permit_sasl_authenticated,
    reject_unauth_destination,

    # greylisting last
    check_policy_service inet:127.0.0.1:10023,
    check_policy_service { unix:private/policy, timeout = 10s, default_action = DUNNO },
    permit
smtpd_milters = inet:localhost:8891, { unix:/run/m.sock, connect_timeout = 10s }
non_smtpd_milters = $smtpd_milters
milter_default_action = accept
""",
    "a list manager's maps beside others": """\
recipient_delimiter = +
unknown_local_recipient_reject_code = 550
owner_request_special = no
transport_maps =
    hash:/var/lib/lists/data/postfix_lmtp
local_recipient_maps =
    hash:/var/lib/lists/data/postfix_lmtp, proxy:unix:passwd.byname $alias_maps
relay_domains =
    hash:/var/lib/lists/data/postfix_domains
""",
    "virtual mailboxes in a database, through proxymap": """\
virtual_mailbox_base = /srv/vmail
virtual_mailbox_maps = proxy:mysql:/etc/postfix/sql/mailboxes.cf
virtual_alias_maps = proxy:mysql:/etc/postfix/sql/aliases.cf,
  regexp:/etc/postfix/virtual.regexp
virtual_uid_maps = static:5000
virtual_minimum_uid = 100
virtual_transport = lmtp:unix:private/dovecot-lmtp
proxy_read_maps = $local_recipient_maps $mydestination $virtual_alias_maps
  $virtual_mailbox_maps
""",
    "a value chosen by conditions": """\
stress =
smtpd_timeout = ${stress?{10}:{300}}s
smtpd_hard_error_limit = ${stress?1}${stress:20}
smtpd_client_port_logging = ${{$compatibility_level} >=level {3.6} ? {yes} : {no}}
""",
}
FILTER_OPTIONS = "\n".join(
    f"    -o {option}"
    for option in (
        "content_filter=",
        "smtpd_delay_reject=no",
        "smtpd_client_restrictions=permit_mynetworks,reject",
        "smtpd_restriction_classes=",
        "mynetworks=127.0.0.0/8",
        "smtpd_error_sleep_time=0",
        "smtpd_soft_error_limit=1001",
        "smtpd_client_connection_rate_limit=0",
        "receive_override_options=no_header_body_checks,no_unknown_recipient_checks,no_milters",
        "local_header_rewrite_clients=",
    )
)
MASTER_CF = {
    "a filter and the way back": f"""\
smtp      inet  n       -       n       -       -       smtpd
    -o content_filter=scan:[127.0.0.1]:10024
scan      unix  -       -       n       -       2       lmtp
    -o lmtp_data_done_timeout=1200
    -o lmtp_send_xforward_command=yes
127.0.0.1:10025 inet n  -       n       -       -       smtpd
{FILTER_OPTIONS}
""",
    "programs behind pipe, with users, flags and remarks between the lines": """\
maildrop  unix  -       n       n       -       -       pipe
  flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient}
# the next one is for lists
lists     unix  -       n       n       -       -       pipe
  flags=R user=list argv=/usr/lib/lists/bin/queue ${nexthop} ${user}
#  unused
  ${extension}
sympa\tunix\t-\tn\tn\t-\t-\tpipe
\tflags=hqRu null_sender= user=sympa argv=/usr/lib/sympa/queue ${nexthop}
vacation  unix  -       n       n       -       -       pipe
  flags=Rq user=vacation argv={ /var/spool/vacation/vacation.pl -f ${sender} } -- ${recipient}
""",
    "submission with its own values, the long way and the short one": """\
submission inet n       -       y       -       -       smtpd
  -o syslog_name=postfix/submission -o smtpd_tls_security_level=encrypt
  -o { smtpd_relay_restrictions = permit_sasl_authenticated, reject }
  -o smtpd_client_restrictions=$mua_client_restrictions
submissions     inet  n       -       y       -       -       smtpd -o smtpd_tls_wrappermode=yes
[2001:db8::1]:smtp inet n -     y       -       5       smtpd -v
""",
    "postscreen with all that belongs to it": """\
smtp      inet  n       -       n       -       1       postscreen
smtpd     pass  -       -       n       -       -       smtpd
dnsblog   unix  -       -       n       -       0       dnsblog
tlsproxy  unix  -       -       n       -       0       tlsproxy
policy    unix  -       n       n       -       0       spawn
  user=nobody argv=/usr/bin/perl /usr/lib/postfix/policy.pl
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
qmgr      unix  n       -       n       300     1       qmgr
pickup    fifo  n       -       n       60      1       pickup
postlog   unix-dgram n  -       n       -       1       postlogd
""",
}
DOCUMENTATION = Path("/usr/share/doc/postfix/html")
ROW = re.compile(r"^[\w.:\[\]-]+\s+(?:inet|unix|pass|fifo)\s+[-ny]\s+[-ny]\s+[-ny]", re.MULTILINE)
HEADING = re.compile(r"^\s*\S*/(?:main|master)\.cf:")
SETTING = re.compile(r"^[a-z][a-z0-9_]+ *=", re.MULTILINE)


def documented() -> "tuple[list[str], list[str]]":
    """The examples of main.cf and of master.cf in Postfix's own documentation, as its package brings it."""
    main, master = [], []
    for path in sorted(DOCUMENTATION.glob("*.html")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for block in re.findall(r"<(?:pre|blockquote)[^>]*>(.*?)</(?:pre|blockquote)>", text, re.DOTALL):
            plain = html.unescape(re.sub(r"<[^>]+>", "", block))
            lines = [line for line in plain.splitlines() if not HEADING.match(line)]
            example = textwrap.dedent("\n".join(lines)).strip("\n") + "\n"
            if ROW.search(example):
                master.append(example)
            elif SETTING.search(example):
                main.append(example)
    return main, master
