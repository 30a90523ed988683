"""What starts Postfix at boot, from the files of distributions: no systemd runs here."""

from pathlib import Path

import pytest

from postfix_ha.checks.units import enabled_units, is_postfix_unit

MULTI_USER = "etc/systemd/system/multi-user.target.wants"


def root(tmp_path: Path, *links: str, target: str = "/lib/systemd/system/postfix.service") -> str:
    for link in links:
        path = tmp_path / link
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    return str(tmp_path)


@pytest.mark.parametrize(
    ("links", "units"),
    [
        ((), []),
        ((f"{MULTI_USER}/postfix.service",), ["postfix.service"]),
        ((f"{MULTI_USER}/postfix@-.service",), ["postfix@-.service"]),
        ((f"{MULTI_USER}/postfix@two.service", f"{MULTI_USER}/postfix.service"),
         ["postfix.service", "postfix@two.service"]),
        (("etc/systemd/system/graphical.target.requires/postfix.service",), ["postfix.service"]),
        (("run/systemd/system/multi-user.target.wants/postfix.service",), ["postfix.service"]),
        (("usr/lib/systemd/system/multi-user.target.wants/postfix.service",), ["postfix.service"]),
        # Debian 12: the instance hangs on postfix.service, and starts only where that does.
        (("etc/systemd/system/postfix.service.wants/postfix@-.service",), []),
        ((f"{MULTI_USER}/postfix.service", "etc/systemd/system/postfix.service.wants/postfix@-.service"),
         ["postfix.service", "postfix@-.service"]),
        # Not Postfix itself.
        ((f"{MULTI_USER}/postfix-resolvconf.path", f"{MULTI_USER}/postfixadmin.service"), []),
        ((f"{MULTI_USER}/ssh.service",), []),
        (("etc/rc2.d/S01postfix",), ["init script postfix"]),
        (("etc/rc.d/rc3.d/S80postfix",), ["init script postfix"]),
        (("etc/rc0.d/K01postfix", "etc/rc2.d/K01postfix", "etc/rc2.d/S01postfix-policyd"), []),
        (("etc/rc1.d/S01postfix",), []),
    ],
)  # fmt: skip
def test_enabled_units(tmp_path: Path, links: "tuple[str, ...]", units: "list[str]") -> None:
    assert sorted(unit.name for unit in enabled_units(root(tmp_path, *links))) == sorted(units)


def test_a_masked_unit_starts_nothing(tmp_path: Path) -> None:
    top = root(tmp_path, f"{MULTI_USER}/postfix.service")
    root(tmp_path, "etc/systemd/system/postfix.service", target="/dev/null")
    assert enabled_units(top) == []


def test_the_command_is_the_distributions(tmp_path: Path) -> None:
    top = root(tmp_path, "etc/rc2.d/S01postfix")
    assert enabled_units(top)[0].cure == "chkconfig postfix off"
    root(tmp_path, "usr/sbin/update-rc.d", target="/bin/true")
    assert enabled_units(top)[0].cure == "update-rc.d postfix disable"
    root(tmp_path, f"{MULTI_USER}/postfix@two.service")
    assert enabled_units(top)[0].cure == "systemctl disable postfix@two.service"


@pytest.mark.parametrize("name", ["postfix.service", "postfix@-.service", "postfix@two.service"])
def test_names_of_postfix(name: str) -> None:
    assert is_postfix_unit(name)


@pytest.mark.parametrize("name", ["postfix.socket", "xpostfix.service", "postfix-resolvconf.service", "postfix@.timer"])
def test_names_of_others(name: str) -> None:
    assert not is_postfix_unit(name)
