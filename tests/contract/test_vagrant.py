"""The Vagrantfile without Vagrant: what it asks of libvirt and VirtualBox, taken down by a stand-in; its refusals.

A mock, for VirtualBox cannot be had here and Vagrant only by ci/vagrant, which runs the libvirt half in earnest.
"""

import json
import subprocess
from pathlib import Path

import pytest

VAGRANT = Path(__file__).resolve().parents[2] / "vagrant"
STAND_IN = """\
require "json"
require "pathname"
TAKEN = []
class Recorder
  def initialize(path) = @path = path
  def method_missing(name, *words, **more, &block)
    if name == :provider
      block.call(Recorder.new(@path[0...-1] + [words[0]]))
      return
    end
    place = @path + [name]
    TAKEN << [place.join("."), words, more] unless words.empty? && more.empty?
    return Recorder.new(place) if words.empty? && more.empty?
    block&.call(Recorder.new([words[0]]))
  end
  def respond_to_missing?(*) = true
end
module Vagrant
  def self.source_root = Pathname.new("/vagrant-itself")
  def self.configure(_) = yield(Recorder.new([]))
end
load ARGV.shift
puts JSON.dump(TAKEN)
"""


def load(*arguments, **environment):
    """How Ruby ended when it loaded the Vagrantfile for ``vagrant ARGUMENTS``."""
    env = {"PATH": "/usr/bin:/bin", "POSTFIX_HA_PACKAGE": "/packages/postfix-ha.deb", "LANG": "C.UTF-8", **environment}
    argv = ["ruby", "-e", STAND_IN, "--", str(VAGRANT / "Vagrantfile"), *arguments]
    return subprocess.run(argv, env=env, capture_output=True, text=True)


def taken(**environment):
    """(place, words, settings) of everything that the Vagrantfile asks for."""
    done = load("up", **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [(place, words, more) for place, words, more in json.loads(done.stdout)]


def test_each_node_has_two_networks_and_shares_two_disks():
    asked = taken()
    for node in ("node1", "node2", "node3"):
        networks = [more["ip"].rpartition(".")[0] for place, _, more in asked if place == f"{node}.vm.network"]
        assert networks == ["203.0.113", "198.51.100"]
        disks = [more for place, _, more in asked if place == f"{node}.libvirt.storage"]
        assert {disk["serial"] for disk in disks} == {"postfix-ha-queue", "postfix-ha-sbd"}
        assert all(disk["shareable"] and disk["allow_existing"] and disk["cache"] == "none" for disk in disks)
        (watchdog,) = [more for place, _, more in asked if place == f"{node}.libvirt.watchdog"]
        assert watchdog["action"] == "reset"


def test_virtualbox_makes_each_disk_of_fixed_size_and_shares_it():
    calls = [words[0] for place, words, _ in taken() if place.endswith("virtualbox.customize")]
    attached = [call for call in calls if call[0] == "storageattach"]
    assert len(attached) == 3 * 2
    for call in attached:
        assert call[call.index("--mtype") + 1] == "shareable"
    # Once each: all three nodes have said what they want before the first disk is made.
    made = [call for call in calls if call[0] == "createmedium"]
    assert sorted(call[call.index("--filename") + 1] for call in made) == sorted(
        {call[call.index("--medium") + 1] for call in attached}
    )
    assert all(call[call.index("--variant") + 1] == "Fixed" for call in made)
    places = [(call[call.index("--storagectl") + 1], call[call.index("--port") + 1]) for call in attached]
    (room,) = {(call[3], call[call.index("--portcount") + 1]) for call in calls if call[0] == "storagectl"}
    assert all(controller == room[0] and port < room[1] for controller, port in places)


def test_virtualbox_keeps_the_networks_between_the_machines_where_it_allows_any_address():
    networks = [more["virtualbox__intnet"] for place, _, more in taken() if place.endswith("vm.network")]
    assert networks == ["postfix-ha-ring", "postfix-ha-client"] * 3


def test_emulated_machines_get_a_processor_that_can_be_emulated():
    settings = {place: words for place, words, _ in taken(LIBVIRT_DRIVER="qemu") if place.startswith("node1.libvirt.")}
    assert settings["node1.libvirt.cpu_model="] == ["qemu64"]
    assert "node1.libvirt.cpu_model=" not in {place for place, _, _ in taken()}


@pytest.mark.parametrize(
    ("system", "release", "box"),
    [
        ("", "", "debian/trixie64"),
        ("debian", "bookworm", "debian/bookworm64"),
        ("almalinux", "", "almalinux/9"),
        ("rocky", "", "rockylinux/9"),
    ],
)
def test_the_box_is_the_system_asked_for(system, release, box):
    found = taken(NODE_OS=system, NODE_RELEASE=release)
    assert [words for place, words, _ in found if place == "vm.box="] == [[box]]


def test_each_concern_has_its_script_and_the_last_node_starts_the_service():
    steps = {}
    for place, words, more in taken():
        if place.endswith(".vm.provision") and more.get("type") == "shell":
            assert Path(more["path"]).is_file()
            steps.setdefault(place.partition(".")[0], []).append(words[0])
    assert steps["node1"] == steps["node2"] == steps["node3"][:-1]
    assert steps["node3"][-1] == "hierarchy"
    used = {f"{step}.sh" for step in steps["node3"]}
    assert {path.name for path in (VAGRANT / "provision").glob("*.sh")} == used


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"NODE_OS": "plan9"}, "NODE_OS=plan9 is not known: debian, almalinux, rocky"),
        ({"NODE_RELEASE": "sid"}, "NODE_RELEASE=sid is not known: trixie, bookworm"),
        ({"LIBVIRT_DRIVER": "xen"}, "LIBVIRT_DRIVER=xen is not known: kvm, qemu"),
    ],
)
def test_what_is_not_known_is_one_line(environment, words):
    done = load("up", **environment)
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_package_up_says_how_to_make_one_and_the_rest_works(tmp_path):
    copy = tmp_path / "vagrant"
    copy.mkdir()
    (copy / "Vagrantfile").write_text((VAGRANT / "Vagrantfile").read_text(encoding="utf-8"), encoding="utf-8")
    for word, code in (("up", 1), ("status", 0)):
        env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        argv = ["ruby", "-e", STAND_IN, "--", str(copy / "Vagrantfile"), word]
        done = subprocess.run(argv, env=env, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        if code:
            assert done.stderr.count("\n") == 1
            assert "ci/packages build" in done.stderr
