"""The completion of zsh, made from the command line itself."""

import argparse

HEAD = """\
#compdef {program}
# zsh completion of {program}
_{name}_nodes() {{
    local -a nodes
    nodes=(${{(f)"$(crm_node --list 2>/dev/null | awk '{{ print $2 }}')"}})
    compadd -a nodes
}}

_{name}() {{
    local -a commands
    commands=(
{commands}
    )
    if (( CURRENT == 2 )); then
        _describe -t commands command commands
        return
    fi
    shift words
    (( CURRENT-- ))
    case $words[1] in
{cases}
    esac
}}

_{name} "$@"
"""
FILES = ("--config-dir", "--cib-file", "--binary")
CONTINUED = " \\\n                "


def zsh_completion(program: str, parsers: "dict[str, argparse.ArgumentParser]", told: "dict[str, str]") -> str:
    """A script for zsh's function path that completes commands, options, files and the names of nodes."""
    name = program.replace("-", "_")
    commands = "\n".join(f"        '{command}:{_escaped(told.get(command, ''))}'" for command in parsers)
    cases = []
    for command, parser in parsers.items():
        words = [_option(action, name) for action in parser._get_optional_actions()]
        words += [_operand(action, name) for action in parser._get_positional_actions()]
        cases.append(f"        {command})\n            " + CONTINUED.join(["_arguments", *words]))
    return HEAD.format(program=program, name=name, commands=commands, cases=" ;;\n".join(cases) + " ;;")


def _option(action: argparse.Action, name: str) -> str:
    spellings = action.option_strings
    shown = spellings[0] if len(spellings) == 1 else "{" + ",".join(spellings) + "}"
    help_text = "" if action.help == argparse.SUPPRESS else _escaped(action.help or "")
    value = "" if action.nargs == 0 else f":{_escaped(str(action.metavar or action.dest))}:{_values(action, name)}"
    # The braces are the shell's own, and stay outside of the quotes.
    return f"{shown}'[{help_text}]{value}'"


def _operand(action: argparse.Action, name: str) -> str:
    several = "*" if action.nargs in ("*", "+", argparse.REMAINDER) else ""
    return f"'{several}:{_escaped(str(action.metavar or action.dest))}:{_values(action, name)}'"


def _values(action: argparse.Action, name: str) -> str:
    """What zsh offers for the value of an option or an operand."""
    if action.choices is not None:
        return "(" + " ".join(_escaped(str(each)) for each in action.choices) + ")"
    if action.metavar == "NODE":
        return f"_{name}_nodes"
    return "_files" if any(spelling in FILES for spelling in action.option_strings) else " "


def _escaped(text: str) -> str:
    """Text for a specification in single quotes, where colons and brackets have a meaning."""
    line = " ".join(text.replace("%%", "%").split())
    for letter in ("\\", ":", "[", "]"):
        line = line.replace(letter, "\\" + letter)
    return line.replace("'", "'\\''")
