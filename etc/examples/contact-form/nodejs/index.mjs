// send-mail: the contact form's function, for Node.js.
//
// An event of API Gateway comes in (a POST with a JSON body), a mail goes out
// by SMTP. Everything it has to know is in its environment:
//   SENDER     the mail's From, and where it goes when RECIPIENT is not set
//   RECIPIENT  where it goes
//   SMTP_HOST, SMTP_PORT   the mail server (127.0.0.1, 25)
// No packages: SMTP is spoken over a plain socket.

import net from "node:net";
import { randomUUID } from "node:crypto";

const SENDER = process.env.SENDER ?? "";
const RECIPIENT = process.env.RECIPIENT || SENDER;
const SMTP_HOST = process.env.SMTP_HOST || "127.0.0.1";
const SMTP_PORT = Number(process.env.SMTP_PORT || 25);
const SMTP_MS = 2000;
const LONGEST = { name: 200, email: 254, message: 10000 };

class FormError extends Error {}

function answer(statusCode, value) {
  return {
    statusCode,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(value),
  };
}

// The form's three fields, as text that is fit for a mail.
function readForm(event) {
  let body = event.body ?? "";
  let form;
  if (event.isBase64Encoded)
    body = Buffer.from(body, "base64").toString("utf8");
  try {
    form = JSON.parse(body);
  } catch {
    throw new FormError("the body is not JSON");
  }
  const fields = {};
  for (const [name, longest] of Object.entries(LONGEST)) {
    const text = form?.[name];
    if (typeof text !== "string" || text.trim() === "")
      throw new FormError(`${name} is missing`);
    if (text.length > longest)
      throw new FormError(`${name} is too long`);
    fields[name] = text.trim();
  }
  // One line each: nobody adds headers of their own to the mail.
  fields.name = fields.name.replace(/[\x00-\x1f\x7f]+/g, " ");
  if (!/^[\x21-\x3b\x3d\x3f-\x7e]+@[A-Za-z0-9.-]+$/.test(fields.email))
    throw new FormError("email is no mail address");
  return fields;
}

// A header's text beyond ASCII, in pieces of at most 75 characters.
function encodedWords(text) {
  if (/^[\x20-\x7e]*$/.test(text))
    return text;
  const words = [];
  let piece = "";
  for (const letter of text) {
    if (Buffer.byteLength(piece + letter) > 42) {
      words.push(piece);
      piece = "";
    }
    piece += letter;
  }
  words.push(piece);
  return words.map((word) =>
    `=?UTF-8?B?${Buffer.from(word).toString("base64")}?=`).join("\r\n ");
}

function composeMail({ name, email, message }) {
  const text = Buffer.from(`${message}\n\n${name} <${email}>\n`)
    .toString("base64").replace(/.{76}/g, "$&\r\n");
  return [
    `From: ${SENDER}`,
    `To: ${RECIPIENT}`,
    `Reply-To: ${email}`,
    `Subject: ${encodedWords(`Message from ${name}`)}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${randomUUID()}@${SENDER.split("@")[1] ?? "localhost"}>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    "",
    text,
    "",
  ].join("\r\n");
}

// One reply of the server after the other; several lines make one reply.
async function* replies(socket) {
  let text = "";
  for await (const part of socket) {
    text += part.toString("latin1");
    for (;;) {
      const match = /^(?:\d{3}-.*\r?\n)*(\d{3})(?: .*)?\r?\n/.exec(text);
      if (!match)
        break;
      text = text.slice(match[0].length);
      yield { code: Number(match[1]), text: match[0].trim() };
    }
  }
}

async function sendMail(mail) {
  const socket = net.connect({ host: SMTP_HOST, port: SMTP_PORT });
  socket.setTimeout(SMTP_MS, () => {
    socket.destroy(new Error("the mail server is too slow"));
  });
  const server = replies(socket);
  const expect = async (code, command) => {
    if (command !== null)
      socket.write(command + "\r\n");
    const { value } = await server.next();
    if (value?.code !== code)
      throw new Error("the mail server said: " + (value?.text ?? "nothing"));
  };
  try {
    await expect(220, null);
    await expect(250, "EHLO localhost");
    await expect(250, `MAIL FROM:<${SENDER}>`);
    await expect(250, `RCPT TO:<${RECIPIENT}>`);
    await expect(354, "DATA");
    await expect(250, mail.replace(/^\./gm, "..") + ".");
    socket.write("QUIT\r\n");
  } finally {
    socket.end();
    socket.destroySoon();
  }
}

export const handler = async (event) => {
  try {
    await sendMail(composeMail(readForm(event)));
  } catch (error) {
    if (error instanceof FormError)
      return answer(400, { message: error.message });
    console.error("no mail was sent:", error);
    return answer(502, { message: "The message could not be sent." });
  }
  console.log("a mail went to", RECIPIENT);
  return answer(200, { message: "Thank you. Your message is on its way." });
};
