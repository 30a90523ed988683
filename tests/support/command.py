"""The command on a CIB file: in this process, without the start of an interpreter, or in one of its own."""

import contextlib
import io
import subprocess
import sys

from postfix_ha.cli.main import main
from tests.support.machine.node import CHECKOUT

START = f'import sys; sys.path.insert(0, "{CHECKOUT}/lib"); from postfix_ha.cli.main import main; sys.exit(main())'


class Answer:
    """What the command printed, and its exit code."""

    def __init__(self, returncode, stdout, stderr):
        self.returncode = returncode
        self.stdout = stdout
        self.stderr = stderr
        self.words = " ".join(stdout.split())


class OnFile:
    """The command on one CIB file."""

    def __init__(self, file):
        self.file = file

    def run(self, name, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main([name, "--cib-file", str(self.file), *arguments])
            except SystemExit as end:
                code = end.code
        return Answer(code, out.getvalue(), err.getvalue())

    def ok(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


class CommandLine:
    """The command on one CIB file, as a program of its own."""

    def __init__(self, file):
        self.file = file

    def run(self, name, *arguments):
        argv = [sys.executable, "-c", START, name, "--cib-file", str(self.file), *arguments]
        return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL)

    def ok(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
