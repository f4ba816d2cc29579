/*
 * gateway/errors.c - gateway responses: what the gateway answers by itself
 *
 * One row per response with its status, message and type for REST APIs
 * (contract, 2.9) and for HTTP APIs. Engine errors of REST APIs have a blank
 * after the colon, front-end errors have none; that is part of the contract.
 */

#include "gateway/exchange.h"

struct row {
	uint16_t rest_status;
	uint16_t http_status;
	const char *response_type;	/* $context.error.responseType */
	const char *rest_type;		/* x-amzn-ErrorType */
	const char *rest_body;
	const char *http_body;
};

#define FRONT(text) "{\"message\":\"" text "\"}"
#define ENGINE(text) "{\"message\": \"" text "\"}"

static const struct row rows[RESPONSES] = {
	[RESPONSE_BAD_REQUEST] = { 400, 400, "DEFAULT_4XX",
	    "BadRequestException", FRONT("Bad Request"),
	    FRONT("Bad Request") },
	[RESPONSE_FORBIDDEN] = { 403, 404, "DEFAULT_4XX",
	    "ForbiddenException", FRONT("Forbidden"), FRONT("Not Found") },
	[RESPONSE_MISSING_AUTHENTICATION_TOKEN] = { 403, 404,
	    "MISSING_AUTHENTICATION_TOKEN",
	    "MissingAuthenticationTokenException",
	    FRONT("Missing Authentication Token"), FRONT("Not Found") },
	[RESPONSE_REQUEST_TIMEOUT] = { 408, 408, "DEFAULT_4XX",
	    "RequestTimeoutException", FRONT("Request Timeout"),
	    FRONT("Request Timeout") },
	[RESPONSE_REQUEST_TOO_LARGE] = { 413, 413, "REQUEST_TOO_LARGE",
	    "RequestTooLargeException", FRONT("Request Too Long"),
	    FRONT("Request Entity Too Large") },
	[RESPONSE_URI_TOO_LONG] = { 414, 414, "DEFAULT_4XX",
	    "RequestUriTooLongException", FRONT("Request URI too long"),
	    FRONT("Request URI too long") },
	[RESPONSE_EXPECTATION_FAILED] = { 417, 417, "DEFAULT_4XX",
	    "ExpectationFailedException", FRONT("Expectation Failed"),
	    FRONT("Expectation Failed") },
	[RESPONSE_HEADERS_TOO_LARGE] = { 431, 431, "DEFAULT_4XX",
	    "RequestHeaderFieldsTooLargeException",
	    FRONT("Request Header Fields Too Large"),
	    FRONT("Request Header Fields Too Large") },
	[RESPONSE_API_CONFIGURATION_ERROR] = { 500, 500,
	    "API_CONFIGURATION_ERROR", "InternalServerErrorException",
	    ENGINE("Internal server error"),
	    FRONT("Internal Server Error") },
	[RESPONSE_METHOD_UNKNOWN] = { 501, 501, "DEFAULT_5XX",
	    "NotImplementedException", FRONT("Not Implemented"),
	    FRONT("Not Implemented") },
	[RESPONSE_BAD_INTEGRATION_ANSWER] = { 502, 502, "DEFAULT_5XX",
	    "InternalServerErrorException", ENGINE("Internal server error"),
	    FRONT("Bad Gateway") },
	[RESPONSE_INTEGRATION_FAILURE] = { 504, 503, "INTEGRATION_FAILURE",
	    "InternalServerErrorException",
	    ENGINE("Network error communicating with endpoint"),
	    FRONT("Service Unavailable") },
	[RESPONSE_INTEGRATION_TIMEOUT] = { 504, 503, "INTEGRATION_TIMEOUT",
	    "InternalServerErrorException",
	    ENGINE("Endpoint request timed out"),
	    FRONT("Service Unavailable") },
	[RESPONSE_FUNCTION_FAILED] = { 502, 500, "DEFAULT_5XX",
	    "InternalServerErrorException", ENGINE("Internal server error"),
	    FRONT("Internal Server Error") },
	[RESPONSE_FUNCTION_REFUSED] = { 500, 500, "API_CONFIGURATION_ERROR",
	    "InternalServerErrorException", ENGINE("Internal server error"),
	    FRONT("Internal Server Error") },
	[RESPONSE_VERSION] = { 505, 505, "DEFAULT_5XX",
	    "HttpVersionNotSupportedException",
	    FRONT("HTTP Version Not Supported"),
	    FRONT("HTTP Version Not Supported") },
};

static const struct row *
row_of(const struct exchange *x)
{
	return &rows[x->error];
}

/* The status of x->error for the kind of API. */
unsigned
errors_status(const struct exchange *x)
{
	/* A backend that cannot be had at all is the engine's error for REST
	   (contract, 2.5); for HTTP APIs the service is unavailable. */
	if (x->error == RESPONSE_API_CONFIGURATION_ERROR &&
	    x->integrated != 0 && x->kind == kind_http())
		return 503;
	return x->kind == kind_rest() ? row_of(x)->rest_status :
	    row_of(x)->http_status;
}

/* Its JSON body, byte for byte. */
struct slice
errors_body(const struct exchange *x)
{
	if (x->kind == kind_rest())
		return slice_text(row_of(x)->rest_body);
	if (errors_status(x) == 503)
		return SLICE(FRONT("Service Unavailable"));
	return slice_text(row_of(x)->http_body);
}

/* Value of x-amzn-ErrorType. */
struct slice
errors_type(const struct exchange *x)
{
	return slice_text(row_of(x)->rest_type);
}

/* The message without its JSON. */
struct slice
errors_message(const struct exchange *x)
{
	struct slice text = errors_body(x);

	if (x->error == RESPONSE_NONE)
		return SLICE_NONE;
	(void)slice_until(&text, ':');
	(void)slice_until(&text, '"');
	return slice_until(&text, '"');
}

/* $context.error.responseType, or NULL. */
const char *
errors_response_type(const struct exchange *x)
{
	return row_of(x)->response_type;
}

/* The response for a head that was refused with this status. */
enum gateway_response
errors_of_status(unsigned status)
{
	switch (status) {
	case 408:
		return RESPONSE_REQUEST_TIMEOUT;
	case 413:
		return RESPONSE_REQUEST_TOO_LARGE;
	case 414:
		return RESPONSE_URI_TOO_LONG;
	case 417:
		return RESPONSE_EXPECTATION_FAILED;
	case 431:
		return RESPONSE_HEADERS_TOO_LARGE;
	case 501:
		return RESPONSE_METHOD_UNKNOWN;
	case 505:
		return RESPONSE_VERSION;
	default:
		return RESPONSE_BAD_REQUEST;
	}
}

/* The response for a backend that failed (contract, 2.5). */
enum gateway_response
errors_of_failure(enum upstream_failure why)
{
	switch (why) {
	case UPSTREAM_NO_SERVER:
	case UPSTREAM_NO_ADDRESS:
	case UPSTREAM_REFUSED:
		return RESPONSE_API_CONFIGURATION_ERROR;
	case UPSTREAM_TIMEOUT:
	case UPSTREAM_BODY_TIMEOUT:
		return RESPONSE_INTEGRATION_TIMEOUT;
	case UPSTREAM_BAD_ANSWER:
		return RESPONSE_BAD_INTEGRATION_ANSWER;
	default:
		return RESPONSE_INTEGRATION_FAILURE;
	}
}
