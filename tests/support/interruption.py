"""Interruption: a program is killed at its n-th call of another one, by a script that stands in that one's place."""

COUNT, FATAL, LAST = "count", "fatal", "last"
PROGRAMS = ("cibadmin", "crm_diff", "crm_verify", "crm_simulate", "crm_mon", "crm_resource", "crm_node")


def stand_in(real: str, directory: str) -> str:
    """A script for the place of a program: it counts calls, and ends the caller at the one that ``fatal`` names.

    ``fatal`` holds ``before N`` (the call is not made any more) or ``during N`` (it is, but the caller is dead).
    """
    return f"""#!/bin/sh
cd {directory}
n=$(( $(cat {COUNT}) + 1 ))
echo $n >{COUNT}
read when at <{FATAL}
if [ "$n" = "$at" ]; then
    echo $$ >{LAST}
    kill -KILL $PPID
    [ "$when" = during ] || exit 1
fi
cd "$OLDPWD"
exec {real} "$@"
"""
