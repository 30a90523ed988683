"""The facts of a healthy node, as postfix-ha facts --json gives them."""

from typing import Any

PLACE = {
    "directory": "/q/postfix", "is_there": True, "existing": "/q/postfix", "kind": "block", "mount_point": "/q",
    "fstype": "ext4", "source": "/dev/x", "uuid": "u",
}  # fmt: skip
FACTS: "dict[str, Any]" = {
    "format": 1, "node": "n1", "time": 1000.0, "complete": True, "missing": [], "config_dir": "/etc/postfix",
    "main": {"myhostname": "mail.example.com", "mydomain": "example.com", "smtpd_banner": "mail.example.com ESMTP",
             "message_size_limit": "1", "mail_version": "3.7.1", "data_directory": "/var/lib/postfix"},
    "set": {"myhostname": "mail.example.com"}, "master": ["smtp inet n - y - - smtpd"],
    "endpoints": [{"address": "198.51.100.100", "port": 25, "kind": "smtp"}], "addresses": ["198.51.100.100"],
    "ids": {"mail_owner": {"name": "postfix", "uid": 1}, "setgid_group": {"name": "postdrop", "gid": 2}},
    "versions": {"postfix": "3.7.1", "postfix_ha": "1"}, "map_types": ["hash"],
    "map_types_used": [{"type": "hash", "parameter": "alias_maps"}], "units": [],
    "tables": [{"table": "hash:/a", "parameter": "x", "files": [{"path": "/a", "size": 1, "digest": "0" * 32}]}],
    "certificates": [
        {"path": "/c", "parameter": "y", "key": "/k", "has_key": True, "digest": "1" * 32, "not_after": 9}],
    "storage": {"queue": PLACE, "data": PLACE, "spool": PLACE, "uuids": ["u"]}, "running": None, "secrets": {},
}  # fmt: skip
