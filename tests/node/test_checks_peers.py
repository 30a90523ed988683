"""What differs between two nodes: provoked on two real nodes, named by check --peer, and cured as it says."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.support.machine.shelf import FAILED
from tests.support.mail.check_node import ADDRESS, PROGRAM
from tests.support.mail.listeners import end_listeners, listen
from tests.support.mail.pair import PEER, Two
from tests.support.mail.provoked import PRINTED, Action, Fault, do, the_finding


def here(script: str) -> "Action":
    return lambda two: do(two.here, script)


def there(script: str) -> "Action":
    return lambda two: do(two.there, script)


def both(script: str) -> "Action":
    return lambda two: (do(two.here, script), do(two.there, script))


# postmap refuses where the address is not up.
POSTMAP = "mkdir -p /tmp/d; >/tmp/d/main.cf; postmap -c /tmp/d hash:/etc/postfix/virtual"


def table(two: Two) -> None:
    both(f"printf 'a@example.com b\\n' >/etc/postfix/virtual; {POSTMAP}\n"
         "postconf -e virtual_alias_maps=hash:/etc/postfix/virtual")(two)  # fmt: skip


def other_table(two: Two) -> None:
    table(two)
    do(two.there, f"printf 'a@example.com c\\n' >/etc/postfix/virtual; {POSTMAP}")


NO_TABLE = "postconf -X virtual_alias_maps; rm -f /etc/postfix/virtual*"
CERTIFICATE = """
mkdir -p /etc/tls; cd /etc/tls
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout a.key -out a.pem \\
    -subj /CN=mail.example.com -days 90 2>/dev/null
chmod 600 a.key
postconf -e smtpd_tls_security_level=may smtpd_tls_cert_file=/etc/tls/a.pem smtpd_tls_key_file=/etc/tls/a.key
"""
NO_CERTIFICATE = "postconf -X smtpd_tls_security_level smtpd_tls_cert_file smtpd_tls_key_file; rm -rf /etc/tls"
# What the peer's program says, with one fact put in another's place.
LIE = f"""cat >/root/lie <<'END'
import json, subprocess, sys
done = subprocess.run(["/root/true-{os.path.basename(PROGRAM)}", *sys.argv[1:]], capture_output=True)
facts = json.loads(done.stdout)
exec(open("/root/how").read())
print(json.dumps(facts))
END
cp -a {PROGRAM} /root/true-{os.path.basename(PROGRAM)}
printf '#!/bin/sh\\nexec /usr/bin/python3 /root/lie "$@"\\n' >{PROGRAM}; chmod 755 {PROGRAM}
cat >/root/how <<'END'
%s
END"""
NO_LIE = f"mv /root/true-{os.path.basename(PROGRAM)} {PROGRAM}"
# No clock of its own in a private node: what sets the time is stood in for.
CLOCK = (
    LIE % "facts['time'] += 3600"
    + f"""
printf '#!/bin/sh -e\\ntest "$*" = "set-ntp true"\\n{NO_LIE}\\n' >/usr/bin/timedatectl; chmod 755 /usr/bin/timedatectl
"""
)
APT = """cat >/usr/bin/apt-get <<'END'
#!/bin/sh -e
test "$*" = "install postfix-pcre"
mv /root/dynamicmaps.cf /etc/postfix/
END
chmod 755 /usr/bin/apt-get; mv /etc/postfix/dynamicmaps.cf /root/; touch /etc/postfix/dynamicmaps.cf
"""


NOT_ROOT = f"""mv {PROGRAM} /root/run
printf '#!/bin/sh\\nexec setpriv --reuid=nobody --clear-groups /root/run "$@"\\n' >{PROGRAM}
chmod 755 {PROGRAM} /root/run /root
"""


def resolve_otherwise(two: Two) -> None:
    both("postconf -e 'inet_interfaces = mail.example.com, localhost'")(two)
    do(two.there, "sed -i 's/^198.51.100.100 /198.51.100.77 /' /etc/hosts")


def hide_a_type(two: Two) -> None:
    both("touch /etc/postfix/b; postconf -e body_checks=pcre:/etc/postfix/b")(two)
    do(two.there, APT)


def uid_is_taken(two: Two) -> None:
    """Another user of the peer has the number that Postfix's has here, and files."""
    uid = two.here.shell("id -u postfix").strip()
    do(two.there, "usermod -u 4242 postfix; chown -R postfix /var/lib/postfix")
    do(two.there, f"useradd --uid {uid} --no-create-home squatter; touch /var/tmp/his; chown squatter /var/tmp/his")


def gid_is_taken(two: Two) -> None:
    gid = two.here.shell("getent group postdrop | cut -d: -f3").strip()
    do(two.there, "groupmod -g 4243 postdrop")
    do(two.there, f"groupadd --gid {gid} squatters; touch /var/tmp/theirs; chgrp squatters /var/tmp/theirs")


def second_mount(two: Two) -> None:
    """Mount the queue's file system on the peer too, as no cluster may; this is one kernel, so nothing is lost."""
    name = os.path.basename(two.here.queue.device)
    do(two.there, f"mkdir -p /mnt/queue; mount /dev/{name} /mnt/queue")


def start_both(two: Two) -> None:
    do(two.there, "mount -t tmpfs tmpfs /mnt/queue; mkdir -p /mnt/queue/postfix")
    do(two.there, "postconf -e inet_interfaces=localhost")
    do(two.there, "postfix start")
    do(two.there, f"postconf -e 'inet_interfaces = {ADDRESS}, localhost'")
    two.here.started()


def end_both(two: Two) -> None:
    two.here.agent("stop")
    do(two.there, "umount /mnt/queue")


FAULTS = [
    Fault("mail_owner_uid_agrees", there("usermod -u 4242 postfix; chown -R postfix /var/lib/postfix"),
          says=("postfix id does not match between servers", "4242", PEER)),
    Fault("setgid_group_gid_agrees", there("groupmod -g 4243 postdrop"),
          says=("postdrop gid does not match between servers", "4243", PEER),
          undo=there("test $(stat -c %G%a /usr/sbin/postdrop) = postdrop2755")),
    Fault("mail_owner_uid_agrees", there("userdel postfix 2>/dev/null"), says=("missing",), name="missing"),
    Fault("mail_owner_uid_agrees", uid_is_taken, says=("4242", PEER), name="taken", undo=there(
          "test $(id -u postfix) != $(id -u squatter); test $(stat -c %U /var/tmp/his) = squatter; userdel squatter")),
    Fault("setgid_group_gid_agrees", gid_is_taken, says=("4243", PEER), name="taken", undo=there(
          "test $(stat -c %G /var/tmp/theirs) = squatters && groupdel squatters && "
          "test $(stat -c %G%a /usr/sbin/postdrop) = postdrop2755")),
    # The queue has the uid of all others: what is another one is this node's.
    Fault("mail_owner_uid_agrees", here("usermod -u 4242 postfix; chown -R postfix /var/lib/postfix"),
          says=("4242", PEER), name="fresh here"),
    Fault("version_agrees", there(LIE % "facts['versions']['postfix'] = facts['main']['mail_version'] = '3.5.25'"),
          there(NO_LIE), ("Postfix is 3.", "3.5.25", PEER), "warning"),
    Fault("main_cf_agrees", there("postconf -e message_size_limit=20480000"),
          says=("message_size_limit", "20480000", "10240000"),
          severity="warning"),
    Fault("main_cf_agrees", here("postconf -e 'smtpd_banner = $myhostname \"ESMTP\"'"),
          says=("smtpd_banner", '"ESMTP"'), severity="warning", undo=both("postconf -X smtpd_banner"), name="quotes"),
    Fault("myhostname_agrees", there("postconf -e myhostname=n2.example.com"),
          says=("n2.example.com", "mail.example.com"), severity="warning"),
    Fault("master_cf_agrees", there("postconf -Me 'smtp/inet=smtp inet n - n - 20 smtpd'"),
          says=("smtp/inet", "n - n - 20 smtpd", "n - y - - smtpd"), severity="warning"),
    Fault("master_cf_agrees", there("postconf -Me 'submission/inet=submission inet n - y - - smtpd'"),
          says=("submission/inet", "(not there)"), severity="warning", name="more_there"),
    Fault("master_cf_agrees",
          here("postconf -Me 'submission/inet=submission inet n - y - - smtpd -o syslog_name=postfix/submission'"),
          says=("submission/inet", "(not there)"), severity="warning", name="more_here",
          undo=both("postconf -MX submission/inet")),
    Fault("endpoints_agree", resolve_otherwise,
          there("sed -i 's/^198.51.100.77 /198.51.100.100 /' /etc/hosts"),
          ("198.51.100.77", ADDRESS, PEER), "warning",
          undo=both(f"postconf -e 'inet_interfaces = {ADDRESS}, localhost'")),
    Fault("table_agrees", other_table, says=("/etc/postfix/virtual", "the contents differ"), severity="warning",
          undo=both(NO_TABLE)),
    Fault("table_agrees", lambda two: (table(two), do(two.there, "rm /etc/postfix/virtual.db")),
          says=("/etc/postfix/virtual.db", f"missing on {PEER}"), severity="warning",
          undo=both(NO_TABLE), name="missing"),
    # Of 300 MiB, of which the disk holds nothing.
    Fault("table_compared", both("truncate -s 300M /etc/postfix/virtual\n"
          "postconf -e virtual_alias_maps=texthash:/etc/postfix/virtual"), both(NO_TABLE),
          ("/etc/postfix/virtual", "was not compared: on ", "it is larger than 256 MiB"), "note"),
    Fault("certificate_agrees", both(CERTIFICATE), says=("/etc/tls/a.pem", "the contents differ"), severity="warning",
          undo=both(NO_CERTIFICATE)),
    Fault("certificate_agrees", lambda two: (both(CERTIFICATE)(two), do(two.there, "rm -r /etc/tls")),
          says=("/etc/tls/a.pem", f"missing on {PEER}"), severity="warning",
          undo=both(NO_CERTIFICATE), name="missing"),
    Fault("map_type_available", hide_a_type, says=("pcre", "body_checks", PEER),
          undo=both("postconf -X body_checks; rm /etc/postfix/b")),
    Fault("unit_disabled_at_boot",
          there("ln -s /lib/systemd/system/postfix.service /etc/systemd/system/multi-user.target.wants/"),
          says=("postfix.service", PEER), severity="warning"),
    Fault("clock_agrees", there(CLOCK), says=(" s ahead", PEER), severity="warning"),
    Fault("device_on_peer", lambda two: do(two.there, f"rm {two.here.queue.device}"),
          lambda two: two.there.add_device(os.path.basename(two.here.queue.device), 7, int(two.here.queue.device[9:])),
          ("UUID=", PEER)),
    Fault("mount_point_on_peer", there("rmdir /mnt/queue"), says=("/mnt/queue", PEER), severity="warning"),
    Fault("mounted_on_one_node", second_mount, there("umount /mnt/queue"), ("UUID=", PEER)),
    Fault("address_on_one_node", there(f"ip address add {ADDRESS}/24 dev eth0"),
          there(f"ip address del {ADDRESS}/24 dev eth0"), (ADDRESS, PEER)),
    Fault("runs_on_one_node", start_both, says=("/etc/postfix", PEER), undo=end_both),
    Fault("peer_sees_all", there(NOT_ROOT), there(f"mv /root/run {PROGRAM}; chmod 700 /root"), ("root", PEER),
          "warning"),
    Fault("peer_answers", there(f"chmod 644 {PROGRAM}"), there(f"chmod 755 {PROGRAM}"), (PEER, "ermission denied")),
]  # fmt: skip


@pytest.fixture(scope="module")
def shelf() -> "Iterator[list[Two]]":
    kept: "list[Two]" = []
    yield kept
    for two in kept:
        two.close()


@pytest.fixture
def two(shelf: "list[Two]", request: pytest.FixtureRequest) -> "Iterator[Two]":
    """Two nodes that agree; a test that fails may leave them otherwise, and the next one gets others."""
    pair = shelf.pop() if shelf else Two()
    yield pair
    if request.node.stash.get(FAILED, True):
        pair.close()
    else:
        shelf.append(pair)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_provoked_named_and_cured(two: Two, fault: Fault) -> None:
    fault.provoke(two)
    checked = two.check()
    found = the_finding(checked, fault)
    if fault.cure == PRINTED:
        assert found["command"], found
        do(two.here, found["command"])
    else:
        fault.cure(two)
    for node in (two.here, two.there):
        node.age("/etc/postfix/main.cf")
    after = two.check()
    assert fault.check not in after.ids(), (found["command"], after.named(fault.check))
    assert fault.name != "taken" or "squatter" in found["remedy"]
    if fault.undo:
        fault.undo(two)
    after = two.check()
    assert after.ids() == two.usual, after.findings


def test_a_device_that_all_peers_see_is_no_open_question_any_more(two: Two) -> None:
    assert two.here.check().ids() == ["queue_storage_shared"]
    assert two.check().ids() == []
    do(two.there, f"rm {two.here.queue.device}")
    assert sorted(two.check().ids()) == ["device_on_peer", "queue_storage_shared"]
    two.there.add_device(os.path.basename(two.here.queue.device), 7, int(two.here.queue.device[9:]))


def test_a_service_that_the_peer_lacks_is_named(two: Two) -> None:
    both("postconf -e smtpd_milters=inet:127.0.0.1:8891")(two)
    listen(two.here, "inet", "8891")
    (found,) = two.check().named("service_served")
    assert f"listens on {PEER} at inet:127.0.0.1:8891 (smtpd_milters)" in found["text"]
    assert "cannot be read" in found["text"] or "no resource of the cluster" in found["text"]
    listen(two.there, "inet", "8891")
    assert two.check().named("service_served") == []
    end_listeners(two.here, two.there)
    both("postconf -X smtpd_milters")(two)


def test_a_map_type_that_the_peer_lists_and_cannot_load_is_named(two: Two) -> None:
    both(": >/etc/postfix/body; postconf -e body_checks=pcre:/etc/postfix/body")(two)
    assert two.check().named("map_type_available") == []
    do(two.there, "mv /usr/lib/postfix/postfix-pcre.so /root/")
    (found,) = two.check().named("map_type_available")
    assert PEER in found["text"]
    do(two.there, "mv /root/postfix-pcre.so /usr/lib/postfix/")
    both("postconf -X body_checks; rm /etc/postfix/body")(two)


def test_what_follows_from_another_difference_is_not_told_again(two: Two) -> None:
    do(two.there, "postconf -e myhostname=n2.example.com")
    assert two.check().ids() == ["myhostname_agrees"]
    do(two.there, "postconf -e myhostname=mail.example.com")


def test_secrets_are_compared_and_not_shown(two: Two) -> None:
    secret = "postconf -e smtp_sasl_password_maps=static:user:{}; postconf -Me 'relay/unix=relay unix - - y - - smtp"
    secret += " -o smtp_sasl_password_maps=static:relay:{}'"
    usual = two.here.shell("postconf -M relay/unix").strip()
    do(two.here, secret.format("verysecret", "hushhush"))
    do(two.there, secret.format("othersecret", "hushhush"))
    checked = two.check()
    assert checked.ids() == ["main_cf_agrees"], checked.findings
    assert "smtp_sasl_password_maps" in checked.findings[0]["text"]
    everything = json.dumps(checked.raw) + two.here.shell("postfix-ha facts --json; postfix-ha facts; postfix-ha check")
    assert "secret" not in everything.replace('"secrets"', "")
    assert "hushhush" not in everything
    for node in (two.here, two.there):
        do(node, f"postconf -X smtp_sasl_password_maps; postconf -Me 'relay/unix={usual}'")


def test_every_peer_is_asked_and_one_that_is_away_holds_up_nobody(two: Two) -> None:
    checked = two.here.check("--peer", "n3", PEER, "--rsh", two.shell.command)
    assert checked.code == 2
    (found,) = checked.named("peer_answers")
    assert "n3" in found["text"]
    assert "could not resolve" in found["text"]
    assert found["command"].startswith("/usr/local/bin/shell-to n3 ")


def test_a_hostile_peer_gives_one_line(two: Two) -> None:
    for answer in ("", "{}", "[1]", '{"format": 1}', '{"format": 2}', "\\033[2J", '{"format":1,"main":[]}'):
        two.there.shell(f"mv {PROGRAM} /root/kept; printf '#!/bin/sh\\nprintf %%b \"%s\"\\n' '{answer}' >{PROGRAM}")
        two.there.shell(f"chmod 755 {PROGRAM}")
        done = two.here.run([PROGRAM, "check", "--peer", PEER, "--rsh", two.shell.command])
        assert done.returncode == 2
        assert f"no facts from {PEER}" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
        assert "\033" not in done.stdout
        two.there.shell(f"mv /root/kept {PROGRAM}")


def test_another_instance_is_compared_with_its_own(two: Two) -> None:
    script = "cp -r /etc/postfix /etc/postfix2; postconf -c /etc/postfix2 -e data_directory=/var/lib/postfix2"
    for node in (two.here, two.there):
        do(node, script)
    do(two.there, "postconf -c /etc/postfix2 -e message_size_limit=20480000")
    found = two.check("--config-dir", "/etc/postfix2").named("main_cf_agrees")
    assert [one["subject"] for one in found] == ["message_size_limit"]
    assert "-c /etc/postfix2 " in found[0]["command"]
    for node in (two.here, two.there):
        node.shell("rm -rf /etc/postfix2")


@pytest.mark.parametrize(
    ("hide", "show", "words"),
    [
        ("mv /etc/postfix/master.cf /root/", "mv /root/master.cf /etc/postfix/", "there is no master.cf"),
        ("mv /etc/postfix/main.cf /root/", "mv /root/main.cf /etc/postfix/", "there is no main.cf"),
        ("mv /usr/sbin/postfix /usr/sbin/postconf /root/", "mv /root/postfix /root/postconf /usr/sbin/",
         "/usr/sbin/postfix"),
        ("mv /usr/sbin/postfix /root/bin; mv /etc/postfix /root/",
         "mv /root/bin /usr/sbin/postfix; mv /root/postfix /etc/", "/usr/sbin/postfix"),
        ("echo broken >>/etc/postfix/main.cf", "sed -i '$d' /etc/postfix/main.cf", "main.cf"),
    ],
    ids=["no master.cf", "no main.cf", "no Postfix", "nothing", "broken"],
)  # fmt: skip
def test_a_peer_that_cannot_run_it_is_one_finding(two: Two, hide: str, show: str, words: str) -> None:
    do(two.there, hide)
    checked = two.check()
    assert checked.ids() == ["peer_runs_postfix"], checked.findings
    assert checked.code == 2
    assert words in checked.findings[0]["text"]
    do(two.there, show)
    two.there.age("/etc/postfix/main.cf")
    assert two.check().ids() == two.usual


def test_a_broken_main_cf_here_is_said_once_and_nothing_is_compared_with_it(two: Two) -> None:
    kept = two.here.read("/etc/postfix/main.cf")
    do(two.here, "echo 'no equals sign' >>/etc/postfix/main.cf")
    alone = two.here.check().ids()
    checked = two.check()
    assert set(checked.ids()) <= {*alone, "queue_storage_shared"}, checked.findings
    assert not any("  " in each["text"] or "is  on" in each["text"] for each in checked.findings)
    two.here.write("/etc/postfix/main.cf", kept)
    two.here.age("/etc/postfix/main.cf")
    assert two.check().ids() == two.usual


def test_a_missing_owner_gets_the_number_that_the_peers_have(two: Two) -> None:
    uid = two.there.shell("id -u postfix").strip()
    do(two.here, "userdel postfix 2>/dev/null || :; mv /mnt/queue/postfix /mnt/queue/moved")
    alone = two.here.check().named("mail_owner_exists")
    assert [each["command"] for each in alone] == [None], "a fresh number would become the pattern for all"
    (found,) = two.check().named("mail_owner_exists")
    assert f"--uid {uid} " in found["command"]
    do(two.here, found["command"])
    assert two.here.shell("id -u postfix").strip() == uid
    do(two.here, "mv /mnt/queue/moved /mnt/queue/postfix")
    assert two.check().ids() == two.usual
