/* config/grammar.h - what names, hosts, addresses and the like look like */
#ifndef CONFIG_GRAMMAR_H
#define CONFIG_GRAMMAR_H

#include "util/slice.h"

bool grammar_chars(struct slice text, const char *more);
bool grammar_token(struct slice text);
bool grammar_host_name(struct slice text);
bool grammar_port(struct slice text);
bool grammar_authority(struct slice text, bool port_needed);
const char *grammar_listen(struct slice address);
const char *grammar_server(struct slice address);
struct slice grammar_server_name(struct slice address);
const char *grammar_stage_host(struct slice host);
const char *grammar_base_path(struct slice path);
const char *grammar_origin(struct slice origin);

#endif
