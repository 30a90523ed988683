"""Mail services as administrators set them up: postscreen, SMTP over TLS, a policy service."""

import contextlib

from tests.node.judged import MASTER, JudgedNode

POSTSCREEN = """\
smtpd pass - - y - - smtpd
dnsblog unix - - y - 0 dnsblog
tlsproxy unix - - y - 0 tlsproxy
"""
KEY, CERTIFICATE = "/etc/ssl/private/mail.key", "/etc/ssl/certs/mail.pem"
SMTPS = f"""\
submissions inet n - y - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_key_file={KEY} -o smtpd_tls_cert_file={CERTIFICATE}
"""


def use_postscreen(node: JudgedNode) -> None:
    """Put postscreen before smtpd."""
    node.change(MASTER, r"^smtp +inet .*smtpd$", "smtp inet n - y - 1 postscreen")
    node.append(MASTER, POSTSCREEN)


def make_certificate(node: JudgedNode) -> None:
    """A self-signed certificate, as an administrator makes one."""
    node.do(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch"),
        *("-days", "2", "-subj", "/CN=mail.example.com", "-keyout", KEY, "-out", CERTIFICATE),
    )


def serve_policy(node: JudgedNode, stack: contextlib.ExitStack, answer: str, port: int = 10040) -> None:
    """A policy service on the node that gives every client the same answer; an empty one means none at all."""
    code = (
        "import socket, threading\n"
        f"server = socket.create_server(('127.0.0.1', {port}))\n"
        "def serve(client):\n"
        "    while client.recv(65536):\n"
        f"        {answer!r} and client.sendall(b'action={answer}\\n\\n')\n"
        "while True:\n"
        "    threading.Thread(target=serve, args=(server.accept()[0],)).start()\n"
    )
    node.background(stack, ["/usr/bin/python3", "-c", code])
    node.wait(lambda: node.run(["ss", "-Hltn", f"sport = :{port}"]).stdout, "the policy service listens")
