/*
 * config_text.h - a configuration in a text, and what is said of it
 *
 * said holds one line for each finding, as `gatehouse -t` writes them, the
 * file being called "t".
 */
#ifndef CONFIG_TEXT_H
#define CONFIG_TEXT_H

#include <check.h>
#include <stdlib.h>

#include "config/config.h"

/* A listener, and an upstream that all rows use. */
#define BASE \
	"listeners=({name=\"a\";address=\"*:1\";});" \
	"upstreams=({name=\"cats\";servers=({address=\"h:1\";});});"

struct judged {
	struct spec *spec;
	struct spec_problems problems;
	struct buf said;	/* NUL-terminated */
};

static inline void
judged_say(struct judged *judged)
{
	buf_open(&judged->said);
	spec_problems_write(&judged->problems, false, &judged->said);
	buf_add(&judged->said, "", 1);
}

static inline void
judge_text(struct judged *judged, const char *text, size_t len)
{
	spec_problems_open(&judged->problems);
	judged->spec = config_parse_text("t", slice_of(text, len),
	    &judged->problems);
	config_check(judged->spec, &judged->problems);
	judged_say(judged);
}

static inline void
judge_file(struct judged *judged, const char *file)
{
	spec_problems_open(&judged->problems);
	judged->spec = config_parse(file, &judged->problems);
	config_check(judged->spec, &judged->problems);
	judged_say(judged);
}

static inline void
judged_close(struct judged *judged)
{
	buf_close(&judged->said);
	spec_close(&judged->spec);
	spec_problems_close(&judged->problems);
}

/* The text is judged with exactly these lines. */
static inline void
ck_said(const char *text, const char *said)
{
	struct judged judged;

	judge_text(&judged, text, strlen(text));
	ck_assert_msg(strcmp(judged.said.at, said) == 0,
	    "of\n%s\nis said\n%sand not\n%s", text, judged.said.at, said);
	judged_close(&judged);
}

/* Among what is said of the text is this line (without its end). */
static inline void
ck_says(const char *text, const char *line)
{
	struct judged judged;

	judge_text(&judged, text, strlen(text));
	ck_assert_msg(strstr(judged.said.at, line) != NULL,
	    "of\n%s\nis said\n%swithout\n%s", text, judged.said.at, line);
	judged_close(&judged);
}

#endif
