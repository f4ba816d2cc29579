/*
 * fuzz_config.c - the text of a configuration file
 *
 * Whatever the text: no crash, no leak. A text that is accepted can be
 * printed, and what is printed is accepted and prints as itself.
 */

#include <assert.h>
#include <stdint.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct spec *
read_text(struct slice text, struct spec_problems *problems)
{
	struct spec *spec;
	struct buf said;

	spec_problems_open(problems);
	spec = config_parse_text("fuzz", text, problems);
	config_check(spec, problems);
	buf_open(&said);
	config_verdict_write(spec, problems, true, &said);
	config_verdict_write(spec, problems, false, &said);
	buf_close(&said);
	return spec;
}

static void
check_print(const struct spec *spec)
{
	struct spec_problems problems;
	struct buf one, two;
	struct spec *again;

	buf_open(&one);
	buf_open(&two);
	config_print(spec, &one);
	again = read_text(buf_slice(&one), &problems);
	assert(problems.errors == 0);
	config_print(again, &two);
	assert(slice_eq(buf_slice(&one), buf_slice(&two)));
	buf_close(&one);
	buf_close(&two);
	spec_close(&again);
	spec_problems_close(&problems);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spec_problems problems;
	struct spec *spec;

	spec = read_text(slice_of((const char *)data, size), &problems);
	if (problems.errors == 0)
		check_print(spec);
	spec_close(&spec);
	spec_problems_close(&problems);
	return 0;
}
