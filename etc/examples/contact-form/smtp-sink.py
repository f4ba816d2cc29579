#!/usr/bin/env python3
"""A mail server that delivers nothing: it shows every mail it is given.

    smtp-sink.py [--port 2525] [--folder FOLDER] [--quiet]

Listens on 127.0.0.1 only. With port 0 the kernel chooses; the first line of
output says which it is. Mails are printed, and kept as 1.eml, 2.eml, ... in
FOLDER when one is given. Other programs use the class SmtpSink.
"""

import argparse
import email
import email.policy
import pathlib
import socketserver
import sys
import threading

LINE_BYTES = 4096
MAIL_BYTES = 10 * 1024 * 1024


class Refused(Exception):
    """Ends the conversation."""


class Conversation(socketserver.StreamRequestHandler):
    timeout = 30

    def say(self, text):
        self.wfile.write(text.encode("ascii") + b"\r\n")

    def line(self):
        data = self.rfile.readline(LINE_BYTES)
        if not data.endswith(b"\n"):
            raise Refused
        return data.rstrip(b"\r\n")

    def handle(self):
        try:
            self.say("220 smtp-sink")
            self.converse()
        except (Refused, OSError):
            pass

    def converse(self):
        sender, recipients = None, []
        while True:
            words = self.line().decode("utf-8", "replace")
            command = words.upper()
            if command.startswith("EHLO"):
                self.say("250-smtp-sink")
                self.say("250 8BITMIME")
            elif command.startswith("HELO"):
                self.say("250 smtp-sink")
            elif command.startswith("MAIL FROM:"):
                sender, recipients = words[10:].strip(), []
                self.say("250 ok")
            elif command.startswith("RCPT TO:") and sender is not None:
                recipients.append(words[8:].strip())
                self.say("250 ok")
            elif command == "DATA" and recipients:
                self.say("354 go on, end with a dot")
                self.server.sink.keep(sender, recipients, self.data())
                sender, recipients = None, []
                self.say("250 kept")
            elif command in ("RSET", "NOOP"):
                if command == "RSET":
                    sender, recipients = None, []
                self.say("250 ok")
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("503 not now")

    def data(self):
        lines, size = [], 0
        while True:
            line = self.line()
            if line == b".":
                return b"\r\n".join(lines) + b"\r\n"
            if line.startswith(b"."):
                line = line[1:]
            size += len(line) + 2
            if size > MAIL_BYTES:
                self.say("552 too large")
                raise Refused
            lines.append(line)


class SmtpSink(socketserver.ThreadingTCPServer):
    """Serves in a thread of its own; `mails` holds what came."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port=0, folder=None, tell=None):
        super().__init__(("127.0.0.1", port), Conversation)
        self.port = self.server_address[1]
        self.sink = self
        self.mails = []
        self.folder = folder
        self.tell = tell
        self.arrived = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def keep(self, sender, recipients, data):
        mail = email.message_from_bytes(data, policy=email.policy.default)
        with self.arrived:
            self.mails.append((sender, recipients, mail))
            number = len(self.mails)
            if self.folder is not None:
                (self.folder / f"{number}.eml").write_bytes(data)
            if self.tell is not None:
                self.tell(number, sender, recipients, mail)
            self.arrived.notify_all()

    def wait(self, count, seconds):
        """Are there `count` mails within the time?"""
        with self.arrived:
            return self.arrived.wait_for(
                lambda: len(self.mails) >= count, seconds)


def print_mail(number, sender, recipients, mail):
    print(f"--- mail {number}: {sender} to {', '.join(recipients)}")
    for name in ("From", "To", "Reply-To", "Subject"):
        print(f"{name}: {mail[name]}")
    body = mail.get_body(("plain", "html"))
    print()
    print(body.get_content() if body is not None else "(no text)", end="")
    print("---", flush=True)


def main():
    parser = argparse.ArgumentParser(description="a mail server that "
                                     "delivers nothing")
    parser.add_argument("--port", type=int, default=2525)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    try:
        sink = SmtpSink(options.port, options.folder,
                        None if options.quiet else print_mail)
    except OSError as error:
        sys.exit(f"smtp-sink: port {options.port}: {error.strerror}")
    print(f"smtp-sink: 127.0.0.1:{sink.port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
