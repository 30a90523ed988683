"""Which instance a unit runs, by unit files of either shape: no systemd runs here."""

from pathlib import Path

import pytest

from postfix_ha.config.unit_files import unit_config_dir

UNITS = "usr/lib/systemd/system"
# Debian 12: postfix.service does nothing by itself, postfix@NAME.service asks postmulti.
BY_NAME = {
    f"{UNITS}/postfix.service": "[Service]\nType=oneshot\nExecStart=/bin/true\n",
    f"{UNITS}/postfix@.service": "[Service]\nExecStartPre=/usr/lib/postfix/configure-instance.sh %i\n"
    "ExecStart=/usr/sbin/postmulti -i %i -p start\n",
    "etc/postfix/main.cf": "multi_instance_directories = /etc/postfix-out /srv/in\n",
    "etc/postfix-out/main.cf": "multi_instance_name = postfix-out\n",
    "srv/in/main.cf": "multi_instance_name = postfix-in\n",
}
# Debian 13: each sets its directory.
BY_PATH = {
    f"{UNITS}/postfix.service": "[Service]\nEnvironment=MAIL_CONFIG=/etc/postfix\nExecStart=postfix start\n",
    f"{UNITS}/postfix@.service": "[Unit]\nDescription=Postfix (instance %i, /etc/postfix-%I)\n"
    "[Service]\nEnvironment=MAIL_CONFIG=/etc/postfix-%I\nExecStart=postfix debian-systemd-start\n",
}
DROPPED_IN = {
    **BY_PATH,
    "etc/systemd/system/postfix@in.service.d/place.conf": '[Service]\nEnvironment="MAIL_CONFIG=/srv/%i"\n',
}


@pytest.mark.parametrize(
    ("files", "unit", "directory"),
    [
        (BY_NAME, "postfix", "/etc/postfix"),
        (BY_NAME, "postfix.service", "/etc/postfix"),
        (BY_NAME, "postfix@-", "/etc/postfix"),
        (BY_NAME, "postfix@postfix-out", "/etc/postfix-out"),
        (BY_NAME, "postfix@postfix-in.service", "/srv/in"),
        (BY_NAME, "postfix@nobody", ""),
        (BY_PATH, "postfix", "/etc/postfix"),
        (BY_PATH, "postfix@out", "/etc/postfix-out"),
        (BY_PATH, "postfix@out-going.service", "/etc/postfix-out/going"),
        (BY_PATH, "postfix@out\\x2dgoing.service", "/etc/postfix-out-going"),
        (BY_PATH, "postfix@-", "/etc/postfix-"),
        (DROPPED_IN, "postfix@in", "/srv/in"),
        (DROPPED_IN, "postfix@out", "/etc/postfix-out"),
        ({}, "postfix", ""),
        ({}, "postfix@two", ""),
    ],
)
def test_the_directory_of_a_unit(tmp_path: Path, files: "dict[str, str]", unit: str, directory: str) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert unit_config_dir(unit, str(tmp_path)) == directory
