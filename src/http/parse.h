/* http/parse.h - a checked head into its parts; sole user of http-parser */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "http/message.h"
#include "http/status.h"

int http_parse_request(const char *data, size_t size, struct http_head *head,
    enum http_refusal *why_r);
int http_parse_response(const char *data, size_t size, struct http_head *head,
    enum http_refusal *why_r);
const char *http_verb_name(unsigned method);

#endif
