/*
 * config/units.c - times and sizes as texts, and the nearest of some names
 *
 * A time is digits and one of ms, s, m, h, d; a size is digits and K, M, G, T
 * (powers of 1024) or nothing. Writing gives the shortest exact form, so that
 * what is written reads back as the same number.
 */

#include "config/options.h"

#include <limits.h>

#include "util/buf.h"
#include "util/text.h"

struct unit {
	const char *name;
	long factor;
};

static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 }, { NULL, 0 },
};

static const struct unit sizes[] = {
	{ "T", 1L << 40 }, { "G", 1L << 30 }, { "M", 1L << 20 },
	{ "K", 1L << 10 }, { "", 1 }, { NULL, 0 },
};

static int
parse(struct slice text, const struct unit *units, long *value_r)
{
	struct slice digits = text;
	uint64_t number;

	digits.len = 0;
	while (digits.len < text.len && text.at[digits.len] >= '0' &&
	    text.at[digits.len] <= '9')
		digits.len++;
	text.at += digits.len;
	text.len -= digits.len;
	if (digits.len == 0)
		return -1;
	for (; units->name != NULL; units++) {
		if (!slice_eq(text, slice_text(units->name)))
			continue;
		if (slice_to_u64(digits, &number) < 0 ||
		    number > (uint64_t)(LONG_MAX / units->factor))
			return -2;
		*value_r = (long)number * units->factor;
		return 0;
	}
	return -1;
}

static void
unit_write(struct buf *out, const struct unit *units, long value)
{
	while (value % units->factor != 0 ||
	    (value == 0 && units->factor > 1000))
		units++;
	buf_printf(out, "%ld%s", value / units->factor, units->name);
}

int
unit_parse_duration(struct slice text, long *ms_r)
{
	return parse(text, durations, ms_r);
}

int
unit_parse_size(struct slice text, long *bytes_r)
{
	return parse(text, sizes, bytes_r);
}

void
unit_write_duration(struct buf *out, long ms)
{
	unit_write(out, durations, ms);
}

void
unit_write_size(struct buf *out, long bytes)
{
	unit_write(out, sizes, bytes);
}

/* wanted is borrowed until the last nearest_found. */
void
nearest_open(struct nearest *nearest, const char *wanted)
{
	nearest->wanted = wanted;
	nearest->best = SLICE_NONE;
	nearest->distance = UINT_MAX;
}

static void
lower_copy(char *to, struct slice text)
{
	size_t i;

	for (i = 0; i < text.len; i++)
		to[i] = ascii_lower(text.at[i]);
	to[i] = '\0';
}

/* Consider one name, whatever its case; it is borrowed as long as wanted. */
void
nearest_try(struct nearest *nearest, struct slice name)
{
	struct slice wanted = slice_text(nearest->wanted);
	char one[128], other[128];
	unsigned distance;

	if (name.len >= sizeof one || wanted.len >= sizeof other)
		return;
	lower_copy(one, name);
	lower_copy(other, wanted);
	distance = text_distance(other, one);
	if (distance < nearest->distance) {
		nearest->distance = distance;
		nearest->best = name;
	}
}

/* The nearest name if it is near enough to be meant; else .at is NULL. */
struct slice
nearest_found(const struct nearest *nearest)
{
	size_t len = strlen(nearest->wanted);
	unsigned most = len <= 3 ? 1 : len <= 6 ? 2 : 3;

	return nearest->distance <= most ? nearest->best : SLICE_NONE;
}
