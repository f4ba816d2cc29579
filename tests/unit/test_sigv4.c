/*
 * tests/unit/test_sigv4.c - signatures, HMAC, and where keys come from
 *
 * The signatures are those of the published test suite for Signature Version
 * 4 and of the documentation of S3 and IAM; the two without a source were
 * worked out by another implementation.
 */

#include "auth/sigv4.h"

#include <sys/stat.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/credentials.h"
#include "util/digest.h"
#include "util/error.h"
#include "util/text.h"

#define WALL_2015 UINT64_C(1440938160000)	/* 2015-08-30 12:36:00 */
#define WALL_2013 UINT64_C(1369353600000)	/* 2013-05-24 00:00:00 */
#define EVERY "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"abcdefghijklmnopqrstuvwxyz"
#define HOST { "Host", "example.amazonaws.com" }

struct vector {
	const char *method, *path, *query;
	const char *fields[4][2];
	const char *payload;
	const char *names, *signature;
};

static const struct vector suite_vectors[] = {
	{ "GET", "/", "", { HOST }, "", "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	},
	{ "GET", "/", "Param2=value2&Param1=value1", { HOST }, "",
	    "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
	},
	{ "GET", "/", "Param1=value1", { HOST }, "", "host;x-amz-date",
	    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"
	},
	{ "GET", "/", "Param1=value2&Param1=Value1", { HOST }, "",
	    "host;x-amz-date",
	    "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"
	},
	{ "GET", "/", EVERY "=" EVERY, { HOST }, "", "host;x-amz-date",
	    "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"
	},
	{ "GET", "/", "\xe1\x88\xb4=bar", { HOST }, "", "host;x-amz-date",
	    "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"
	},
	{ "GET", "/", "%e1%88%b4=bar", { HOST }, "", "host;x-amz-date",
	    "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"
	},
	{ "POST", "/", "", { HOST }, "", "host;x-amz-date",
	    "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
	},
	{ "GET", "/", "",
	    { HOST, { "My-Header1", " value1" },
	    { "My-Header2", " \"a   b   c\"" } }, "",
	    "host;my-header1;my-header2;x-amz-date",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"
	},
	{ "GET", "/", "",
	    { HOST, { "My-Header1", "value2" }, { "My-Header1", "value2" },
	    { "My-Header1", "value1" } }, "",
	    "host;my-header1;x-amz-date",
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"
	},
	{ "POST", "/", "", { { "My-Header1", "value1" }, HOST }, "",
	    "host;my-header1;x-amz-date",
	    "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"
	},
	{ "GET", "/\xe1\x88\xb4", "", { HOST }, "", "host;x-amz-date",
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"
	},
	{ "GET", "/example space/", "", { HOST }, "", "host;x-amz-date",
	    "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"
	},
	{ "GET", "/" EVERY, "", { HOST }, "", "host;x-amz-date",
	    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"
	},
	{ "GET", "//example//", "", { HOST }, "", "host;x-amz-date",
	    "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"
	},
	{ "GET", "/./example", "", { HOST }, "", "host;x-amz-date",
	    "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"
	},
	{ "GET", "/example/..", "", { HOST }, "", "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	},
	{ "GET", "/example1/example2/../..", "", { HOST }, "",
	    "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
	},
	{ "POST", "/", "",
	    { { "Content-Type", "application/x-www-form-urlencoded" }, HOST },
	    "Param1=value1", "content-type;host;x-amz-date",
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
	},
	{ "POST", "/", "",
	    { { "Content-Type",
	    "application/x-www-form-urlencoded; charset=utf8" }, HOST },
	    "Param1=value1", "content-type;host;x-amz-date",
	    "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"
	},
};

static const struct credentials suite_keys = {
	.key = "AKIDEXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};

static void
assert_lines(const struct vector *v, struct sigv4_request *request,
    const struct credentials *keys, const char *before, const char *scope)
{
	struct sigv4_field fields[4];
	struct buf have, want;

	for (request->nfields = 0; request->nfields < 4 &&
	    v->fields[request->nfields][0] != NULL; request->nfields++) {
		fields[request->nfields].name =
		    slice_text(v->fields[request->nfields][0]);
		fields[request->nfields].value =
		    slice_text(v->fields[request->nfields][1]);
	}
	request->fields = fields;
	request->method = slice_text(v->method);
	request->path = slice_text(v->path);
	request->query = slice_text(v->query);
	request->payload = slice_text(v->payload);
	request->region = SLICE("us-east-1");
	buf_open(&have);
	buf_open(&want);
	sigv4_sign(request, keys, &have);
	buf_printf(&want, "%sAuthorization: AWS4-HMAC-SHA256 "
	    "Credential=%s/%s, SignedHeaders=%s, Signature=%s\r\n",
	    before, keys->key, scope, v->names, v->signature);
	ck_assert_msg(slice_eq(buf_slice(&have), buf_slice(&want)),
	    "%s %s?%s\nhave:\n%.*swant:\n%.*s", v->method, v->path, v->query,
	    (int)have.len, have.at, (int)want.len, want.at);
	buf_close(&want);
	buf_close(&have);
}

START_TEST(published)
{
	struct sigv4_request request = { .service = SLICE("service"),
		.wall_ms = WALL_2015 };

	assert_lines(&suite_vectors[_i], &request, &suite_keys,
	    "X-Amz-Date: 20150830T123600Z\r\n",
	    "20150830/us-east-1/service/aws4_request");
}
END_TEST

START_TEST(iam)
{
	static const struct vector v = { "GET", "/",
		"Action=ListUsers&Version=2010-05-08",
		{ { "Content-Type",
		"application/x-www-form-urlencoded; charset=utf-8" },
		{ "Host", "iam.amazonaws.com" } }, "",
		"content-type;host;x-amz-date",
		"5d672d79c15b13162d9279b0855cfba6"
		"789a8edb4c82c400e06b5924a6f2b5d7" };
	struct sigv4_request request = { .service = SLICE("iam"),
		.wall_ms = WALL_2015 };

	assert_lines(&v, &request, &suite_keys,
	    "X-Amz-Date: 20150830T123600Z\r\n",
	    "20150830/us-east-1/iam/aws4_request");
}
END_TEST

/* A path that is encoded already is encoded once more. */
START_TEST(lambda)
{
	static const struct vector v = { "POST",
		"/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1"
		"%3A123456789012%3Afunction%3Aorders/invocations",
		"Qualifier=live", { HOST }, "{}", "host;x-amz-date",
		"9952ab8667838032fb895363844750fb"
		"ca8b9fd4498a0d835d825ee24c27ab59" };
	struct sigv4_request request = { .service = SLICE("lambda"),
		.wall_ms = WALL_2015 };

	assert_lines(&v, &request, &suite_keys,
	    "X-Amz-Date: 20150830T123600Z\r\n",
	    "20150830/us-east-1/lambda/aws4_request");
}
END_TEST

START_TEST(session_token)
{
	static const struct vector v = { "POST",
		"/2015-03-31/functions/f/invocations", "", { HOST },
		"{\"a\":1}", "host;x-amz-date;x-amz-security-token",
		"a9895c2484494e9f0c4f609695b9503d"
		"b217f4ab60dffeb9b13a9356b39f3bf4" };
	struct sigv4_request request = { .service = SLICE("lambda"),
		.wall_ms = WALL_2015 };
	struct credentials keys = suite_keys;

	strcpy(keys.token, "TOKEN+/=");
	assert_lines(&v, &request, &keys, "X-Amz-Date: 20150830T123600Z\r\n"
	    "X-Amz-Security-Token: TOKEN+/=\r\n",
	    "20150830/us-east-1/lambda/aws4_request");
}
END_TEST

START_TEST(s3)
{
	static const struct vector v = { "GET", "/test.txt", "",
		{ { "Host", "examplebucket.s3.amazonaws.com" },
		{ "Range", "bytes=0-9" } }, "",
		"host;range;x-amz-content-sha256;x-amz-date",
		"f0e8bdb87c964420e857bd35b5d6ed31"
		"0bd44f0170aba48dd91039c6036bdb41" };
	static const struct credentials keys = {
		.key = "AKIAIOSFODNN7EXAMPLE",
		.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	};
	struct sigv4_request request = { .service = SLICE("s3"),
		.wall_ms = WALL_2013, .s3 = true };

	assert_lines(&v, &request, &keys, "X-Amz-Date: 20130524T000000Z\r\n"
	    "X-Amz-Content-Sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e"
	    "4649b934ca495991b7852b855\r\n",
	    "20130524/us-east-1/s3/aws4_request");
}
END_TEST

/* RFC 4231, 4.2 and 4.3. */
START_TEST(hmac)
{
	static const struct {
		const char *key, *data, *mac;
	} rows[] = {
		{ "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b"
		  "\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
		  "b0344c61d8db38535ca8afceaf0bf12b"
		  "881dc200c9833da726e9376c2e32cff7" },
		{ "Jefe", "what do ya want for nothing?",
		  "5bdcc146bf60754e6a042426089575c7"
		  "5a003f089d2739839dec58b964ec3843" },
	};
	unsigned char mac[DIGEST_SIZE];
	char hex[2 * DIGEST_SIZE + 1] = "";
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		digest_hmac_sha256(rows[i].key, strlen(rows[i].key),
		    rows[i].data, strlen(rows[i].data), mac);
		text_hex(hex, mac, sizeof mac);
		ck_assert_str_eq(hex, rows[i].mac);
	}
	ck_assert(digest_equal("abc", "abc", 3));
	ck_assert(!digest_equal("abc", "abd", 3));
	ck_assert(digest_equal("a", "b", 0));
}
END_TEST

static char path[64];

static void
file_open(void)
{
	int fd;

	strcpy(path, "/tmp/test_sigv4.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	unlink(path);
}

/* A new file each time: another inode, as tools that rotate keys do it. */
static void
file_write(const char *text)
{
	char temporary[80];
	FILE *file;

	snprintf(temporary, sizeof temporary, "%s.new", path);
	file = fopen(temporary, "w");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(rename(temporary, path), 0);
}

START_TEST(file_forms)
{
	static const struct {
		const char *text, *profile, *key, *secret, *token;
	} rows[] = {
		{ "[default]\naws_access_key_id = A\n"
		  "aws_secret_access_key = B\n", NULL, "A", "B", "" },
		{ "# note\r\n; note\r\n\r\n[other]\r\naws_access_key_id=X\r\n"
		  "[ default ]\r\n  AWS_ACCESS_KEY_ID=A\r\n"
		  "aws_secret_access_key = B/+= \r\nregion = x y\r\n"
		  "aws_session_token\t=\tT==\r\n[more]\r\n"
		  "aws_access_key_id = Y\r\n", NULL, "A", "B/+=", "T==" },
		{ "[default]\naws_access_key_id=A\naws_secret_access_key=B\n"
		  "[profile p]\naws_access_key_id=C\n"
		  "aws_secret_access_key=D", "p", "C", "D", "" },
		{ "", NULL, NULL, "no access key id", NULL },
		{ "[default]\naws_access_key_id=A\n", NULL, NULL,
		  "no secret access key", NULL },
		{ "[default]\naws_access_key_id=A\naws_secret_access_key=B\n",
		  "p", NULL, "no access key id", NULL },
		{ "[default]\naws_access_key_id=A\naws_secret_access_key=B\n"
		  "aws_session_token=T\rX: y", NULL, NULL, "a character",
		  NULL },
	};
	const struct credentials *keys;
	struct credentials_source *source;
	struct error err;
	size_t i;

	for (i = 0; i < sizeof rows / sizeof *rows; i++) {
		file_open();
		file_write(rows[i].text);
		source = credentials_open(path, rows[i].profile);
		if (rows[i].key != NULL) {
			ck_assert_int_eq(
			    credentials_get(source, 0, &keys, &err), 0);
			ck_assert_str_eq(keys->key, rows[i].key);
			ck_assert_str_eq(keys->secret, rows[i].secret);
			ck_assert_str_eq(keys->token, rows[i].token);
		} else {
			ck_assert_int_eq(
			    credentials_get(source, 0, &keys, &err), -1);
			ck_assert_ptr_nonnull(
			    strstr(err.text, rows[i].secret));
		}
		credentials_close(&source);
		ck_assert_ptr_null(source);
		unlink(path);
	}
}
END_TEST

START_TEST(file_rotated)
{
	const struct credentials *keys;
	struct credentials_source *source;
	struct error err;

	file_open();
	source = credentials_open(path, NULL);
	ck_assert_int_eq(credentials_get(source, 0, &keys, &err), -1);
	file_write("[default]\naws_access_key_id=A\n"
	    "aws_secret_access_key=B\naws_session_token=T\n");
	/* Not looked at again within the same second. */
	ck_assert_int_eq(credentials_get(source, 999, &keys, &err), -1);
	ck_assert_int_eq(credentials_get(source, 1000, &keys, &err), 0);
	ck_assert_str_eq(keys->key, "A");
	file_write("[default]\naws_access_key_id=C\n"
	    "aws_secret_access_key=D\n");
	ck_assert_int_eq(credentials_get(source, 1999, &keys, &err), 0);
	ck_assert_str_eq(keys->key, "A");
	ck_assert_int_eq(credentials_get(source, 2000, &keys, &err), 0);
	ck_assert_str_eq(keys->key, "C");
	ck_assert_str_eq(keys->token, "");
	/* A broken file is said once, and the old keys serve on. */
	file_write("nothing of use");
	ck_assert_int_eq(credentials_get(source, 3000, &keys, &err), 1);
	ck_assert_str_eq(keys->secret, "D");
	ck_assert_int_eq(credentials_get(source, 4000, &keys, &err), 0);
	unlink(path);
	ck_assert_int_eq(credentials_get(source, 5000, &keys, &err), 1);
	ck_assert_int_eq(credentials_get(source, 6000, &keys, &err), 0);
	ck_assert_str_eq(keys->secret, "D");
	credentials_close(&source);
}
END_TEST

START_TEST(environment)
{
	const struct credentials *keys;
	struct credentials_source *source;
	struct error err;

	unsetenv("AWS_ACCESS_KEY_ID");
	setenv("AWS_SECRET_ACCESS_KEY", "S", 1);
	setenv("AWS_SESSION_TOKEN", "T", 1);
	source = credentials_open("environment", NULL);
	ck_assert_int_eq(credentials_get(source, 0, &keys, &err), -1);
	ck_assert_str_eq(err.text,
	    "credentials in the environment: no access key id");
	credentials_close(&source);
	setenv("AWS_ACCESS_KEY_ID", "K", 1);
	source = credentials_open("environment", NULL);
	ck_assert_int_eq(credentials_get(source, 0, &keys, &err), 0);
	ck_assert_str_eq(keys->key, "K");
	ck_assert_str_eq(keys->secret, "S");
	ck_assert_str_eq(keys->token, "T");
	credentials_close(&source);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("auth");
	TCase *tests = tcase_create("auth");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_loop_test(tests, published, 0,
	    (int)(sizeof suite_vectors / sizeof *suite_vectors));
	tcase_add_test(tests, iam);
	tcase_add_test(tests, lambda);
	tcase_add_test(tests, session_token);
	tcase_add_test(tests, s3);
	tcase_add_test(tests, hmac);
	tcase_add_test(tests, file_forms);
	tcase_add_test(tests, file_rotated);
	tcase_add_test(tests, environment);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
