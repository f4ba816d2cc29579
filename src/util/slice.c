/*
 * util/slice.c - comparing and cutting borrowed bytes
 *
 * Nothing here allocates or writes to what it is given. "Nocase" means ASCII
 * letters only, as HTTP's field names and tokens want it (RFC 9110, 5.1).
 */

#include "util/slice.h"

bool
slice_eq_nocase(struct slice a, struct slice b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (ascii_lower(a.at[i]) != ascii_lower(b.at[i]))
			return false;
	return true;
}

/* Order by bytes, then by length: <0, 0, >0. */
int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n > 0 ? memcmp(a.at, b.at, n) : 0;

	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

bool
slice_starts(struct slice text, struct slice prefix)
{
	return text.len >= prefix.len &&
	    slice_eq(slice_of(text.at, prefix.len), prefix);
}

bool
slice_ends(struct slice text, struct slice suffix)
{
	return text.len >= suffix.len && slice_eq(
	    slice_of(text.at + text.len - suffix.len, suffix.len), suffix);
}

/* Without blanks and tabs at either end (RFC 9110, 5.6.3: OWS). */
struct slice
slice_trim(struct slice text)
{
	while (text.len > 0 && (*text.at == ' ' || *text.at == '\t')) {
		text.at++;
		text.len--;
	}
	while (text.len > 0 && (text.at[text.len - 1] == ' ' ||
	    text.at[text.len - 1] == '\t'))
		text.len--;
	return text;
}

/*
 * Cut the part before the first mark off *rest, mark swallowed. Without a
 * mark the whole is returned and *rest is left with a NULL start.
 */
struct slice
slice_until(struct slice *rest, char mark)
{
	const char *end;
	struct slice part;

	end = rest->len > 0 ? memchr(rest->at, mark, rest->len) : NULL;
	if (end == NULL) {
		part = *rest;
		*rest = SLICE_NONE;
		return part;
	}
	part = slice_of(rest->at, (size_t)(end - rest->at));
	rest->at = end + 1;
	rest->len -= part.len + 1;
	return part;
}

/* Is token a member of the comma separated list? (RFC 9110, 5.6.1) */
bool
slice_list_has(struct slice list, struct slice token)
{
	while (list.at != NULL)
		if (slice_eq_nocase(slice_trim(slice_until(&list, ',')), token))
			return true;
	return false;
}

/* Digits only, no sign, no overflow. 0, or -1 when it is anything else. */
int
slice_to_u64(struct slice text, uint64_t *value_r)
{
	uint64_t value = 0;
	size_t i;

	if (text.len == 0 || text.len > 20)
		return -1;
	for (i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)(unsigned char)text.at[i] - '0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	*value_r = value;
	return 0;
}
