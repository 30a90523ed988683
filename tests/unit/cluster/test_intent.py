"""What takes several changes says so in the first: every command tells of it, and how it is finished or taken back."""

import subprocess
import sys

import pytest

from postfix_ha.cluster.change.move import begin_to_stop, hold, in_service, out_of_service, release
from postfix_ha.cluster.change.release import set_aside
from postfix_ha.cluster.change.replace_agent import begin, end, exchanged
from postfix_ha.cluster.change.undo import undo_stopped
from postfix_ha.cluster.change.unfinished import advice, mark, mark_of, unfinished
from postfix_ha.cluster.create.build import create
from postfix_ha.cluster.live.push import Plan
from postfix_ha.cluster.model import edit
from postfix_ha.cluster.model.cib import pairs, parse
from postfix_ha.cluster.model.hierarchy import SHELL_AGENT, find_hierarchy
from postfix_ha.messages.errors import Refused
from tests.support.cibs import ADDRESS, address, cib, cib_text, file_system, mail, node, text, wish
from tests.support.machine.node import CHECKOUT

START = f'import sys; sys.path.insert(0, "{CHECKOUT}/lib"); from postfix_ha.cli.main import main; sys.exit(main())'


def whole():
    """A cluster with a Postfix whose meta attributes somebody has set."""
    meta = '<meta_attributes id="m"><nvpair id="m-p" name="priority" value="3"/></meta_attributes>'
    resource = mail().replace("</primitive>", f"{meta}</primitive>")
    order = '<rsc_order id="o" first="queue-fs" then="mail"/>'
    return cib(file_system() + address() + resource, order)


def run(file, *arguments):
    argv = [sys.executable, "-c", START, arguments[0], "--cib-file", str(file), *arguments[1:]]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)


BEGUN = {
    "switchover n2": (lambda document: hold(document, "mail", "n2", 60, "switchover n2"), "in-service"),
    "in-service n2": (lambda document: hold(document, "mail", "n2", 60, "in-service n2"), "out-of-service"),
    "delete --stop": (lambda document: begin_to_stop(document, "mail", "delete --stop"), "in-service"),
    "create": (lambda document: begin_to_stop(document, "mail", "create"), "delete --stop --with-parts"),
    f"migrate --to {SHELL_AGENT}": (
        lambda document: begin(document, "mail", SHELL_AGENT),
        "migrate --to ocf:mail:postfix_ha",
    ),
    "delete --leave-running": (lambda document: set_aside(document, "mail"), ""),
}


@pytest.mark.parametrize("command", BEGUN)
def test_what_has_begun_is_told_by_every_command(tmp_path, command):
    begin_it, taken_back_by = BEGUN[command]
    file = tmp_path / "cib.xml"
    file.write_bytes(text(begin_it(whole())))
    told = f"'postfix-ha {command}' is under way or was interrupted: run it again to finish it"
    told += f", 'postfix-ha {taken_back_by}' reverts it" if taken_back_by else ""
    shown = run(file, "status").stdout
    assert told in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80
    for looking in ("properties", "print", "graph"):
        assert f"postfix-ha: warning: {told}\n" in run(file, looking).stderr, looking
    changing = run(file, "properties", "--meta", "priority=4", "--dry-run")
    if command == "delete --leave-running":
        assert (changing.returncode, changing.stderr) == (2, f"postfix-ha: {told}\n")
    else:
        assert f"warning: {told}\n" in changing.stdout
    assert "unfinished" not in run(file, "print").stdout


def test_nothing_is_told_where_nothing_has_begun(tmp_path):
    file = tmp_path / "cib.xml"
    file.write_bytes(text(whole()))
    assert (unfinished(whole()), advice(find_hierarchy(whole(), ""))) == ({}, "")
    assert "interrupted" not in run(file, "status").stdout
    assert run(file, "properties").stderr == ""


@pytest.mark.parametrize(
    ("begin_it", "end_it"),
    [
        (BEGUN["switchover n2"][0], lambda document: release(document, "mail")),
        (BEGUN["switchover n2"][0], lambda document: in_service(document, "mail")),
        (BEGUN["delete --stop"][0], lambda document: in_service(document, "mail")),
        (BEGUN["create"][0], lambda document: in_service(document, "mail")),
        (lambda document: begin(document, "mail", SHELL_AGENT), lambda document: end(document, "mail")),
    ],
)
def test_what_ends_it_leaves_nothing_of_it(begin_it, end_it):
    assert text(end_it(begin_it(whole()))) == text(whole())


def test_taken_back_by_going_out_of_service_it_is_only_that():
    assert text(out_of_service(BEGUN["in-service n2"][0](whole()), "mail")) == text(out_of_service(whole(), "mail"))


def test_create_again_lets_run_what_it_was_about_to_take_back():
    made = create(cib(), wish(tag="mail"), node())
    before = text(made)
    assert text(create(begin_to_stop(made, "mail", "create"), wish(tag="mail"), node())) == before


def test_taking_back_what_was_added_to_a_service_lets_that_run_as_before():
    old = whole()
    made = Plan(old, create(old.copy(), wish(), node()))
    assert not made.is_empty
    stopped = begin_to_stop(made.new.copy(), "mail", "create")
    assert text(undo_stopped(made, "mail")(stopped)) == text(old)


def test_what_is_about_to_be_deleted_holds_nobody_until_it_is_taken_back():
    old = whole()
    edit.set_pair(old, old.resource("mail"), "instance_attributes", "drain_timeout", "9")
    stopped = begin_to_stop(old.copy(), "mail", "delete --stop")
    assert pairs(stopped.resource("mail"), "instance_attributes")["drain_timeout"] == "0"
    again = in_service(stopped, "mail")
    assert pairs(again.resource("mail"), "instance_attributes")["drain_timeout"] == "9"
    assert text(again) == text(old)


def test_another_agent_gets_no_parameter_that_it_does_not_know():
    old = whole()
    for name, value in (("provider", "heartbeat"), ("type", "postfix")):
        old.resource("mail").set(name, value)
    stopped = begin_to_stop(old, "mail", "delete --stop")
    assert "drain_timeout" not in pairs(stopped.resource("mail"), "instance_attributes")


@pytest.mark.parametrize("how", ["in service again", "create again", "taken back"])
def test_the_parts_that_go_are_stopped_before_and_run_again_where_they_stay(how):
    old = cib()
    made = Plan(old, create(old.copy(), wish(tag="mail"), node()))
    parts = [name for name in ("fs-mnt-queue", f"ip-{ADDRESS}") if made.new.resource(name) is not None]
    assert len(parts) == 2
    stopped = begin_to_stop(made.new.copy(), "mail", "create", parts)
    for name in ("mail", *parts):
        assert pairs(stopped.resource(name), "meta_attributes")["target-role"] == "Stopped"
    if how == "taken back":
        assert text(undo_stopped(made, "mail")(stopped)) == text(old)
    else:
        again = in_service(stopped, "mail") if how == "in service again" else create(stopped, wish(tag="mail"), node())
        assert text(again) == text(made.new)


def test_one_that_only_moves_or_stops_may_be_gone_over():
    document = hold(hold(whole(), "mail", "n2", 60, "switchover n2"), "mail", "n3", 60, "switchover n3")
    assert mark_of(find_hierarchy(document, "")) == "switchover n3"
    assert [each.get("id") for each in document.constraints()] == ["o", "cli-prefer-mail"]


@pytest.mark.parametrize("command", ["delete --leave-running", f"migrate --to {SHELL_AGENT}"])
def test_no_other_goes_over_what_keeps_the_cluster_off(command):
    document = BEGUN[command][0](whole())
    for other in ("switchover n1", "delete --stop", *BEGUN):
        if other.split()[:2] != command.split()[:2]:
            with pytest.raises(Refused, match="run it again to finish it"):
                mark(document, "mail", other)
    mark(document, "mail", command)


def test_a_tag_is_named_where_there_are_several():
    document = cib(mail("one") + mail("two", config_dir="/etc/postfix2"))
    hold(document, "two", "n2", 60, "switchover n2")
    assert "'postfix-ha switchover n2 --resource two' is under way" in unfinished(document)["switchover n2"]


def test_exchanged_already_only_finishing_is_left():
    document = exchanged(begin(whole(), "mail", SHELL_AGENT), "mail", SHELL_AGENT)
    assert "reverts it" not in advice(find_hierarchy(document, ""))


@pytest.mark.parametrize("inside", ["", "group", "clone"])
def test_set_aside_it_is_alone_unwatched_and_sought_nowhere(inside):
    resources = {
        "": file_system() + address() + mail(),
        "group": f'<group id="g">{file_system()}{address()}{mail()}{address("second", "198.51.100.101")}</group>',
        "clone": f'<clone id="c">{mail()}</clone>',
    }[inside]
    web = '<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>'
    with_ = '<rsc_colocation id="w" rsc="web" with-rsc="mail" score="INFINITY"/>'
    document = set_aside(parse(cib_text(resources + web, with_).encode()), "mail")
    hierarchy = find_hierarchy(document, "mail")
    # A clone stays one: of a plain resource that runs on several nodes Pacemaker would stop all.
    alone = "c" if inside == "clone" else "mail"
    assert (hierarchy.top, hierarchy.needs, hierarchy.nodes) == (alone, [], [])
    assert pairs(hierarchy.mail, "meta_attributes")["maintenance"] == "true"
    found = [dict(each.attrib) for each in document.constraints()]
    assert [each["resource-discovery"] for each in found] == ["never"] * 3, "what stands by it is not drawn along"
    assert (document.resource("c") is not None) == (inside == "clone")
    again = text(document)
    assert text(set_aside(document, "mail")) == again
