"""The agent as a process of its own, with hostile parameters and variables: a documented code, one reason, in time."""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from postfix_ha import codes
from postfix_ha.agent import ACTIONS
from tests.property.fuzz.target import Broken, Target, must_be_clean
from tests.property.fuzz.texts import NASTY, mostly, number, pick
from tests.property.fuzz.values import PARAMETERS

CHECKOUT = Path(__file__).resolve().parents[3]
SELF_DESCRIPTION = ("meta-data", "usage", "help", "methods")
SETUP = {codes.SUCCESS, codes.ERR_GENERIC, codes.ERR_PERM, codes.ERR_INSTALLED, codes.ERR_CONFIGURED}
# What the pages of the agent promise; 4 is for who is not root.
ALLOWED = {
    "probe": {codes.SUCCESS, codes.ERR_GENERIC, codes.ERR_PERM, codes.NOT_RUNNING},
    "monitor": {codes.SUCCESS, codes.ERR_GENERIC, codes.ERR_PERM, codes.NOT_RUNNING, codes.DEGRADED},
    "validate-all": SETUP,
    **{action: {codes.SUCCESS} for action in SELF_DESCRIPTION},
}
NOBODY = 65534
# What an operation without a time of its own, or one that is too short to be kept, may take on a busy machine.
SLOWEST_S = 30.0
TELLS_BUG = "report this"
OUTPUT_MAX = 64 * 1024

# None of these names a program that is there, but for Postfix's own; nothing is to be run or written by their value.
VARIABLES: "dict[str, st.SearchStrategy[str]]" = {
    "OCF_CHECK_LEVEL": pick((1, mostly("0", "10", "20")), (1, number())),
    "OCF_RESKEY_CRM_meta_interval": pick((2, mostly("0", "10000")), (1, number())),
    "OCF_RESKEY_CRM_meta_timeout": pick((1, mostly("1000", "5000", "1")), (1, number())),
    "OCF_RESKEY_CRM_meta_name": mostly("monitor"),
    "OCF_RESKEY_crm_feature_set": mostly("3.16.2"),
    "OCF_RESOURCE_INSTANCE": mostly("mail", "test", "mail:0"),
    "OCF_RESOURCE_TYPE": mostly("postfix_ha"),
    "OCF_ROOT": mostly("/usr/lib/ocf", "/nonexistent", "relative"),
    "OCF_FUNCTIONS_DIR": mostly("/usr/lib/ocf/lib/heartbeat", "/nonexistent", "/dev/null"),
    "HA_LOGFACILITY": mostly("none", "daemon"),
    "HA_LOGFILE": st.sampled_from(("/nonexistent/x", "/dev/full", "/dev/null", "/", "", "relative/x", "\n", "-")),
    "HA_DEBUGLOG": st.sampled_from(("/nonexistent/x", "/dev/null", "/proc/self/mem", "", "/dev")),
    "HA_debug": mostly("0", "1"),
    "HA_logd": mostly("yes", "no"),
    "HA_LOGTAG": mostly("postfix_ha"),
    "PATH": mostly("/usr/bin:/bin", "."),
    "LC_ALL": mostly("C", "C.UTF-8", "tr_TR.ISO-8859-9"),
    "TMPDIR": mostly("/nonexistent"),
    "MAIL_CONFIG": mostly("/nonexistent"),
    "PYTHONIOENCODING": mostly("ascii", "utf-16"),
}
ACTION = pick(
    (6, st.sampled_from(("monitor", "validate-all"))),
    (2, st.sampled_from(SELF_DESCRIPTION)),
    (1, st.sampled_from((*NASTY, "Monitor", "monitor ", "promote", "status", "x" * 3000))),
)
CALLS = st.fixed_dictionaries(
    {
        "words": pick((9, ACTION.map(lambda action: [action])), (1, st.lists(ACTION, max_size=3))),
        "parameters": PARAMETERS,
        "environment": st.fixed_dictionaries({}, optional=VARIABLES),  # type: ignore[arg-type]
        "as_nobody": st.booleans(),
    }
)


@functools.cache
def agent() -> str:
    """The agent and its library where nobody can read them: a checkout may lie where only its owner comes."""
    place = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    for part in ("agents", "lib", "metadata"):
        shutil.copytree(CHECKOUT / part, place / part, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["chmod", "-R", "a+rX,go-w", place], check=True)
    return str(place / "agents/postfix_ha")


def plain(text: str) -> str:
    """What can be given to a program: no NUL, and every letter as some bytes."""
    return os.fsdecode(text.replace("\0", "").encode("utf-8", "surrogatepass"))


def call(drawn: "dict[str, Any]", run_directory: str) -> "tuple[subprocess.CompletedProcess[bytes], float]":
    """The agent's end and the seconds it took. Unless it only looks, it is run by nobody."""
    environment = {plain(name): plain(value) for name, value in drawn["environment"].items() if plain(name)}
    environment |= {f"OCF_RESKEY_{plain(name)}": plain(value) for name, value in drawn["parameters"].items()}
    environment.setdefault("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    environment["HA_RSCTMP"] = run_directory
    words = [plain(word) for word in drawn["words"]]
    only_looks = words and words[0] in ("monitor", *SELF_DESCRIPTION)
    is_nobody = os.geteuid() == 0 and (drawn["as_nobody"] or not only_looks)
    others = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_nobody else {}
    begin = time.monotonic()
    argv = [os.path.realpath(sys.executable), "-IS", agent(), *words]
    done = subprocess.run(
        argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=SLOWEST_S * 2, cwd="/", **others
    )  # type: ignore[call-overload]
    return done, time.monotonic() - begin


def check_call(drawn: "dict[str, Any]") -> None:
    """One call, and what must hold of its end."""
    with tempfile.TemporaryDirectory() as run_directory:
        os.chmod(run_directory, 0o755)
        try:
            done, took_s = call(drawn, run_directory)
        except subprocess.TimeoutExpired:
            raise Broken("an answer that does not come", repr(drawn)[:300]) from None
        left = os.listdir(run_directory)
    if left:
        raise Broken("a file that is left behind", str(left))
    check_end(drawn["words"], drawn["environment"], done, took_s)


def check_end(
    words: "list[str]", environment: "dict[str, str]", done: "subprocess.CompletedProcess[bytes]", took_s: float
) -> None:
    """The code, what was said, and the time."""
    action = plain(words[0]) if len(words) == 1 else ""
    interval = environment.get("OCF_RESKEY_CRM_meta_interval", "")
    is_probe = not (interval.isascii() and interval.isdigit() and len(interval) < 16 and int(interval))
    default = {codes.ERR_UNIMPLEMENTED} if action else {codes.ERR_ARGS}
    allowed = default if action not in ACTIONS else ALLOWED["probe" if action == "monitor" and is_probe else action]
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode not in allowed:
        raise Broken(f"code {done.returncode} of {action[:20] or 'no action'}", said[:400])
    if "Traceback" in said or TELLS_BUG in said:
        raise Broken("an error of our own", said[-600:])
    reasons = [line for line in said.split("\n") if line.startswith("ocf-exit-reason:")]
    if len(reasons) > 1:
        raise Broken("more than one reason", said[:400])
    for reason in reasons:
        must_be_clean(reason, "an exit reason", lines=False)
    if action not in ACTIONS:
        must_be_clean(said, "the answer to an unknown action")
    if len(done.stdout) + len(done.stderr) > OUTPUT_MAX:
        raise Broken("too many words", f"{len(done.stdout)} and {len(done.stderr)} bytes")
    if done.stdout and action not in SELF_DESCRIPTION:
        raise Broken("words on standard output", repr(done.stdout[:200]))
    if took_s > SLOWEST_S:
        raise Broken("an answer that comes late", f"{took_s:.1f} s")


TARGETS = (Target("agent", CALLS, check_call, is_json=True, share=4, fixed=25),)
