"""Run inside a private node: measure commands in turn, as whole processes with all that they waited for.

Standard input: a JSON object {"rounds": N, "commands": [{"name", "argv", "env", "before": [argv ...]}, ...]}. Every
round runs each command once, in order, so that a machine that gets slower is slower for all of them. Standard output:
a JSON object name -> {"wall_s": [...], "cpu_s": [...], "code": [...]}.
"""

import json
import os
import subprocess
import sys
import time


def run(argv: "list[str]", env: "dict[str, str]") -> "tuple[float, float, int]":
    """Seconds of wall clock, seconds of CPU time (user and system, children included) and the exit code."""
    null = os.open(os.devnull, os.O_RDWR)
    actions = [(os.POSIX_SPAWN_DUP2, null, descriptor) for descriptor in (0, 1, 2)]
    begin = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=actions)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.monotonic() - begin
    os.close(null)
    return wall_s, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status)


def main() -> None:
    plan = json.load(sys.stdin)
    figures = {command["name"]: {"wall_s": [], "cpu_s": [], "code": []} for command in plan["commands"]}
    for _ in range(plan["rounds"]):
        for command in plan["commands"]:
            for argv in command.get("before", ()):
                subprocess.run(argv, env=command["env"], check=True, capture_output=True)
            wall_s, cpu_s, code = run(command["argv"], command["env"])
            kept = figures[command["name"]]
            kept["wall_s"].append(wall_s)
            kept["cpu_s"].append(cpu_s)
            kept["code"].append(code)
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
