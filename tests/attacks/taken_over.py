#!/usr/bin/python3 -IS
"""An smtpd that somebody has taken over: it greets as the file beside it says; run by master in smtpd's place."""

import os
import socket
import time

LISTENER = 6  # MASTER_LISTEN_FD
with open("/root/greeting", encoding="ascii") as file:
    KIND = file.read().strip()
with socket.socket(fileno=LISTENER) as listener:
    listener.setblocking(True)
    while True:
        client, _ = listener.accept()
        if os.fork():
            client.close()
            continue
        try:
            while KIND == "lines":
                client.sendall(b"220-hello\r\n" * 1000)
            while KIND == "one line":
                client.sendall(b"220 " + b"x" * 65000)
            while KIND == "replies":
                client.sendall(b"220 hello\r\n" + b"250-x\r\n" * 1000)
            while KIND == "drops":
                client.sendall(b"2")
                time.sleep(0.05)
        finally:
            os._exit(0)
