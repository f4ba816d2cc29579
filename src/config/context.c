/*
 * config/context.c - access-log formats: text with $context variables
 *
 * The names are those of Amazon API Gateway (contract, 3.4 and 9.4) and a few
 * of our own. Check and compile read formats through here, so that a name is
 * known to both or to neither. Nothing here knows a request.
 */

#include "config/context.h"

#include "table/image.h"

#define MARK	"$context."
#define HEADER	"request.header."

/* The formats that have a name of their own. */
static const struct {
	const char *name, *format;
} presets[] = {
	{ "combined",
	    "$context.identity.sourceIp - - [$context.requestTime] "
	    "\"$context.httpMethod $context.target $context.protocol\" "
	    "$context.status $context.responseLength "
	    "\"$context.request.header.Referer\" "
	    "\"$context.request.header.User-Agent\" $context.requestId" },
	{ "clf",
	    "$context.identity.sourceIp $context.identity.caller "
	    "$context.identity.user [$context.requestTime]"
	    "\"$context.httpMethod $context.resourcePath "
	    "$context.protocol\" $context.status $context.responseLength "
	    "$context.requestId $context.extendedRequestId" },
	{ "json",
	    "{ \"requestId\":\"$context.requestId\", "
	    "\"extendedRequestId\":\"$context.extendedRequestId\","
	    "\"ip\": \"$context.identity.sourceIp\", "
	    "\"caller\":\"$context.identity.caller\", "
	    "\"user\":\"$context.identity.user\", "
	    "\"requestTime\":\"$context.requestTime\", "
	    "\"httpMethod\":\"$context.httpMethod\","
	    "\"resourcePath\":\"$context.resourcePath\", "
	    "\"status\":\"$context.status\","
	    "\"protocol\":\"$context.protocol\", "
	    "\"responseLength\":\"$context.responseLength\" }" },
};

/* Variables with a value, then those that print "-" here. */
static const struct {
	const char *name;
	enum image_context value;
} variables[] = {
	{ "accountId", CONTEXT_ACCOUNT_ID },
	{ "apiId", CONTEXT_API_ID },
	{ "apiName", CONTEXT_API_NAME },
	{ "customDomain.basePathMatched", CONTEXT_CUSTOM_DOMAIN_BASE_PATH },
	{ "domainName", CONTEXT_DOMAIN_NAME },
	{ "domainPrefix", CONTEXT_DOMAIN_PREFIX },
	{ "error.message", CONTEXT_ERROR_MESSAGE },
	{ "error.messageString", CONTEXT_ERROR_MESSAGE_STRING },
	{ "error.reason", CONTEXT_ERROR_REASON },
	{ "error.responseType", CONTEXT_ERROR_RESPONSE_TYPE },
	{ "extendedRequestId", CONTEXT_EXTENDED_REQUEST_ID },
	{ "httpMethod", CONTEXT_HTTP_METHOD },
	{ "identity.sourceIp", CONTEXT_SOURCE_IP },
	{ "identity.userAgent", CONTEXT_USER_AGENT },
	{ "integration.error", CONTEXT_INTEGRATION_ERROR },
	{ "integration.integrationStatus", CONTEXT_INTEGRATION_STATUS },
	{ "integration.latency", CONTEXT_INTEGRATION_LATENCY },
	{ "integration.status", CONTEXT_INTEGRATION_STATUS },
	{ "integrationErrorMessage", CONTEXT_INTEGRATION_ERROR },
	{ "integrationLatency", CONTEXT_INTEGRATION_LATENCY },
	{ "integrationStatus", CONTEXT_INTEGRATION_STATUS },
	{ "path", CONTEXT_PATH },
	{ "protocol", CONTEXT_PROTOCOL },
	{ "requestId", CONTEXT_REQUEST_ID },
	{ "requestTime", CONTEXT_REQUEST_TIME },
	{ "requestTimeEpoch", CONTEXT_REQUEST_TIME_EPOCH },
	{ "resourceId", CONTEXT_RESOURCE_ID },
	{ "resourcePath", CONTEXT_RESOURCE_PATH },
	{ "responseLatency", CONTEXT_RESPONSE_LATENCY },
	{ "responseLength", CONTEXT_RESPONSE_LENGTH },
	{ "routeKey", CONTEXT_ROUTE_KEY },
	{ "stage", CONTEXT_STAGE },
	{ "status", CONTEXT_STATUS },
	{ "target", CONTEXT_TARGET },
	{ "upstream.address", CONTEXT_UPSTREAM_ADDRESS },
	{ "xrayTraceId", CONTEXT_XRAY_TRACE_ID },
	{ "awsEndpointRequestId", CONTEXT_UNKNOWN },
	{ "awsEndpointRequestId2", CONTEXT_UNKNOWN },
	{ "dataProcessed", CONTEXT_UNKNOWN },
	{ "deploymentId", CONTEXT_UNKNOWN },
	{ "endpointType", CONTEXT_UNKNOWN },
	{ "error.validationErrorString", CONTEXT_UNKNOWN },
	{ "identity.accessKey", CONTEXT_UNKNOWN },
	{ "identity.accountId", CONTEXT_UNKNOWN },
	{ "identity.apiKey", CONTEXT_UNKNOWN },
	{ "identity.apiKeyId", CONTEXT_UNKNOWN },
	{ "identity.caller", CONTEXT_UNKNOWN },
	{ "identity.clientCert.clientCertPem", CONTEXT_UNKNOWN },
	{ "identity.clientCert.issuerDN", CONTEXT_UNKNOWN },
	{ "identity.clientCert.serialNumber", CONTEXT_UNKNOWN },
	{ "identity.clientCert.subjectDN", CONTEXT_UNKNOWN },
	{ "identity.clientCert.validity.notAfter", CONTEXT_UNKNOWN },
	{ "identity.clientCert.validity.notBefore", CONTEXT_UNKNOWN },
	{ "identity.cognitoAuthenticationProvider", CONTEXT_UNKNOWN },
	{ "identity.cognitoAuthenticationType", CONTEXT_UNKNOWN },
	{ "identity.cognitoIdentityId", CONTEXT_UNKNOWN },
	{ "identity.cognitoIdentityPoolId", CONTEXT_UNKNOWN },
	{ "identity.principalOrgId", CONTEXT_UNKNOWN },
	{ "identity.user", CONTEXT_UNKNOWN },
	{ "identity.userArn", CONTEXT_UNKNOWN },
	{ "identity.vpcId", CONTEXT_UNKNOWN },
	{ "identity.vpceId", CONTEXT_UNKNOWN },
	{ "integration.requestId", CONTEXT_UNKNOWN },
	{ "isCanaryRequest", CONTEXT_UNKNOWN },
	{ "waf.error", CONTEXT_UNKNOWN },
	{ "waf.latency", CONTEXT_UNKNOWN },
	{ "waf.status", CONTEXT_UNKNOWN },
	{ "wafResponseCode", CONTEXT_UNKNOWN },
	{ "webaclArn", CONTEXT_UNKNOWN },
};

/* Whole families of names: what an authorizer says, and the like. */
static const char *const families[] = {
	"authenticate.", "authorize.", "authorizer.", "requestOverride.",
	"responseOverride.",
};

/*
 * The enum image_context of a variable's name without "$context.": UNKNOWN
 * for one of Amazon's that has no value here and prints "-", IMAGE_NONE for a
 * name that nobody knows.
 */
uint32_t
context_lookup(struct slice name)
{
	size_t i;

	if (slice_starts(name, SLICE(HEADER)) &&
	    name.len > sizeof(HEADER) - 1)
		return CONTEXT_REQUEST_HEADER;
	for (i = 0; i < sizeof variables / sizeof *variables; i++)
		if (slice_eq(name, slice_text(variables[i].name)))
			return variables[i].value;
	for (i = 0; i < sizeof families / sizeof *families; i++)
		if (slice_starts(name, slice_text(families[i])) &&
		    name.len > strlen(families[i]))
			return CONTEXT_UNKNOWN;
	return IMAGE_NONE;
}

static bool
name_char(char c, bool header)
{
	char lower = ascii_lower(c);

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	    c == '_' || (c == '.' && !header) || (c == '-' && header);
}

/* How much of text is a variable's name; a final dot is not. */
static size_t
name_length(struct slice text)
{
	bool header = slice_starts(text, SLICE(HEADER));
	size_t len = header ? sizeof(HEADER) - 1 : 0;

	while (len < text.len && name_char(text.at[len], header))
		len++;
	while (len > 0 && text.at[len - 1] == '.')
		len--;
	return len;
}

/*
 * Cut the next part off *rest. Returns false at the end. A lone "$" and other
 * words behind it are plain text.
 */
bool
context_next(struct slice *rest, struct context_part *part_r)
{
	const size_t mark = sizeof(MARK) - 1;
	size_t len;

	if (rest->len == 0)
		return false;
	*part_r = (struct context_part){ .value = IMAGE_NONE };
	if (slice_starts(*rest, SLICE(MARK))) {
		part_r->variable = true;
		part_r->name = slice_of(rest->at + mark, rest->len - mark);
		part_r->name.len = len = name_length(part_r->name);
		part_r->value = context_lookup(part_r->name);
		len += mark;
	} else {
		for (len = 1; len < rest->len && !slice_starts(slice_of(
		    rest->at + len, rest->len - len), SLICE(MARK)); len++)
			;
	}
	part_r->text = slice_of(rest->at, len);
	rest->at += len;
	rest->len -= len;
	return true;
}

/* The text of a preset; any other format is its own text. */
struct slice
context_format(struct slice format)
{
	size_t i;

	if (format.len == 0)
		return slice_text(presets[0].format);
	for (i = 0; i < sizeof presets / sizeof *presets; i++)
		if (slice_eq(format, slice_text(presets[i].name)))
			return slice_text(presets[i].format);
	return format;
}
