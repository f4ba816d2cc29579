"""The example's function send-mail, both variants, with its mail server."""

import importlib.util
import json
import pathlib
import socket

from fake_host import NODE, TOP, Function

FOLDER = TOP / "etc/examples/contact-form"
FORM = {"name": "Ann Élan", "email": "ann@example.com",
        "message": "Hello\n.dot\nGrüße " + "x" * 3000}
VARIANTS = [("python", "app.handler", "app.py")]
if NODE is not None:
    VARIANTS.insert(0, ("nodejs", "index.handler", "index.mjs"))


def load_sink():
    spec = importlib.util.spec_from_file_location("smtp_sink",
                                                  FOLDER / "smtp-sink.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def send_mail(variant, port):
    runtime, handler, name = variant
    source = (pathlib.Path(FOLDER) / runtime / name).read_text()
    return Function(runtime, handler, {name: source}, SMTP_PORT=str(port),
                    SMTP_HOST="127.0.0.1", SENDER="form@example.com",
                    RECIPIENT="owner@example.com")


def post(function, form, **members):
    body = form if isinstance(form, str) else json.dumps(form)
    answer = function.result({"httpMethod": "POST", "path": "/",
                              "body": body, "isBase64Encoded": False,
                              **members})
    assert answer["headers"]["Content-Type"] == "application/json"
    return answer["statusCode"], json.loads(answer["body"])["message"]


def case_mail_arrives():
    for variant in VARIANTS:
        sink = load_sink().SmtpSink()
        with send_mail(variant, sink.port) as function:
            for _ in range(2):
                status, message = post(function, FORM)
                assert status == 200 and "Thank you" in message, message
            assert sink.wait(2, 10)
            sender, recipients, mail = sink.mails[1]
            assert "<form@example.com>" in sender, sender
            assert recipients == ["<owner@example.com>"], recipients
            found = [str(mail[n]) for n in ("From", "To", "Reply-To",
                                            "Subject")]
            assert found == ["form@example.com", "owner@example.com",
                             "ann@example.com", "Message from Ann Élan"], found
            text = mail.get_content().replace("\r\n", "\n")
            assert text == FORM["message"] + \
                "\n\nAnn Élan <ann@example.com>\n", text
        sink.shutdown()
        sink.server_close()


def case_bad_forms():
    for variant in VARIANTS:
        with send_mail(variant, 1) as function:
            for form, reason in (
                    ("{", "not JSON"), ([], "missing"), (7, "missing"),
                    ({**FORM, "name": " "}, "name is missing"),
                    ({**FORM, "message": "m" * 10001}, "too long"),
                    ({**FORM, "email": "no address"}, "address"),
                    ({**FORM, "email": "a@b\r\nBcc: c@d"}, "address")):
                status, message = post(function, form)
                assert status == 400 and reason in message, (form, message)


def case_no_header_comes_in():
    for variant in VARIANTS:
        sink = load_sink().SmtpSink()
        with send_mail(variant, sink.port) as function:
            status, _ = post(function, {
                **FORM, "name": "Ann\r\nBcc: other@example.com\r\n\r\nx"})
            assert status == 200, status
            assert sink.wait(1, 10)
            _, recipients, mail = sink.mails[0]
            assert mail["Bcc"] is None and len(recipients) == 1, mail
        sink.shutdown()
        sink.server_close()


def case_no_mail_server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))	# bound, and nobody listens
        for variant in VARIANTS:
            with send_mail(variant, probe.getsockname()[1]) as function:
                status, message = post(function, FORM)
                assert status == 502, (status, message)
                assert "no mail was sent" in function.text()
