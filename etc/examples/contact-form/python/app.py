"""send-mail: the contact form's function, for Python.

An event of API Gateway comes in (a POST with a JSON body), a mail goes out by
SMTP. Everything it has to know is in its environment:
  SENDER     the mail's From, and where it goes when RECIPIENT is not set
  RECIPIENT  where it goes
  SMTP_HOST, SMTP_PORT   the mail server (127.0.0.1, 25)
"""

import base64
import email.message
import email.utils
import json
import logging
import os
import re
import smtplib

SENDER = os.environ.get("SENDER", "")
RECIPIENT = os.environ.get("RECIPIENT") or SENDER
SMTP_HOST = os.environ.get("SMTP_HOST") or "127.0.0.1"
SMTP_PORT = int(os.environ.get("SMTP_PORT") or 25)
SMTP_SECONDS = 2
LONGEST = {"name": 200, "email": 254, "message": 10000}
ADDRESS = re.compile(r"[\x21-\x3b\x3d\x3f-\x7e]+@[A-Za-z0-9.-]+")

log = logging.getLogger()
log.setLevel(logging.INFO)


class FormError(Exception):
    """What the sender of the form has to put right."""


def answer(status, value):
    return {"statusCode": status,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(value)}


def read_form(event):
    """The form's three fields, as text that is fit for a mail."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body).decode("utf-8", "replace")
    try:
        form = json.loads(body)
    except ValueError:
        raise FormError("the body is not JSON") from None
    fields = {}
    for name, longest in LONGEST.items():
        text = form.get(name) if isinstance(form, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise FormError(f"{name} is missing")
        if len(text) > longest:
            raise FormError(f"{name} is too long")
        fields[name] = text.strip()
    # One line each: nobody adds headers of their own to the mail.
    fields["name"] = re.sub(r"[\x00-\x1f\x7f]+", " ", fields["name"])
    if not ADDRESS.fullmatch(fields["email"]):
        raise FormError("email is no mail address")
    return fields


def compose_mail(form):
    mail = email.message.EmailMessage()
    mail["From"] = SENDER
    mail["To"] = RECIPIENT
    mail["Reply-To"] = form["email"]
    mail["Subject"] = f"Message from {form['name']}"
    mail["Date"] = email.utils.formatdate()
    mail["Message-ID"] = email.utils.make_msgid(
        domain=SENDER.rpartition("@")[2] or "localhost")
    mail.set_content(
        f"{form['message']}\n\n{form['name']} <{form['email']}>\n")
    return mail


def handler(event, context):
    try:
        mail = compose_mail(read_form(event))
        with smtplib.SMTP(SMTP_HOST, SMTP_PORT, "localhost",
                          timeout=SMTP_SECONDS) as server:
            server.send_message(mail, SENDER, [RECIPIENT])
    except FormError as error:
        return answer(400, {"message": str(error)})
    except (OSError, smtplib.SMTPException):
        log.exception("no mail was sent")
        return answer(502, {"message": "The message could not be sent."})
    log.info("a mail went to %s", RECIPIENT)
    return answer(200, {"message": "Thank you. Your message is on its way."})
