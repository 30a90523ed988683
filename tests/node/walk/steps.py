"""The steps of a walk that disturb: each is a word, what it does to the world, and when it can be done."""

import signal
from dataclasses import dataclass
from typing import Callable

from tests.node.judged import MAIN, MASTER
from tests.node.walk.world import KEPT_CONFIG, World
from tests.support.mail.main_cf import with_settings
from tests.support.mail.node import ADDRESS, QUEUE

Act = Callable[[World], None]
Condition = Callable[[World], bool]


@dataclass(frozen=True)
class Step:
    """A word of a walk."""

    word: str
    act: Act
    can: Condition


STEPS: "dict[str, Step]" = {}


def always(world: World) -> bool:
    """No condition."""
    return True


def add(word: str, act: Act, can: Condition = always) -> None:
    """Add a step."""
    STEPS[word] = Step(word, act, can)


def breaking(name: str, act: Act, mend: Act, can: Condition = always, can_mend: Condition = always) -> None:
    """Add a step that breaks something, and the one that puts it right."""

    def break_it(world: World) -> None:
        act(world)
        world.break_(name, lambda: mend(world))

    add(f"break {name}", break_it, lambda world: name not in world.broken and can(world))
    add(f"mend {name}", lambda world: world.mend(name), lambda world: name in world.broken and can_mend(world))


def shell(script: str) -> Act:
    """What a shell's script does, whether it succeeds or not."""

    def act(world: World) -> None:
        world.node.run(["sh", "-c", script], timeout=60)

    return act


# Processes


def signal_all(name: str, number: int) -> Act:
    def act(world: World) -> None:
        for process in world.facts().people:
            if name in (process.name, "all") and not (name == "master" and process.exe[-6:] != "master"):
                world.node.signal(process, number)
        world.is_stirred = True

    return act


for _name in ("master", "qmgr", "pickup", "smtpd", "cleanup", "trivial-rewrite", "postlogd", "all"):
    add(f"kill {_name}", signal_all(_name, signal.SIGKILL))
    add(f"freeze {_name}", signal_all(_name, signal.SIGSTOP))
add("end master", signal_all("master", signal.SIGTERM))
add("thaw all", signal_all("all", signal.SIGCONT))


# What an administrator types

for _command in ("start", "stop", "reload", "abort", "flush", "check", "status"):
    add(f"postfix {_command}", shell(f"timeout -k 1 30 postfix {_command}"))


def _edit(path: str, text: str) -> Act:
    def act(world: World) -> None:
        now = world.node.read(path)
        world.node.write(path, with_settings(now, text) if path == MAIN else now + text)
        world.node.age(path)

    return act


def _restore(world: World) -> None:
    """Give back the configuration as a whole, whatever was done to it."""
    world.node.run(["sh", "-ec", _GIVE_BACK], check=True)
    world.forget("main.cf", "master.cf", "configuration")
    world.limit = 100


_GIVE_BACK = f"rm -rf /etc/away; mkdir -p /etc/postfix; cp -a --remove-destination {KEPT_CONFIG}/. /etc/postfix/"


def _is_config_whole(world: World) -> bool:
    return world.node.exists(MAIN) and world.node.exists(MASTER)


def _limit(world: World) -> None:
    _edit(MAIN, "default_process_limit = 2\n")(world)
    world.limit = 2


# Good edits: whatever is read of them and when, clients are served.
add("edit banner", _edit(MAIN, "smtpd_banner = $myhostname ESMTP here\n"), _is_config_whole)
add("edit limit", _limit, lambda world: _is_config_whole(world) and world.limit != 2)
add("edit service", _edit(MASTER, "2525 inet n - y - - smtpd\n"), _is_config_whole)
add("edit name", _edit(MAIN, "inet_interfaces = $myhostname, localhost\n"), _is_config_whole)
add("edit screen", _edit(MASTER, "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd\n"), _is_config_whole)
add("touch main.cf", shell(f"touch -d '1 minute ago' {MAIN}"), _is_config_whole)
add("replace main.cf", shell(f"cp -p {MAIN} {MAIN}.new && mv {MAIN}.new {MAIN}"), _is_config_whole)

for _name, _path, _text in (
    ("main.cf line", MAIN, "this line has no equals sign\n"),
    ("main.cf number", MAIN, "smtpd_timeout = soon\n"),
    ("main.cf table", MAIN, "smtpd_client_restrictions = check_client_access hash:/etc/postfix/absent\n"),
    ("main.cf map type", MAIN, "canonical_maps = nosuch:/etc/postfix/absent\n"),
    ("main.cf address", MAIN, f"inet_interfaces = {ADDRESS}, localhost, 203.0.113.5\n"),
    ("main.cf queue", MAIN, "queue_directory = /mnt/other/postfix\n"),
    ("main.cf owner", MAIN, "mail_owner = absent\n"),
    ("main.cf milter", MAIN, "smtpd_milters = inet:127.0.0.1:9\n"),
    ("main.cf recipients", MAIN, "local_recipient_maps = hash:/etc/postfix/absent\n"),
    ("main.cf checks", MAIN, "header_checks = hash:/etc/postfix/absent\n"),
    ("main.cf transport", MAIN, "transport_maps = hash:/etc/postfix/absent\n"),
    ("main.cf size", MAIN, "message_size_limit = 100\n"),
    ("main.cf room", MAIN, "queue_minfree = 200000000\n"),
    ("main.cf data", MAIN, "data_directory = /var/lib/absent\n"),
    ("main.cf networks", MAIN, "mynetworks = 999.1.2.3\n"),
    ("master.cf line", MASTER, "broken inet n\n"),
    ("master.cf none", MASTER, "smtp inet n - y - 0 smtpd\n  -o smtpd_banner=here\nqmgr unix n - n 300 1 absentd\n"),
    ("master.cf rewrite", MASTER, "rewrite unix - - y - - absentd\n"),
    ("master.cf option", MASTER, "smtp inet n - y - - smtpd\n  -o smtpd_client_restrictions=nonsense\n"),
    ("master.cf program", MASTER, "smtp inet n - y - - absentd\n"),
    ("master.cf cleanup", MASTER, "cleanup unix n - y - 0 absentd\n"),
    ("master.cf address", MASTER, "203.0.113.5:2526 inet n - y - - smtpd\n"),
):
    breaking(_name, _edit(_path, _text), _restore, _is_config_whole)
breaking("main.cf gone", shell(f"rm {MAIN}"), _restore)
breaking("main.cf empty", shell(f": > {MAIN}"), _restore, _is_config_whole)
breaking("master.cf gone", shell(f"rm {MASTER}"), _restore)
breaking("configuration gone", shell("mv /etc/postfix /etc/away"), _restore)


# Addresses and names

breaking(
    "address",
    shell(f"ip address del {ADDRESS}/24 dev eth0"),
    shell(f"ip address add {ADDRESS}/24 dev eth0"),
)
breaking("link", shell("ip link set eth0 down"), shell("ip link set eth0 up"))
breaking("names", shell("cp /etc/hosts /etc/hosts.kept; echo > /etc/hosts"), shell("mv /etc/hosts.kept /etc/hosts"))
# A dead name server, which nothing of this configuration needs: the addresses stand in /etc/hosts.
add(
    "resolver dies",
    shell(
        "echo nameserver 198.51.100.53 > /etc/resolv.conf; ip neighbour replace 198.51.100.53"
        " lladdr 02:00:5e:10:00:01 nud permanent dev eth0"
    ),
)
add("resolver lives", shell("echo nameserver 127.0.0.53 > /etc/resolv.conf"))


# Clients, mail, users, another instance


def _connect(world: World) -> None:
    client = world.node.socket()
    world.clients.callback(client.close)
    client.settimeout(3)
    try:
        client.connect((ADDRESS, 25))
        if client.recv(100).startswith(b"220"):
            world.client_count += 1
    except OSError:
        pass
    world.is_stirred = True


def _hang_up(world: World) -> None:
    world.clients.close()
    world.client_count = 0
    world.is_stirred = True


def _user_writes(world: World) -> None:
    world.scene.leave_running(("sh", "-c", "(echo Subject: x; exec sleep 4001) | exec sendmail root"))
    world.is_stirred = True


def _shell_stands(world: World) -> None:
    world.scene.leave_running(("sh", "-c", f"cd {QUEUE} && exec sleep 4002"))
    world.holders += 1


def _start_second(world: World) -> None:
    world.scene.start_second()
    world.is_stirred = True


add("client comes", _connect, lambda world: world.client_count < 4)
add("clients go", _hang_up, lambda world: world.client_count > 0)
add("mail is sent", shell("echo x | timeout 5 sendmail root nobody@mail.example.com"))
add("user writes mail", _user_writes)
add("shell stands in queue", _shell_stands, lambda world: world.is_mounted() and not world.holders)
add(
    "second instance",
    _start_second,
    lambda world: not world.scene.has_second and not any(name.split()[0] in _NEEDED for name in world.broken),
)
# What an administrator of the second instance needs to start it by hand.
_NEEDED = {"program", "link", "configuration", "master.cf"}


def mend_all(world: World) -> None:
    """Put everything right, first of all where the queue lies."""
    for name in sorted(world.broken, key=lambda name: name not in ("mount", "read-only", "cover")):
        if name in world.broken:
            world.mend(name)


add("mend all", mend_all, lambda world: bool(world.broken))
