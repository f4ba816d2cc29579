// The client of the Lambda Runtime API for functions written for Node.js.
//
//     node runtime-nodejs.mjs [HANDLER]
//
// Started once for each instance of a function, with the environment that
// Lambda's own runtime has. It loads the handler, asks the function host for
// events and posts what the handler makes of them, one at a time. Only Node's
// own modules are used. The host is reached by one kept connection, on which
// the answer to one event and the question for the next leave together. The
// process ends when the host is gone.

import fs from "node:fs";
import net from "node:net";
import path from "node:path";
import util from "node:util";
import { createRequire } from "node:module";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";

const BASE = "/2018-06-01/runtime";
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK =
  Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const HTTP_STREAM_TYPE = "application/vnd.awslambda.http-integration-response";
const PRELUDE_END = Buffer.alloc(8);
const LAST_POST_MS = 2000; // for the post before a process ends
const EXIT_REJECTION = 128;
const EXIT_EXCEPTION = 129;

const environment = process.env;

// --- Lines of log ----------------------------------------------------------

const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const jsonLog =
  (environment.AWS_LAMBDA_LOG_FORMAT ?? "").toUpperCase() === "JSON";
let requestId = null; // of the event being handled

// To the pipe at once and in order, however full it is.
function writeText(text) {
  const bytes = Buffer.from(text);
  let at = 0;
  while (at < bytes.length) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN")
        return; // nobody listens
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

function stackLines(error) {
  return typeof error.stack === "string" ? error.stack.split("\n") : [];
}

function errorsAsObjects(_, value) {
  if (!(value instanceof Error))
    return value;
  return {
    errorType: value.constructor?.name ?? "Error",
    errorMessage: value.message,
    stackTrace: stackLines(value),
    ...value,
  };
}

function jsonLine(level, words) {
  const line = {
    timestamp: new Date().toISOString(),
    level,
    requestId: requestId ?? undefined,
  };
  if (words.length === 1) {
    try {
      return JSON.stringify({ ...line, message: words[0] }, errorsAsObjects);
    } catch { /* circular, BigInt: as text below */ }
  }
  line.message = util.format(...words);
  const error = words.length > 1 && words.find((w) => w instanceof Error);
  if (error)
    Object.assign(line, errorsAsObjects("", error));
  try {
    return JSON.stringify(line);
  } catch {
    const { timestamp, level, requestId, message } = line;
    return JSON.stringify({ timestamp, level, requestId, message });
  }
}

function textLine(level, words) {
  const text = util.format(...words);
  return `${new Date().toISOString()}\t${requestId ?? "-"}\t${level}\t` +
    (text.includes("\n") ? text.replaceAll("\n", "\r") : text);
}

function writeLog(level, words) {
  writeText((jsonLog ? jsonLine : textLine)(level, words) + "\n");
}

function replaceConsole() {
  const wanted = (environment.AWS_LAMBDA_LOG_LEVEL ?? "").toUpperCase();
  const least = Math.max(LEVELS.indexOf(wanted), 0);
  for (const level of LEVELS) {
    console[level.toLowerCase()] = LEVELS.indexOf(level) < least
      ? () => {}
      : (...words) => writeLog(level, words);
  }
  console.log = console.info;
}

// --- Errors as Lambda tells them -------------------------------------------

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

function isError(thing) {
  return util.types.isNativeError(thing) ||
    (typeof thing === "object" && thing !== null &&
     typeof thing.name === "string" && typeof thing.message === "string" &&
     typeof thing.stack === "string");
}

function textOf(thing) {
  try {
    return String(thing);
  } catch {
    return Object.prototype.toString.call(thing);
  }
}

// The body of a post to .../error.
function errorReport(thing) {
  if (!isError(thing))
    return { errorType: typeof thing, errorMessage: textOf(thing), trace: [] };
  return {
    errorType: textOf(thing.name),
    errorMessage: textOf(thing.message),
    trace: stackLines(thing),
  };
}

// The same, fit for one line behind a body.
function shortReport({ errorType, errorMessage, trace }) {
  return {
    errorType: errorType.slice(0, 100),
    errorMessage: errorMessage.slice(0, 1000),
    trace: trace.slice(0, 12).map((line) => line.slice(0, 160)),
  };
}

function logError(what, thing) {
  if (jsonLog) {
    writeLog("ERROR", [isError(thing) ? thing : errorReport(thing)]);
    return;
  }
  const { trace, ...line } = errorReport(thing);
  try {
    if (isError(thing))
      Object.assign(line, { ...thing, name: undefined });
    writeLog("ERROR", [what, "\t" + JSON.stringify({ ...line, stack: trace })]);
  } catch {
    writeLog("ERROR", [what, "\t" + JSON.stringify(errorReport(thing))]);
  }
}

function errorLines(report) {
  const type = report.errorType.replace(/[^\x21-\x7e]/g, "") || "Error";
  return "Content-Type: application/json\r\n" +
    `Lambda-Runtime-Function-Error-Type: ${type}\r\n`;
}

// --- HTTP to the function host ---------------------------------------------

const noBytes = Buffer.alloc(0);

// What stands in `bytes` from `at` on: the answer's head, or null when it is
// not all there.
function parseHead(bytes) {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0)
    return null;
  const lines = bytes.toString("utf8", 0, end).split("\r\n");
  const headers = {};
  for (let i = 1; i < lines.length; i++) {
    const colon = lines[i].indexOf(":");
    headers[lines[i].slice(0, colon).toLowerCase()] =
      lines[i].slice(colon + 1).trim();
  }
  return { status: Number(lines[0].slice(9, 12)), headers, length: end + 4 };
}

// A chunked body: { body, length } of it all, or null.
function parseChunked(bytes, at) {
  const parts = [];
  for (;;) {
    const line = bytes.indexOf("\r\n", at);
    if (line < 0)
      return null;
    const size = parseInt(bytes.toString("latin1", at, line), 16);
    if (!(size >= 0))
      throw new Error("the function host sent a bad chunk");
    at = line + 2;
    if (size === 0)
      break;
    if (bytes.length < at + size + 2)
      return null;
    parts.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
  for (;;) { // trailers, which say nothing to us
    const line = bytes.indexOf("\r\n", at);
    if (line < 0)
      return null;
    if (line === at)
      return { body: Buffer.concat(parts), length: at + 2 };
    at = line + 2;
  }
}

// One kept connection. Calls are answered in the order they were made; a call
// that met a closed connection is made once more on a new one.
class HostClient {
  #host;
  #port;
  #authority;
  #socket = null;
  #calls = []; // sent or to be sent, unanswered; oldest first
  #out = ""; // what leaves at the end of this turn of the loop
  #parts = []; // received, not yet understood
  #have = 0;
  #need = 0; // bytes that must be there before it is worth looking
  #held = true; // the connection keeps the process alive

  constructor(authority) {
    const match = /^\[?(.*?)\]?:(\d+)$/.exec(authority ?? "");
    if (!match)
      throw new Error("AWS_LAMBDA_RUNTIME_API must be host:port");
    [, this.#host, this.#port] = match;
    this.#authority = authority;
  }

  // While a handler runs the connection must not count as work to wait for.
  hold(held) {
    this.#held = held;
    if (held)
      this.#socket?.ref();
    else
      this.#socket?.unref();
  }

  call(method, where, lines, body) {
    const text = `${method} ${BASE}${where} HTTP/1.1\r\n` +
      `Host: ${this.#authority}\r\n${lines}` +
      (body === null
        ? "\r\n"
        : `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    return new Promise((resolve, reject) => {
      this.#calls.push({ text, resolve, reject, tries: 0 });
      this.#send(text);
    });
  }

  next() {
    return this.call("GET", "/invocation/next", "", null);
  }

  post(where, lines, body) {
    return this.call("POST", where, lines, body);
  }

  // A post whose body comes in parts: { answer, write, end }.
  open(where, lines) {
    const call = { text: null, tries: 0, dead: false };
    const answer = new Promise((resolve, reject) => {
      call.resolve = resolve;
      call.reject = reject;
    });
    answer.catch(() => {});
    this.#calls.push(call);
    this.#send(`POST ${BASE}${where} HTTP/1.1\r\nHost: ${this.#authority}\r\n` +
      `${lines}Transfer-Encoding: chunked\r\n\r\n`);
    this.#flush();
    const socket = this.#socket;
    const write = (chunk, done) => {
      if (chunk.length === 0 || call.dead || call.answered) {
        process.nextTick(done, call.error);
        return;
      }
      socket.cork();
      socket.write(chunk.length.toString(16) + "\r\n");
      socket.write(chunk);
      socket.write("\r\n", done);
      socket.uncork();
    };
    const end = (trailers) => {
      if (call.dead)
        return;
      this.hold(true); // for the answer
      if (call.answered)
        socket.destroy(); // refused before it was whole
      else
        socket.write(`0\r\n${trailers}\r\n`);
    };
    return { answer, write, end };
  }

  #send(text) {
    if (this.#socket === null)
      this.#connect();
    if (this.#out === "")
      process.nextTick(() => this.#flush());
    this.#out += text;
  }

  #flush() {
    const text = this.#out;
    this.#out = "";
    if (text !== "")
      this.#socket.write(text);
  }

  #connect() {
    const socket = net.connect({ host: this.#host, port: Number(this.#port) });
    let connected = false;
    socket.setNoDelay(true);
    socket.on("connect", () => { connected = true; });
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("end", () => socket.destroy());
    socket.on("error", () => {});
    socket.on("close", () => this.#closed(socket, connected));
    if (!this.#held)
      socket.unref();
    this.#socket = socket;
  }

  #closed(socket, connected) {
    if (socket !== this.#socket)
      return;
    this.#socket = null;
    this.#out = "";
    this.#parts = [];
    this.#have = this.#need = 0;
    const calls = this.#calls;
    this.#calls = [];
    for (const call of calls) {
      if (call.text === null || !connected || call.tries > 0) {
        call.dead = true;
        call.error = new Error("the function host closed the connection");
        call.reject(call.error);
        continue;
      }
      call.tries++;
      this.#calls.push(call);
      this.#send(call.text);
    }
  }

  #take(bytes) {
    this.#parts.push(bytes);
    this.#have += bytes.length;
    while (this.#have > 0 && this.#have >= this.#need) {
      const all = this.#parts.length === 1
        ? this.#parts[0] : Buffer.concat(this.#parts);
      const left = this.#understand(all);
      this.#parts = left.length > 0 ? [left] : [];
      this.#have = left.length;
      if (left === all)
        return;
    }
  }

  // One answer from the front of `bytes`; returns what is behind it.
  #understand(bytes) {
    const head = parseHead(bytes);
    if (head === null) {
      this.#need = 0;
      return bytes;
    }
    if (head.status < 200)
      return bytes.subarray(head.length);
    let end = head.length + Number(head.headers["content-length"] ?? 0);
    let body = noBytes;
    if (head.headers["transfer-encoding"] !== undefined) {
      const found = parseChunked(bytes, head.length);
      if (found === null)
        return bytes;
      ({ body, length: end } = found);
    } else if (bytes.length < end) {
      this.#need = end;
      return bytes;
    } else {
      body = bytes.subarray(head.length, end);
    }
    this.#need = 0;
    const call = this.#calls.shift();
    if (call === undefined) {
      this.#socket.destroy();
      return noBytes;
    }
    call.answered = true;
    call.resolve({ status: head.status, headers: head.headers, body });
    if ((head.headers.connection ?? "").toLowerCase() === "close")
      this.#socket.destroy();
    return bytes.subarray(end);
  }
}

// --- Responses that stream -------------------------------------------------

// What a streaming handler writes to. The post is opened by the first bytes,
// because only then are its type and its prelude settled.
class ResponseStream extends Writable {
  #client;
  #id;
  #type = "application/octet-stream";
  #prelude = null;
  #body = null;
  #ended = false;

  constructor(client, id, highWaterMark) {
    super(highWaterMark > 0 ? { highWaterMark } : {});
    this.#client = client;
    this.#id = id;
  }

  setContentType(type) {
    if (this.#body !== null)
      throw new RuntimeError("InvalidStreamingOperation",
        "the content type cannot change after the first write");
    this.#type = String(type).replace(/[\r\n]/g, "");
  }

  setPrelude(prelude) {
    this.setContentType(HTTP_STREAM_TYPE);
    this.#prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)),
      PRELUDE_END]);
  }

  get begun() {
    return this.#body !== null;
  }

  // Objects go as JSON.
  write(chunk, encoding, done) {
    return super.write(asBytes(chunk), encoding, done);
  }

  end(chunk, encoding, done) {
    if (chunk === undefined || chunk === null || typeof chunk === "function")
      return super.end(chunk, encoding, done);
    return super.end(asBytes(chunk), encoding, done);
  }

  // End it as failed; true when the caller can be told nothing else.
  fail(error) {
    if (this.#ended)
      return false;
    this.#ended = true;
    const report = shortReport(errorReport(error));
    const type = report.errorType.replace(/[^\x21-\x7e]/g, "") || "Error";
    const text = Buffer.from(JSON.stringify(report)).toString("base64");
    this.#open();
    this.#body.end(`Lambda-Runtime-Function-Error-Type: ${type}\r\n` +
      `Lambda-Runtime-Function-Error-Body: ${text}\r\n`);
    this.destroy();
    return true;
  }

  // Settled when the host has answered.
  get answer() {
    return this.#body === null ? Promise.resolve() : this.#body.answer;
  }

  #open() {
    this.#body ??= this.#client.open(`/invocation/${this.#id}/response`,
      `Content-Type: ${this.#type}\r\n` +
      "Lambda-Runtime-Function-Response-Mode: streaming\r\n" +
      "Trailer: Lambda-Runtime-Function-Error-Type\r\n" +
      "Trailer: Lambda-Runtime-Function-Error-Body\r\n");
  }

  #begin() {
    if (this.#body !== null)
      return;
    this.#open();
    if (this.#prelude !== null)
      this.#body.write(this.#prelude, () => {});
  }

  _write(chunk, encoding, done) {
    this.#begin();
    this.#body.write(chunk, done);
  }

  _writev(items, done) {
    this.#begin();
    this.#body.write(Buffer.concat(items.map((item) => item.chunk)), done);
  }

  _final(done) {
    this.#begin();
    this.#ended = true;
    this.#body.end("");
    this.#body.answer.then(({ status }) => {
      if (status >= 300)
        writeLog("ERROR", [`the function host refused the response: ${status}`]);
      done();
    }, done);
  }

  _destroy(error, done) {
    if (error)
      this.fail(error);
    done(error);
  }
}

function asBytes(chunk) {
  if (typeof chunk === "string" || chunk instanceof Uint8Array)
    return chunk;
  return JSON.stringify(chunk) ?? "null";
}

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = "response";
    if (options?.highWaterMark !== undefined)
      handler[HIGH_WATER_MARK] = Number(options.highWaterMark);
    return handler;
  },
  HttpResponseStream: class HttpResponseStream {
    static from(stream, prelude) {
      stream.setPrelude(prelude);
      return stream;
    }
  },
};

// --- Loading the handler ---------------------------------------------------

function isFile(name) {
  return fs.statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}

// "folder/file.export.nested" in its parts.
function splitHandler(text) {
  const folder = path.posix.dirname(text);
  const match = /^([^.]+)\.(.+)$/.exec(path.posix.basename(text));
  if (!match || text.includes(".."))
    throw new RuntimeError("Runtime.MalformedHandlerName",
      `"${text}" is no handler: expected file.export, without ".."`);
  return { folder, name: match[1], exported: match[2] };
}

function findModule(require, root, { folder, name }) {
  const whole = path.resolve(root, folder, name);
  for (const ending of ["", ".js", ".mjs", ".cjs"]) {
    if (isFile(whole + ending))
      return whole + ending;
  }
  try {
    return require.resolve(whole); // a folder with an index
  } catch {
    return require.resolve(path.posix.join(folder, name),
      { paths: [root, path.resolve(root, folder)] });
  }
}

// What the nearest package.json says of .js files.
function inModulePackage(file) {
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const name = path.join(folder, "package.json");
    if (isFile(name)) {
      try {
        return JSON.parse(fs.readFileSync(name, "utf8")).type === "module";
      } catch {
        return false;
      }
    }
    if (folder === path.dirname(folder))
      return false;
  }
}

async function loadModule(require, file) {
  const ending = path.extname(file);
  const load = () => import(pathToFileURL(file).href);
  if (ending === ".mjs" || (ending === ".js" && inModulePackage(file)))
    return load();
  try {
    return require(file);
  } catch (error) {
    if (error?.code === "ERR_REQUIRE_ESM" && ending !== ".cjs" ||
        error?.code === "ERR_REQUIRE_ASYNC_MODULE")
      return load();
    throw error;
  }
}

// Errors of loading carry Lambda's names.
function loadingError(error) {
  let named = null;
  if (error?.code === "MODULE_NOT_FOUND" ||
      error?.code === "ERR_MODULE_NOT_FOUND")
    named = new RuntimeError("Runtime.ImportModuleError", textOf(error));
  else if (error instanceof SyntaxError)
    named = new RuntimeError("Runtime.UserCodeSyntaxError", textOf(error));
  else
    return error;
  named.stack = `${named.name}: ${named.message}\n` +
    stackLines(error).join("\n");
  return named;
}

async function loadHandler(root, text) {
  const parts = splitHandler(text);
  const require = createRequire(path.join(root, "handler.js"));
  let found;
  try {
    found = await loadModule(require, findModule(require, root, parts));
  } catch (error) {
    throw loadingError(error);
  }
  let holder;
  for (const name of parts.exported.split(".")) {
    holder = found;
    found = found?.[name];
  }
  if (typeof found !== "function")
    throw new RuntimeError("Runtime.HandlerNotFound",
      found === undefined ? `${text} is undefined or not exported`
        : `${text} is not a function`);
  return { handler: found, holder };
}

// --- One event -------------------------------------------------------------

let current = null; // the invocation whose handler runs

class Invocation {
  #client;
  #id;
  #deadline;
  #arn;
  #headers;
  #body;
  #finish; // what the serving loop waits for
  #settled = false; // an outcome is known
  #posted = false;
  #kept = null; // an outcome that waits for the loop to be empty
  #waits = true;
  #isAsync = false;
  #stream = null;

  constructor(client, { headers, body }) {
    this.#client = client;
    this.#headers = headers;
    this.#body = body;
    this.#id = headers["lambda-runtime-aws-request-id"];
    this.#deadline = Number(headers["lambda-runtime-deadline-ms"] ?? 0);
    this.#arn = headers["lambda-runtime-invoked-function-arn"];
    requestId = this.#id;
    const trace = headers["lambda-runtime-trace-id"];
    if (trace)
      environment._X_AMZN_TRACE_ID = trace;
    else
      delete environment._X_AMZN_TRACE_ID;
  }

  // Resolves when the outcome is on its way.
  run({ handler, holder }) {
    this.#isAsync = handler.constructor?.name === "AsyncFunction";
    return new Promise((resolve) => {
      this.#finish = resolve;
      if (handler[STREAMING] === "response")
        this.#runStreaming(handler, holder);
      else
        this.#runBuffered(handler, holder);
    });
  }

  #runBuffered(handler, holder) {
    const callback = (error, value) => this.#callback(error, value);
    try {
      const result = handler.call(holder, JSON.parse(this.#body.toString()),
        this.#context(callback), callback);
      if (typeof result?.then === "function")
        result.then((value) => this.#settle(null, value),
          (error) => this.#settle({ error }));
    } catch (error) {
      this.#settle({ error });
    }
  }

  async #runStreaming(handler, holder) {
    const stream = new ResponseStream(this.#client, this.#id,
      handler[HIGH_WATER_MARK]);
    this.#stream = stream;
    const closed = new Promise((resolve) => {
      stream.on("close", resolve);
      stream.on("error", () => {});
    });
    try {
      const value = await handler.call(holder,
        JSON.parse(this.#body.toString()), stream, this.#context(null));
      if (value !== undefined)
        console.warn("Streaming handlers ignore return values.");
      await closed;
      if (stream.errored)
        throw stream.errored;
    } catch (error) {
      this.#failStream(error);
      return;
    }
    this.#done();
  }

  #failStream(error) {
    if (this.#settled)
      return;
    this.#settled = true;
    logError("Invoke Error", error);
    this.#stream.fail(error);
    this.#stream.answer.catch(() => {}).then(() => this.#done());
  }

  #context(callback) {
    const invocation = this;
    const headers = this.#headers;
    const parse = (text) => text ? JSON.parse(text) : undefined;
    const context = {
      get callbackWaitsForEmptyEventLoop() { return invocation.#waits; },
      set callbackWaitsForEmptyEventLoop(waits) {
        invocation.#waits = Boolean(waits);
      },
      functionVersion: environment.AWS_LAMBDA_FUNCTION_VERSION,
      functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
      memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      logGroupName: environment.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: environment.AWS_LAMBDA_LOG_STREAM_NAME,
      clientContext: parse(headers["lambda-runtime-client-context"]),
      identity: parse(headers["lambda-runtime-cognito-identity"]),
      invokedFunctionArn: this.#arn,
      awsRequestId: this.#id,
      tenantId: headers["lambda-runtime-aws-tenant-id"],
      getRemainingTimeInMillis: () => this.#deadline - Date.now(),
    };
    if (callback !== null) {
      context.done = (error, value) => {
        invocation.#waits = false;
        callback(error, value);
      };
      context.succeed = (value) => context.done(null, value);
      context.fail = (error) => context.done(error ?? "handled");
    }
    return context;
  }

  #callback(error, value) {
    const failed = error === undefined || error === null ? null : { error };
    if (this.#waits && !this.#settled) {
      this.#settled = true;
      this.#kept = { failed, value };
    } else {
      this.#settle(failed, value);
    }
  }

  #settle(failed, value) {
    if (this.#settled)
      return;
    this.#settled = true;
    this.#post(failed, value);
  }

  // Nothing is left to run: what is known now is the outcome.
  loopEmpty() {
    if (this.#posted)
      return;
    if (this.#stream !== null) {
      if (!this.#stream.writableEnded && !this.#settled)
        this.#failStream(new RuntimeError("Runtime.StreamNotFinished",
          "Response stream is not finished."));
    } else if (this.#kept !== null) {
      this.#post(this.#kept.failed, this.#kept.value);
    } else if (!this.#settled) {
      this.#settled = true;
      this.#post(this.#isAsync ? { error: new RuntimeError("Runtime.NodeJsExit",
        "The handler's promise can never settle: nothing is left to run.") }
        : null, null);
    }
  }

  #post(failed, value) {
    this.#posted = true;
    let text = null;
    if (failed === null) {
      try {
        text = JSON.stringify(value === undefined ? null : value) ?? "null";
      } catch (error) {
        failed = { error: new RuntimeError("Runtime.JSONStringifyError",
          `The result cannot become JSON: ${textOf(error?.message)}`) };
      }
    }
    if (failed === null)
      this.#client.post(`/invocation/${this.#id}/response`,
        "Content-Type: application/json\r\n", text).then(
        ({ status }) => this.#checkAnswer(status), hostGone);
    else
      this.#postError(failed.error).catch(hostGone);
    this.#done();
  }

  #checkAnswer(status) {
    if (status >= 300)
      writeLog("ERROR", [`The host refused the response of ${this.#id}: ` +
        `status ${status}`]);
  }

  #postError(error, client = this.#client) {
    const report = errorReport(error);
    logError("Invoke Error", error);
    return client.post(`/invocation/${this.#id}/error`, errorLines(report),
      JSON.stringify(report));
  }

  #done() {
    this.#posted = true;
    this.#finish();
  }

  // The process is about to end; the caller still gets its reason.
  abandon(error, client) {
    if (this.#posted)
      return Promise.resolve();
    this.#posted = this.#settled = true;
    if (this.#stream?.begun) {
      this.#stream.fail(error);
      return this.#stream.answer;
    }
    const report = errorReport(error);
    return client.post(`/invocation/${this.#id}/error`, errorLines(report),
      JSON.stringify(report));
  }
}

// --- The life of the process -----------------------------------------------

function hostGone() {
  process.exit(1);
}

const authority = environment.AWS_LAMBDA_RUNTIME_API;
let serving = false; // the handler is loaded
let ending = false;

function postInitError(error) {
  const report = errorReport(error);
  return new HostClient(authority).post("/init/error", errorLines(report),
    JSON.stringify(report));
}

// Tell the host why on a connection of its own, then end.
function end(error, code) {
  if (ending)
    return;
  ending = true;
  let posted = Promise.resolve();
  if (!serving)
    posted = postInitError(error);
  else if (current !== null)
    posted = current.abandon(error, new HostClient(authority));
  setTimeout(() => process.exit(code), LAST_POST_MS);
  posted.catch(() => {}).then(() => process.exit(code));
}

function onException(error) {
  logError("Uncaught Exception", error);
  end(error, EXIT_EXCEPTION);
}

function onRejection(reason) {
  const error = new RuntimeError("Runtime.UnhandledPromiseRejection",
    isError(reason) ? `${reason.name}: ${reason.message}` : textOf(reason));
  if (isError(reason))
    error.reason = errorReport(reason);
  logError("Unhandled Promise Rejection", error);
  end(error, EXIT_REJECTION);
}

function onLoopEmpty() {
  if (ending)
    return;
  if (current !== null) {
    current.loopEmpty();
  } else if (!serving) {
    const error = new RuntimeError("Runtime.ImportModuleError",
      "The module's top-level await can never settle.");
    logError("Uncaught Exception", error);
    end(error, 1);
  }
}

async function serve(client, loaded) {
  for (;;) {
    client.hold(true);
    const event = await client.next();
    client.hold(false);
    if (event.status !== 200 ||
        event.headers["lambda-runtime-aws-request-id"] === undefined)
      throw new Error(`the function host answered ${event.status} to next`);
    current = new Invocation(client, event);
    await current.run(loaded);
    if (ending)
      return;
    current = null;
  }
}

async function main() {
  const name = environment._HANDLER ?? process.argv[2] ?? "";
  const root = path.resolve(environment.LAMBDA_TASK_ROOT ?? ".");
  const client = new HostClient(authority);
  let loaded;
  replaceConsole();
  process.on("uncaughtException", onException);
  process.on("unhandledRejection", onRejection);
  process.on("beforeExit", onLoopEmpty);
  try {
    loaded = await loadHandler(root, name);
  } catch (error) {
    logError("Uncaught Exception", error);
    end(error, 1);
    return;
  }
  serving = true;
  serve(client, loaded).catch(hostGone);
}

main();
