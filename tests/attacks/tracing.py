"""Run inside a private node as one of its users: processes that a debugger keeps from ending, however they are killed.

usage: tracing.py KIND PROGRAM DIRECTORY

The one that stands in DIRECTORY runs a copy of Python called PROGRAM; its debugger stands elsewhere and is deaf.
"""

import ctypes
import os
import signal
import sys
import time

CLONE_NEWUSER, WALL = 0x10000000, 0x40000000
PTRACE_ATTACH, PTRACE_SEIZE = 16, 0x4206
PTRACE_O_TRACEEXIT = 0x40
PR_SET_PTRACER, ANY = 0x59616D61, ctypes.c_ulong(-1)
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
# What the traced one does; "thread" lets another thread of it be traced.
TRACED = """
import ctypes, os, sys, threading, time
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(-1), 0, 0, 0)
os.chdir(sys.argv[1])
def rest():
    os.write(1, b"%d\\n" % threading.get_native_id())
    time.sleep(1000)
if sys.argv[2] == "thread":
    threading.Thread(target=rest, daemon=True).start()
    time.sleep(1000)
rest()
"""


def check(done):
    if done < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return done


def begin_chain():
    """Trace a child that goes on as the debugger."""
    libc.prctl(PR_SET_PTRACER, ANY, 0, 0, 0)
    child = os.fork()
    if child:
        check(libc.ptrace(PTRACE_SEIZE, child, None, PTRACE_O_TRACEEXIT))
        time.sleep(1000)
    time.sleep(0.3)


def main():
    kind, program, directory = sys.argv[1:]
    if kind == "chain":
        begin_chain()
    reading, writing = os.pipe()
    traced = os.fork()
    if traced == 0:
        os.dup2(writing, 1)
        os.execv(program, [program, "-IS", "-c", TRACED, directory, kind])
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    thread = int(os.read(reading, 20))
    time.sleep(0.1)
    if kind == "attached":
        check(libc.ptrace(PTRACE_ATTACH, thread, None, None))
        os.waitpid(thread, WALL)
    else:
        check(libc.ptrace(PTRACE_SEIZE, thread, None, PTRACE_O_TRACEEXIT))
    if kind == "apart":
        check(libc.unshare(CLONE_NEWUSER))
    print("ready", flush=True)
    time.sleep(1000)


main()
