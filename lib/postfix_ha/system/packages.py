"""The tools of this node's distribution that commands to paste are made of: packages, users."""

import os

MANAGERS = ("apt-get", "dnf", "zypper", "yum")


def installing_command(package: str, *options: str) -> str:
    """The command that installs a package, "" where no package manager is known."""
    for program in MANAGERS:
        if os.access(f"/usr/bin/{program}", os.X_OK):
            return " ".join([program, "install", *(options if program == "apt-get" else ()), package])
    return ""


def making_user(user: str, uid: str, *, has_group: bool) -> "list[str]":
    """The command that makes Postfix's user, as packages make it; into its group where that is there."""
    group = ["--gid", user] if has_group else ["--user-group"]
    login = ["--home-dir", "/var/spool/postfix", "--shell", "/usr/sbin/nologin"]
    return ["useradd", "--system", "--uid", uid, *group, *login, user]
