/*
 * lambda/media.c - which bodies are text, and which are bytes
 *
 * REST APIs go by binaryMediaTypes (contract, 2.8, 4.1, 4.2), HTTP APIs by a
 * fixed list of types that are text (contract, 4.4).
 */

#include "lambda/media.h"

/* Nothing for a value that has no type, like ";q=1". */
struct slice
media_first(struct slice value)
{
	value = slice_until(&value, ',');
	value = slice_until(&value, ';');
	return slice_trim(value);
}

static bool
type_fits(struct slice pattern, struct slice media)
{
	if (slice_eq(pattern, SLICE("*/*")))
		return true;
	/* "*" before a subtype stands for nothing [contract, 2.8]. */
	if (media.len == 0 || slice_starts(pattern, SLICE("*/")))
		return false;
	if (slice_ends(pattern, SLICE("/*"))) {
		pattern.len--;
		return media.len > pattern.len && slice_eq_nocase(pattern,
		    slice_of(media.at, pattern.len));
	}
	return slice_eq_nocase(pattern, media);
}

/* Is the first media type of the value one of the binary types? */
bool
media_is_binary(struct slice value, const struct slice *types, unsigned ntypes)
{
	struct slice media = media_first(value);
	unsigned i;

	for (i = 0; i < ntypes; i++)
		if (type_fits(types[i], media))
			return true;
	return false;
}

/* Is a body of this Content-Type text for a function of an HTTP API? */
bool
media_is_text(struct slice value)
{
	static const struct slice whole[] = {
		{ "application/json", 16 }, { "application/javascript", 22 },
		{ "application/xml", 15 },
	};
	struct slice media = media_first(value), head, tail;
	size_t i;

	for (i = 0; i < sizeof whole / sizeof *whole; i++)
		if (slice_eq_nocase(media, whole[i]))
			return true;
	head = slice_of(media.at, media.len < 5 ? media.len : 5);
	if (slice_eq_nocase(head, SLICE("text/")))
		return true;
	head = slice_of(media.at, media.len < 12 ? media.len : 12);
	if (!slice_eq_nocase(head, SLICE("application/")))
		return false;
	tail = slice_of(media.at + media.len - 5, 5);
	if (slice_eq_nocase(tail, SLICE("+json")))
		return true;
	tail = slice_of(media.at + media.len - 4, 4);
	return slice_eq_nocase(tail, SLICE("+xml"));
}
