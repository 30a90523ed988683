"""postfix-ha manual and completion: the man page and the shell's completion, made from the command line itself."""

import argparse

from postfix_ha import __version__
from postfix_ha.cli.frame import DONE
from postfix_ha.cli.manual_agent import AGENT, agent_manual
from postfix_ha.cli.manual_zsh import zsh_completion
from postfix_ha.cli.output import say_page

PROGRAM = "postfix-ha"


def add_manual(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the two commands to the command line."""

    def run_manual(options: argparse.Namespace) -> int:
        if options.page == AGENT:
            say_page(agent_manual())
        else:
            say_page(manual(dict(commands.choices)))
        return DONE

    def run_completion(options: argparse.Namespace) -> int:
        parsers = dict(commands.choices)
        if options.shell == "zsh":
            told = {action.dest: action.help or "" for action in commands._get_subactions()}
            say_page(zsh_completion(PROGRAM, parsers, told))
        else:
            say_page(completion(parsers))
        return DONE

    told = f"postfix-ha manual >/usr/share/man/man8/{PROGRAM}.8"
    parser = commands.add_parser("manual", help="print the man page", description=f"Print the man page: {told}")
    told = f"{PROGRAM}(8), the default, or {AGENT}(7), the agent's"
    parser.add_argument("page", nargs="?", choices=(PROGRAM, AGENT), default=PROGRAM, help=told)
    parser.set_defaults(run=run_manual)
    told = f"postfix-ha completion >/etc/bash_completion.d/{PROGRAM}"
    parser = commands.add_parser("completion", help="print a shell's completion", description=f"For bash: {told}")
    told = "bash, the default, or zsh, whose file is _postfix-ha in a folder of fpath"
    parser.add_argument("shell", nargs="?", choices=("bash", "zsh"), default="bash", help=told)
    parser.set_defaults(run=run_completion)


def manual(parsers: "dict[str, argparse.ArgumentParser]") -> str:
    """The man page, in man(7)'s language."""
    lines = [f'.TH {PROGRAM.upper()} 8 "" "{PROGRAM} {__version__}"', ".SH NAME"]
    lines += [f"{PROGRAM} \\- Postfix as a resource of a Pacemaker cluster", ".SH SYNOPSIS"]
    lines += [f".B {PROGRAM}", ".I COMMAND", "[\\fIOPTION\\fR...]", ".SH COMMANDS"]
    for name, parser in parsers.items():
        lines += [f".SS {name}", _escaped(parser.description or "")]
        for action in parser._get_positional_actions():
            lines += [".TP", f"\\fI{_escaped(str(action.metavar or action.dest))}\\fR", _escaped(action.help or "")]
        for action in parser._get_optional_actions():
            if action.help == argparse.SUPPRESS or "-h" in action.option_strings:
                continue
            value = f" \\fI{_escaped(str(action.metavar))}\\fR" if action.metavar else ""
            lines += [".TP", ", ".join(f"\\fB{_escaped(each)}\\fR" for each in action.option_strings) + value]
            lines += [_escaped(action.help or "")]
        if parser.epilog:
            lines += [".PP", ".nf", _escaped(parser.epilog.rstrip()), ".fi"]
    lines += [".SH SEE ALSO", "ocf_mail_postfix_ha(7), cibadmin(8), crm_simulate(8), pcs(8), crm(8), postfix(1)"]
    return "\n".join(line for line in lines if line) + "\n"


def completion(parsers: "dict[str, argparse.ArgumentParser]") -> str:
    """A script for bash that completes commands, options and the names of nodes."""
    cases = []
    for name, parser in parsers.items():
        shown = [action for action in parser._get_optional_actions() if action.help != argparse.SUPPRESS]
        words = " ".join(option for action in shown for option in action.option_strings)
        cases.append(f'        {name}) words="{words}" ;;')
    commands, choices = " ".join(parsers), "\n".join(cases)
    return f"""# bash completion of {PROGRAM}
_{PROGRAM.replace("-", "_")}() {{
    local words="{commands}" current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    if [ "$COMP_CWORD" -gt 1 ]; then
        case ${{COMP_WORDS[1]}} in
{choices}
        esac
        case $previous:$current in
            *:-*) ;;
            --config-dir:* | --cib-file:* | --binary:*) compopt -o default; return ;;
            switchover:* | drill:* | in-service:* | extend:* | unextend:* | --node:*)
                words=$(crm_node --list 2>/dev/null | awk '{{ print $2 }}') ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -F _{PROGRAM.replace("-", "_")} {PROGRAM}
"""


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("%%", "%")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in escaped.splitlines())
