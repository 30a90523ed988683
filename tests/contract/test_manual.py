"""Manual pages and completions: whole, without a word of warning from the programs that read them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lxml import etree

CHECKOUT = Path(__file__).resolve().parents[2]
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
COMMAND = "import sys; sys.path.insert(0, 'lib'); from postfix_ha.cli.main import main; sys.exit(main())"


def printed(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-IB", "-c", COMMAND, *words], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def shown(page: str) -> str:
    """The page as a reader of 80 columns sees it; what groff warns about is a failure."""
    done = subprocess.run(
        ["groff", "-ww", "-man", "-Tascii", "-P-cbou", "-rLL=78n", "-rHY=0"],
        input=page,
        env={"PATH": PATH, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def metadata() -> "etree._Element":
    return etree.parse(str(CHECKOUT / "metadata/postfix_ha.xml")).getroot()


def words_of(text: str) -> "list[str]":
    # A word that is broken at its own hyphen is put together again; groff breaks others nowhere that a test needs.
    return re.sub(r"-\n\s+", "-", text).split()


@pytest.mark.parametrize("page", ["postfix-ha", "ocf_mail_postfix_ha"])
def test_a_page_has_its_name_and_nothing_that_groff_warns_about(page: str) -> None:
    text = shown(printed("manual", page))
    assert re.search(rf"^NAME\n\s+{page} - \w", text, re.MULTILINE)


def test_the_agents_page_says_all_that_the_meta_data_says() -> None:
    found = " ".join(words_of(shown(printed("manual", "ocf_mail_postfix_ha"))))
    for parameter in metadata().iter("parameter"):
        heading = f"{parameter.get('name')} {' '.join(parameter.findtext('longdesc').split())}"
        assert heading in found
    for action in metadata().iter("action"):
        told = ", ".join(f"{key} {action.get(key)}" for key in ("timeout", "interval") if action.get(key))
        assert re.search(rf"{action.get('name')} (depth \d+[^,]*, )?{told}", found), action.get("name")
    for paragraph in metadata().findtext("longdesc").strip().split("\n\n"):
        assert " ".join(words_of(paragraph)) in found


def test_the_commands_page_has_a_section_for_each_command() -> None:
    listed = re.findall(r"^    ([a-z-]+)(?: |$)", printed("--help"), re.MULTILINE)
    assert len(listed) > 10
    assert re.findall(r"^\.SS (\S+)$", printed("manual"), re.MULTILINE) == listed


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_takes_its_completion(shell: str) -> None:
    script = printed("completion", shell)
    done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_zsh_is_told_every_option_of_every_command() -> None:
    script = printed("completion", "zsh")
    for command in re.findall(r"^    ([a-z-]+)(?: |$)", printed("--help"), re.MULTILINE):
        case = script.split(f"_postfix_ha_{command.replace('-', '_')}_options=(\n")[1].split("\n)\n")[0]
        options = set(re.findall(r"(?<![\w-])--[a-z-]+", printed(command, "--help").split("examples:")[0]))
        assert options <= set(re.findall(r"--[a-z-]+", case)), command


def test_bash_completes_commands_and_options() -> None:
    asked = 'COMP_WORDS=({words}); COMP_CWORD={last}; _shtab_postfix_ha; printf "%s\\n" "${{COMPREPLY[@]}}"\n'
    for words, wanted in (("postfix-ha mi", "migrate"), ("postfix-ha check --jso", "--json")):
        script = printed("completion") + asked.format(words=words, last=len(words.split()) - 1)
        done = subprocess.run(["bash", "--norc"], input=script, capture_output=True, text=True, timeout=60)
        assert (done.stdout.split(), done.stderr) == ([wanted], "")


def test_bash_completes_the_names_of_nodes(tmp_path: Path) -> None:
    (tmp_path / "crm_node").write_text('#!/bin/sh\nprintf "1 n1 member\\n2 n2 member\\n3 other lost\\n"\n')
    (tmp_path / "crm_node").chmod(0o755)
    asked = 'COMP_WORDS=(postfix-ha {words} n); COMP_CWORD={last}; _shtab_postfix_ha; echo "${{COMPREPLY[*]}}"\n'
    for words in ("switchover", "extend", "drill", "check --peer", "create --node"):
        script = printed("completion") + asked.format(words=words, last=1 + len(words.split()))
        env = {"PATH": f"{tmp_path}:{PATH}"}
        done = subprocess.run(["bash", "--norc"], input=script, env=env, capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("n1 n2\n", ""), words


def test_the_page_has_the_examples_of_the_commands() -> None:
    text = shown(printed("manual"))
    for command in ("check", "facts"):
        lines = printed(command, "--help").partition("examples:\n")[2].splitlines()
        examples = [" ".join(line.split()) for line in lines if line.startswith("  postfix-ha ")]
        assert examples
        assert all(example in " ".join(text.split()) for example in examples), command


def test_a_page_that_is_gone_is_one_line(tmp_path: Path) -> None:
    for name in ("lib", "metadata"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("command"))
    argv = [sys.executable, "-IB", "-c", COMMAND, "manual"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (4, "")
    where = f"{tmp_path}/metadata/command/postfix-ha.8"
    assert done.stderr == f"postfix-ha: {where} cannot be read: No such file or directory; install postfix-ha again\n"
