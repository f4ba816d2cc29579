/*
 * gateway/ids.c - the ids of one request
 *
 * A request id (UUID, version 4), an extended request id (15 characters of
 * base64url and '='), and the trace id that goes to backends. They name
 * requests in logs; nothing rests on their being secret.
 */

#include "gateway/exchange.h"
#include "util/text.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "abcdefghijklmnopqrstuvwxyz0123456789-_";

/* Fill request_id and extended_id (contract, 1.5 and 5.1). */
void
ids_make(struct exchange *x)
{
	static const uint8_t dashes[] = { 8, 13, 18, 23 };
	struct loop *loop = &x->gateway->loop;
	uint64_t bits[2] = { loop_random(loop), loop_random(loop) };
	uint64_t more = loop_random(loop);
	char hex[32], *to = x->request_id;
	size_t i, from = 0;

	text_hex(hex, bits, sizeof bits);
	hex[12] = '4';
	hex[16] = "89ab"[bits[1] & 3];
	for (i = 0; i < sizeof dashes; i++) {
		size_t len = (size_t)(x->request_id + dashes[i] - to);

		memcpy(to, hex + from, len);
		from += len;
		to += len;
		*to++ = '-';
	}
	memcpy(to, hex + from, 12);
	x->request_id[REQUEST_ID_LEN] = '\0';
	for (i = 0; i < EXTENDED_ID_LEN - 1; i++) {
		if (i == 10)
			more = bits[0] ^ bits[1];
		x->extended_id[i] = alphabet[more >> (6 * (i % 10)) & 63];
	}
	x->extended_id[EXTENDED_ID_LEN - 1] = '=';
	x->extended_id[EXTENDED_ID_LEN] = '\0';
}

/* "1-" 8 hex digits of the time, "-" 24 random ones: a new trace root. */
void
ids_trace(struct exchange *x)
{
	struct loop *loop = &x->gateway->loop;
	uint32_t seconds = (uint32_t)(loop_wall(loop) / 1000);
	uint8_t time[4] = { (uint8_t)(seconds >> 24),
	    (uint8_t)(seconds >> 16), (uint8_t)(seconds >> 8),
	    (uint8_t)seconds };
	uint64_t bits[2] = { loop_random(loop), loop_random(loop) };

	memcpy(x->trace, "1-", 2);
	text_hex(x->trace + 2, time, 4);
	x->trace[10] = '-';
	text_hex(x->trace + 11, bits, 12);
	x->trace[35] = '\0';
}
