/*
 * http/scan.c - is this the head of a message, and where does it end?
 *
 * The strict gate before every parser: what passes here has one start line of
 * the right shape, field lines that are a token, a colon and text, and CR LF
 * at the end of each and nowhere else (RFC 9112, 2 to 5). No folding, no bare
 * CR or LF, no blank before a colon. It takes bytes as they come and looks at
 * each once; the verdict does not depend on how they were cut. It must never
 * accept a head that two parsers could read in two ways.
 */

#include "http/scan.h"

#include "util/span.h"

#define METHOD_MAX 32	/* longer ones nobody knows */

/* What the byte at scan->at belongs to. */
enum phase {
	PHASE_BEGIN,		/* first byte of all */
	PHASE_EMPTY_LF,		/* LF of an empty line before the request */
	PHASE_METHOD,
	PHASE_TARGET,
	PHASE_VERSION,		/* up to its CR (requests) or blank (answers) */
	PHASE_STATUS,		/* three digits and what follows them */
	PHASE_REASON,
	PHASE_START_LF,		/* LF of the start line */
	PHASE_LINE,		/* first byte of a field or of the last line */
	PHASE_NAME,
	PHASE_VALUE,
	PHASE_VALUE_LF,
	PHASE_END_LF,		/* LF of the empty line */
	PHASE_DONE,
};

/* One call's view: at goes from scan->at to end, which limits may cut. */
struct run {
	struct http_scan *scan;
	const struct http_limits *limits;
	enum http_side side;
	enum http_refusal cut;	/* the refusal at end, when a limit set it */
	enum http_refusal why;
	const char *data;
	const char *at;
	const char *end;
	size_t len;
};

static bool
refuse(struct run *run, enum http_refusal why)
{
	run->why = why;
	return false;
}

static bool
enter(struct run *run, enum phase phase)
{
	run->scan->phase = (uint8_t)phase;
	return true;
}

/* A byte that must be there; then the next phase. */
static bool
expect(struct run *run, char byte, enum phase next)
{
	if (*run->at != byte)
		return refuse(run, HTTP_REFUSE_BAD_HEAD);
	run->at++;
	return enter(run, next);
}

/* How far this call may look. At most once for the whole head per call. */
static void
set_end(struct run *run)
{
	const struct http_limits *limits = run->limits;
	struct http_scan *scan = run->scan;
	uint64_t end = limits->head_bytes, fields_end;

	if (end > HTTP_HEAD_MAX)
		end = HTTP_HEAD_MAX;
	end += scan->start;
	run->cut = HTTP_REFUSE_HEAD_TOO_LARGE;
	if (scan->fields_at > 0) {
		/* The empty line behind the fields is none of them. */
		fields_end =
		    (uint64_t)scan->fields_at + limits->field_bytes + 2;
		if (fields_end < end) {
			end = fields_end;
			run->cut = HTTP_REFUSE_FIELDS_TOO_LARGE;
		}
	}
	if (end > run->len) {
		end = run->len;
		run->cut = HTTP_REFUSE_NOTHING;
	}
	run->end = run->data + end;
}

static bool
step_begin(struct run *run)
{
	if (run->side == HTTP_SIDE_ANSWER)
		return enter(run, PHASE_VERSION);
	/* RFC 9112, 2.2: an empty line before a request is forgiven, once. */
	if (*run->at == '\r') {
		run->at++;
		return enter(run, PHASE_EMPTY_LF);
	}
	return enter(run, PHASE_METHOD);
}

static bool
step_empty_lf(struct run *run)
{
	if (!expect(run, '\n', PHASE_METHOD))
		return false;
	run->scan->start = run->scan->mark = (uint32_t)(run->at - run->data);
	set_end(run);
	return true;
}

static bool
step_method(struct run *run)
{
	const char *method = run->data + run->scan->mark;

	run->at = span_token(run->at, run->end);
	if (run->at - method > METHOD_MAX)
		return refuse(run, HTTP_REFUSE_BAD_METHOD);
	if (run->at == run->end)
		return true;
	if (run->at == method)
		return refuse(run, HTTP_REFUSE_BAD_HEAD);
	if (!expect(run, ' ', PHASE_TARGET))
		return false;
	run->scan->mark = (uint32_t)(run->at - run->data);
	return true;
}

static bool
step_target(struct run *run)
{
	const char *target = run->data + run->scan->mark, *end = run->end;

	if ((size_t)(end - target) > (size_t)run->limits->target_bytes + 1)
		end = target + run->limits->target_bytes + 1;
	run->at = span_visible(run->at, end);
	if ((size_t)(run->at - target) > run->limits->target_bytes)
		return refuse(run, HTTP_REFUSE_TARGET_TOO_LONG);
	if (run->at == run->end) {
		if (run->cut != HTTP_REFUSE_NOTHING)
			run->cut = HTTP_REFUSE_TARGET_TOO_LONG;
		return true;
	}
	if (run->at == target)
		return refuse(run, HTTP_REFUSE_BAD_HEAD);
	if (!expect(run, ' ', PHASE_VERSION))
		return false;
	run->scan->mark = (uint32_t)(run->at - run->data);
	return true;
}

/* Digits stand for themselves and every other digit. */
static bool
fits(char byte, char pattern)
{
	if (pattern == '0')
		return byte >= '0' && byte <= '9';
	return byte == pattern;
}

/*
 * HTTP/1.0 or HTTP/1.1, to the letter (RFC 9112, 2.3). Other versions are
 * told from garbage only when all of it is there.
 */
static bool
step_version(struct run *run)
{
	static const char pattern[] = "HTTP/0.0";
	const char *version = run->data + run->scan->mark;

	while (run->at < run->end && run->at - version < 8) {
		if (!fits(*run->at, pattern[run->at - version]))
			return refuse(run, HTTP_REFUSE_BAD_HEAD);
		run->at++;
	}
	if (run->at == run->end)
		return true;
	if (run->side == HTTP_SIDE_REQUEST &&
	    !expect(run, '\r', PHASE_START_LF))
		return false;
	if (run->side == HTTP_SIDE_ANSWER && !expect(run, ' ', PHASE_STATUS))
		return false;
	if (version[5] != '1' || version[7] > '1')
		return refuse(run, HTTP_REFUSE_BAD_VERSION);
	run->scan->mark = (uint32_t)(run->at - run->data);
	return true;
}

/* Three digits, 100 to 599, then a blank and the reason, or the line's end. */
static bool
step_status(struct run *run)
{
	const char *status = run->data + run->scan->mark;

	while (run->at < run->end && run->at - status < 3) {
		if (!fits(*run->at, '0'))
			return refuse(run, HTTP_REFUSE_BAD_STATUS);
		run->at++;
	}
	if (run->at == run->end)
		return true;
	if (*status < '1' || *status > '5')
		return refuse(run, HTTP_REFUSE_BAD_STATUS);
	if (*run->at == '\r')
		return enter(run, PHASE_REASON);
	return expect(run, ' ', PHASE_REASON);
}

static bool
step_text(struct run *run, enum phase next)
{
	run->at = span_text(run->at, run->end);
	if (run->at == run->end)
		return true;
	return expect(run, '\r', next);
}

static bool
step_start_lf(struct run *run)
{
	if (!expect(run, '\n', PHASE_LINE))
		return false;
	run->scan->fields_at = (uint32_t)(run->at - run->data);
	set_end(run);
	return true;
}

static bool
step_line(struct run *run)
{
	if (*run->at == '\r') {
		run->at++;
		return enter(run, PHASE_END_LF);
	}
	if (run->scan->fields >= run->limits->fields)
		return refuse(run, HTTP_REFUSE_TOO_MANY_FIELDS);
	run->scan->fields++;
	run->scan->mark = (uint32_t)(run->at - run->data);
	return enter(run, PHASE_NAME);
}

/* A folded line begins with a blank: its name is no token. */
static bool
step_name(struct run *run)
{
	run->at = span_token(run->at, run->end);
	if (run->at == run->end)
		return true;
	if (run->at == run->data + run->scan->mark)
		return refuse(run, HTTP_REFUSE_BAD_HEAD);
	return expect(run, ':', PHASE_VALUE);
}

/* Go on from run->at, which is before run->end. False: refused. */
static bool
step(struct run *run)
{
	switch ((enum phase)run->scan->phase) {
	case PHASE_BEGIN:
		return step_begin(run);
	case PHASE_EMPTY_LF:
		return step_empty_lf(run);
	case PHASE_METHOD:
		return step_method(run);
	case PHASE_TARGET:
		return step_target(run);
	case PHASE_VERSION:
		return step_version(run);
	case PHASE_STATUS:
		return step_status(run);
	case PHASE_REASON:
		return step_text(run, PHASE_START_LF);
	case PHASE_START_LF:
		return step_start_lf(run);
	case PHASE_LINE:
		return step_line(run);
	case PHASE_NAME:
		return step_name(run);
	case PHASE_VALUE:
		return step_text(run, PHASE_VALUE_LF);
	case PHASE_VALUE_LF:
		return expect(run, '\n', PHASE_LINE);
	case PHASE_END_LF:
		return expect(run, '\n', PHASE_DONE);
	case PHASE_DONE:
		break;
	}
	return true;
}

/*
 * Look at the first len bytes of data, of which a former call with the same
 * scan has seen the first scan->at; the bytes may have moved meanwhile. scan
 * is all zeros for a new head; the limits stay the same for one head.
 *
 * 1: a head stands from data + scan->start to data + scan->at.
 * 0: so far so good, more bytes are wanted.
 * -1: refused, why_r says for what; the connection has no future.
 */
int
http_scan(struct http_scan *scan, enum http_side side, const char *data,
    size_t len, const struct http_limits *limits, enum http_refusal *why_r)
{
	struct run run = {
		.scan = scan,
		.limits = limits,
		.side = side,
		.data = data,
		.at = data + scan->at,
		.len = len,
	};

	set_end(&run);
	while (scan->phase != PHASE_DONE && run.at < run.end)
		if (!step(&run)) {
			*why_r = run.why;
			return -1;
		}
	scan->at = (uint32_t)(run.at - data);
	if (scan->phase == PHASE_DONE)
		return 1;
	if (run.cut != HTTP_REFUSE_NOTHING) {
		*why_r = run.cut;
		return -1;
	}
	return 0;
}
