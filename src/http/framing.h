/* http/framing.h - whom a head is for, and how long its body is */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include "http/message.h"
#include "http/status.h"

int http_framing_request(struct http_head *head, enum http_refusal *why_r);
int http_framing_response(
    struct http_head *head, unsigned method, enum http_refusal *why_r);
bool http_host_valid(struct slice host);
struct slice http_host_name(struct slice host);

#endif
