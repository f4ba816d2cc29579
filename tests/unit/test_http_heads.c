/*
 * test_http_heads.c - heads of requests and answers, each with its verdict
 *
 * The corpus of what a gateway meets on the wire: every head is fed whole and
 * in pieces of 1, 2, 3 and 7 bytes, and the verdict must always be the same.
 */

#include "http_feed.h"

struct sample {
	const char *text;
	size_t len;
	int verdict;
};

#define OK		0
#define MORE		FEED_MORE
#define HEAD		HTTP_REFUSE_BAD_HEAD
#define VERSION		HTTP_REFUSE_BAD_VERSION
#define METHOD		HTTP_REFUSE_BAD_METHOD
#define TARGET		HTTP_REFUSE_BAD_TARGET
#define HOST		HTTP_REFUSE_BAD_HOST
#define FRAMING		HTTP_REFUSE_BAD_FRAMING
#define EXPECT		HTTP_REFUSE_BAD_EXPECT
#define STATUS		HTTP_REFUSE_BAD_STATUS
#define RAW(verdict, text)                     \
	{                                      \
		text, sizeof text - 1, verdict \
	}
/* One start line, Host, other fields; one request with one odd field. */
#define START(verdict, line) RAW(verdict, line "\r\nHost: a\r\n\r\n")
#define FIELD(verdict, lines) \
	RAW(verdict, "POST /p HTTP/1.1\r\nHost: a\r\n" lines "\r\n\r\n")
#define OLD(verdict, lines) \
	RAW(verdict, "POST /p HTTP/1.0\r\nHost: a\r\n" lines "\r\n\r\n")
#define HOSTS(verdict, lines) \
	RAW(verdict, "GET / HTTP/1.1\r\n" lines "\r\n\r\n")
#define ANSWER(verdict, lines) \
	RAW(verdict, "HTTP/1.1 200 OK\r\n" lines "\r\n\r\n")

static const struct sample requests[] = {
	/* Shape of the whole. */
	START(OK, "GET / HTTP/1.1"),
	START(OK, "\r\nGET / HTTP/1.1"),
	RAW(OK, "GET / HTTP/1.0\r\n\r\n"),
	RAW(OK, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n"),
	START(HEAD, "\r\n\r\nGET / HTTP/1.1"),
	START(HEAD, "\nGET / HTTP/1.1"),
	START(HEAD, "\rGET / HTTP/1.1"),
	START(HEAD, " GET / HTTP/1.1"),
	START(HEAD, "\tGET / HTTP/1.1"),
	START(HEAD, "\0GET / HTTP/1.1"),
	RAW(MORE, ""),
	RAW(MORE, "\r"),
	RAW(MORE, "\r\n"),
	RAW(MORE, "G"),
	RAW(MORE, "GET / HTTP/1.1\r\nHost: a\r\n"),
	RAW(MORE, "GET / HTTP/1.1\r\nHost: a\r\n\r"),
	RAW(HEAD, "\026\003\001\002\000\001\000\001\374\003\003"),
	RAW(HEAD, "\200\056\001\000\002"),
	RAW(HEAD, "\004\001\000\120"),
	RAW(HEAD, "{\"a\":1}"),
	RAW(HEAD, "<policy-file-request/>\0"),
	RAW(HEAD, "\377\373\001"),
	RAW(VERSION, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	RAW(MORE, "SSH-2.0-OpenSSH_9.2"),
	RAW(HEAD, "SSH-2.0-OpenSSH_9.2\r\n"),
	RAW(HEAD, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
	RAW(HEAD, "\r\n\r\n\0\r\nQUIT\n"),
	/* Method. */
	START(OK, "DELETE / HTTP/1.1"),
	START(OK, "HEAD / HTTP/1.1"),
	START(OK, "PUT / HTTP/1.1"),
	START(OK, "PATCH / HTTP/1.1"),
	START(OK, "OPTIONS / HTTP/1.1"),
	START(OK, "TRACE / HTTP/1.1"),
	START(OK, "PROPFIND / HTTP/1.1"),
	START(OK, "PROPPATCH / HTTP/1.1"),
	START(OK, "M-SEARCH / HTTP/1.1"),
	START(OK, "MKCALENDAR / HTTP/1.1"),
	START(OK, "UNSUBSCRIBE / HTTP/1.1"),
	START(OK, "SOURCE / HTTP/1.1"),
	START(METHOD, "CONNECT a:443 HTTP/1.1"),
	START(METHOD, "get / HTTP/1.1"),
	START(METHOD, "Get / HTTP/1.1"),
	START(METHOD, "GETX / HTTP/1.1"),
	START(METHOD, "GE / HTTP/1.1"),
	START(METHOD, "FOO / HTTP/1.1"),
	START(METHOD, "!#$%&'*+-.^_`|~ / HTTP/1.1"),
	START(METHOD, "MSEARCH / HTTP/1.1"),
	START(METHOD, "M_SEARCH / HTTP/1.1"),
	START(METHOD, "QUERY / HTTP/1.1"),
	START(METHOD, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1"),
	START(HEAD, "GE(T / HTTP/1.1"),
	START(HEAD, "G\"ET / HTTP/1.1"),
	START(HEAD, "GET\t/ HTTP/1.1"),
	START(HEAD, "GET\0/ HTTP/1.1"),
	START(HEAD, "GET\r\n / HTTP/1.1"),
	START(HEAD, "G\303\211T / HTTP/1.1"),
	/* Target. */
	START(OK, "GET /a?b=c&d=%20 HTTP/1.1"),
	START(OK, "GET //a//b HTTP/1.1"),
	START(OK, "GET /a;b=c HTTP/1.1"),
	START(OK, "GET /{a}|b^c`d HTTP/1.1"),
	START(OK, "GET /%zz HTTP/1.1"),
	START(OK, "GET http://a/ HTTP/1.1"),
	START(OK, "GET HTTP://A/x?y HTTP/1.1"),
	START(OK, "GET https://a HTTP/1.1"),
	START(OK, "GET http://a?q HTTP/1.1"),
	START(OK, "OPTIONS * HTTP/1.1"),
	START(HEAD, "GET  / HTTP/1.1"),
	START(HEAD, "GET /  HTTP/1.1"),
	START(HEAD, "GET /a b HTTP/1.1"),
	START(HEAD, "GET /a\tb HTTP/1.1"),
	START(HEAD, "GET /\tHTTP/1.1"),
	START(HEAD, "GET /a\0b HTTP/1.1"),
	START(HEAD, "GET /a\177 HTTP/1.1"),
	START(HEAD, "GET /a\rb HTTP/1.1"),
	START(HEAD, "GET /a\nb HTTP/1.1"),
	START(HEAD, "GET /a\vb HTTP/1.1"),
	START(HEAD, "GET /\303\251 HTTP/1.1"),
	START(HEAD, "GET /\200 HTTP/1.1"),
	START(HEAD, "GET"),
	START(HEAD, "GET "),
	START(HEAD, "GET /"),
	START(HEAD, "GET / "),
	START(HEAD, "GET HTTP/1.1"),
	START(HEAD, "GET  HTTP/1.1"),
	START(TARGET, "GET /a#b HTTP/1.1"),
	START(TARGET, "GET /a?b#c HTTP/1.1"),
	START(TARGET, "GET http://a#b HTTP/1.1"),
	START(TARGET, "GET http://a/b?#/ HTTP/1.1"),
	START(TARGET, "GET * HTTP/1.1"),
	START(TARGET, "GET a HTTP/1.1"),
	START(TARGET, "GET ?a HTTP/1.1"),
	START(TARGET, "GET a:80 HTTP/1.1"),
	START(TARGET, "GET *a HTTP/1.1"),
	START(TARGET, "OPTIONS ** HTTP/1.1"),
	START(TARGET, "GET ftp://a/ HTTP/1.1"),
	START(TARGET, "GET http:/a HTTP/1.1"),
	START(TARGET, "GET http:a HTTP/1.1"),
	START(TARGET, "GET http:///a HTTP/1.1"),
	START(TARGET, "GET http://u@a/ HTTP/1.1"),
	START(TARGET, "GET http://u:p@a/ HTTP/1.1"),
	START(TARGET, "GET http://a:b/ HTTP/1.1"),
	START(TARGET, "GET http://a:99999/ HTTP/1.1"),
	START(TARGET, "GET http://[::1/ HTTP/1.1"),
	START(HOST, "GET http://b/ HTTP/1.1"),
	START(HOST, "GET http://a:80/ HTTP/1.1"),
	START(HOST, "GET http://a./ HTTP/1.1"),
	/* Version. */
	START(VERSION, "GET / HTTP/1.2"),
	START(VERSION, "GET / HTTP/2.0"),
	START(VERSION, "GET / HTTP/0.9"),
	START(VERSION, "GET / HTTP/9.9"),
	START(HEAD, "GET / HTTP/1"),
	START(HEAD, "GET / HTTP/1."),
	START(HEAD, "GET / HTTP/.1"),
	START(HEAD, "GET / HTTP/11"),
	START(HEAD, "GET / HTTP/1.10"),
	START(HEAD, "GET / HTTP/1.01"),
	START(HEAD, "GET / HTTP/01.1"),
	START(HEAD, "GET / HTTP/1,1"),
	START(HEAD, "GET / HTTP/1.1 "),
	START(HEAD, "GET / HTTP/1.1\t"),
	START(HEAD, "GET / HTTP/1.1 x"),
	START(HEAD, "GET / http/1.1"),
	START(HEAD, "GET / HXYZ/1.1"),
	START(HEAD, "GET / HXYZ!1.1"),
	START(HEAD, "GET / HTTP!1.1"),
	START(HEAD, "GET / HTTP /1.1"),
	START(HEAD, "GET / ICE/1.0"),
	START(HEAD, "GET / RTSP/1.0"),
	START(HEAD, "GET / HTTPS/1.1"),
	START(HEAD, "GET / HTTP/a.b"),
	START(HEAD, "GET / HTTP/-1.1"),
	START(HEAD, "GET / HTTP/1.1\r"),
	/* Ends of lines. */
	RAW(HEAD, "GET / HTTP/1.1\nHost: a\r\n\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\rHost: a\r\n\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\n\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\n\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\r\n\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\r\n\rX"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\r\n\r\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\nHost: a\r\n\rGET / HTTP/1.1\r\n\r\n"),
	RAW(HEAD, "GET / HTTP/1.1\r\n\n"),
	/* Field lines. */
	FIELD(OK, "X: y"),
	FIELD(OK, "X:y"),
	FIELD(OK, "X:"),
	FIELD(OK, "X: "),
	FIELD(OK, "X: \t y \t"),
	FIELD(OK, "X: a\tb"),
	FIELD(OK, "X: \303\251\377"),
	FIELD(OK, "X: a:b: c"),
	FIELD(OK, "!#$%&'*+-.^_`|~1aZ: y"),
	FIELD(HEAD, "X : y"),
	FIELD(HEAD, "X\t: y"),
	FIELD(HEAD, "X"),
	FIELD(HEAD, "X y"),
	FIELD(HEAD, ": y"),
	FIELD(HEAD, " : y"),
	FIELD(HEAD, " X: y"),
	FIELD(HEAD, "\tX: y"),
	FIELD(HEAD, "X: y\r\n z"),
	FIELD(HEAD, "X: y\r\n\tz"),
	FIELD(HEAD, "X: y\r\n \r\nZ: z"),
	FIELD(HEAD, "X: a\0b"),
	FIELD(HEAD, "X\0: b"),
	FIELD(HEAD, "X: a\001"),
	FIELD(HEAD, "X: a\010b"),
	FIELD(HEAD, "X: a\013b"),
	FIELD(HEAD, "X: a\014b"),
	FIELD(HEAD, "X: a\033[0m"),
	FIELD(HEAD, "X: a\177b"),
	FIELD(HEAD, "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\177"),
	FIELD(HEAD, "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"),
	FIELD(HEAD, "X: aaaaaaaaaaaaaaaaaaaa\rbbbbbbbbbbbbbbbbbbbbbb"),
	FIELD(HEAD, "X(y): z"),
	FIELD(HEAD, "X/y: z"),
	FIELD(HEAD, "X@y: z"),
	FIELD(HEAD, "X[y]: z"),
	FIELD(HEAD, "X\"y: z"),
	FIELD(HEAD, "X,y: z"),
	FIELD(HEAD, "X\303\251: z"),
	FIELD(HEAD, "GET / HTTP/1.1"),
	/* Host. */
	HOSTS(HOST, "X: y"),
	HOSTS(HOST, "Host:"),
	HOSTS(HOST, "Host: "),
	HOSTS(HOST, "Host: a\r\nHost: a"),
	HOSTS(HOST, "Host: a\r\nhost: b"),
	HOSTS(HOST, "Host: a, b"),
	HOSTS(HOST, "Host: a b"),
	HOSTS(HOST, "Host: a/b"),
	HOSTS(HOST, "Host: a?b"),
	HOSTS(HOST, "Host: a#b"),
	HOSTS(HOST, "Host: a\\b"),
	HOSTS(HOST, "Host: u@a"),
	HOSTS(HOST, "Host: a:"),
	HOSTS(HOST, "Host: a:b"),
	HOSTS(HOST, "Host: a:-1"),
	HOSTS(HOST, "Host: a:65536"),
	HOSTS(HOST, "Host: a:000080"),
	HOSTS(HOST, "Host: a:80:80"),
	HOSTS(HOST, "Host: :80"),
	HOSTS(HOST, "Host: ."),
	HOSTS(HOST, "Host: .a"),
	HOSTS(HOST, "Host: a..b"),
	HOSTS(HOST, "Host: a%41"),
	HOSTS(HOST, "Host: a\tb"),
	HOSTS(HOST, "Host: \303\251"),
	HOSTS(HOST, "Host: [::1"),
	HOSTS(HOST, "Host: ::1"),
	HOSTS(HOST, "Host: [::1]x"),
	HOSTS(HOST, "Host: [::1]:x"),
	HOSTS(HOST, "Host: []"),
	HOSTS(HOST, "Host: [a]"),
	HOSTS(HOST, "Host: [127.0.0.1]"),
	HOSTS(HOST, "Host: [fe80::1%25eth0]"),
	HOSTS(HOST, "Host: http://a"),
	HOSTS(HOST, "X-Host: a"),
	HOSTS(HOST, "Host_: a"),
	HOSTS(HEAD, "Host : a"),
	HOSTS(OK, "Host: a"),
	HOSTS(OK, "Host:a"),
	HOSTS(OK, "hOsT: \t a \t"),
	HOSTS(OK, "Host: A.Example-1.com"),
	HOSTS(OK, "Host: a_b.c~d"),
	HOSTS(OK, "Host: a."),
	HOSTS(OK, "Host: a:0"),
	HOSTS(OK, "Host: a:65535"),
	HOSTS(OK, "Host: 127.0.0.1:80"),
	HOSTS(OK, "Host: [::1]"),
	HOSTS(OK, "Host: [2001:db8::1]:8443"),
	HOSTS(OK, "Host: [::ffff:127.0.0.1]"),
	RAW(HOST, "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"),
	RAW(HOST, "GET / HTTP/1.0\r\nHost:\r\n\r\n"),
	RAW(OK, "GET http://a/ HTTP/1.0\r\n\r\n"),
	/* Framing. */
	FIELD(OK, "Content-Length: 0"),
	FIELD(OK, "Content-Length: 5"),
	FIELD(OK, "content-length:5"),
	FIELD(OK, "Content-Length: \t5 "),
	FIELD(OK, "Content-Length: 000000000000000005"),
	FIELD(OK, "Content-Length: 999999999999999999"),
	FIELD(FRAMING, "Content-Length: 1000000000000000000"),
	FIELD(FRAMING, "Content-Length: 18446744073709551616"),
	FIELD(FRAMING, "Content-Length: 18446744073709551621"),
	FIELD(FRAMING, "Content-Length: 99999999999999999999999999999"),
	FIELD(FRAMING, "Content-Length: 0000000000000000005"),
	FIELD(FRAMING, "Content-Length:"),
	FIELD(FRAMING, "Content-Length: "),
	FIELD(FRAMING, "Content-Length: -1"),
	FIELD(FRAMING, "Content-Length: +5"),
	FIELD(FRAMING, "Content-Length: 5x"),
	FIELD(FRAMING, "Content-Length: x5"),
	FIELD(FRAMING, "Content-Length: 0x5"),
	FIELD(FRAMING, "Content-Length: 5 5"),
	FIELD(FRAMING, "Content-Length: 5\t5"),
	FIELD(FRAMING, "Content-Length: 5,5"),
	FIELD(FRAMING, "Content-Length: 5, 5"),
	FIELD(FRAMING, "Content-Length: 5,"),
	FIELD(FRAMING, "Content-Length: ,5"),
	FIELD(FRAMING, "Content-Length: 5;6"),
	FIELD(FRAMING, "Content-Length: 5.0"),
	FIELD(FRAMING, "Content-Length: 1e1"),
	FIELD(FRAMING, "Content-Length: \"5\""),
	FIELD(FRAMING, "Content-Length: \3035"),
	FIELD(FRAMING, "Content-Length: 5\r\nContent-Length: 5"),
	FIELD(FRAMING, "Content-Length: 5\r\nContent-Length: 6"),
	FIELD(FRAMING, "Content-Length: 0\r\nX: y\r\ncontent-length: 5"),
	FIELD(HEAD, "Content-Length : 5"),
	FIELD(HEAD, "Content-Length\t: 5"),
	FIELD(HEAD, " Content-Length: 5"),
	FIELD(HEAD, "Content-Length: 5\n"),
	FIELD(HEAD, "Content-Length:\0005"),
	FIELD(HEAD, "Content-Length:\v5"),
	FIELD(HEAD, "Content-Length: \r\n 5"),
	FIELD(HEAD, "X: y\nContent-Length: 5"),
	FIELD(HEAD, "X: y\rContent-Length: 5"),
	FIELD(OK, "Content_Length: 5"),
	FIELD(OK, "Transfer-Encoding: chunked"),
	FIELD(OK, "transfer-encoding:CHUNKED"),
	FIELD(OK, "Transfer-Encoding: \tchunked\t "),
	FIELD(FRAMING, "Transfer-Encoding:"),
	FIELD(FRAMING, "Transfer-Encoding: identity"),
	FIELD(FRAMING, "Transfer-Encoding: gzip"),
	FIELD(FRAMING, "Transfer-Encoding: gzip, chunked"),
	FIELD(FRAMING, "Transfer-Encoding: chunked, gzip"),
	FIELD(FRAMING, "Transfer-Encoding: chunked, chunked"),
	FIELD(FRAMING, "Transfer-Encoding: chunked,"),
	FIELD(FRAMING, "Transfer-Encoding: ,chunked"),
	FIELD(FRAMING, "Transfer-Encoding: chunked;q=1"),
	FIELD(FRAMING, "Transfer-Encoding: chunked x"),
	FIELD(FRAMING, "Transfer-Encoding: x chunked"),
	FIELD(FRAMING, "Transfer-Encoding: xchunked"),
	FIELD(FRAMING, "Transfer-Encoding: chunkedx"),
	FIELD(FRAMING, "Transfer-Encoding: chunke"),
	FIELD(FRAMING, "Transfer-Encoding: \"chunked\""),
	FIELD(FRAMING, "Transfer-Encoding: 'chunked'"),
	FIELD(FRAMING, "Transfer-Encoding: \302\240chunked"),
	FIELD(FRAMING, "Transfer-Encoding: chun\303\267ed"),
	FIELD(FRAMING,
	    "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked"),
	FIELD(FRAMING,
	    "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: identity"),
	FIELD(FRAMING,
	    "Transfer-Encoding: identity\r\n"
	    "transfer-encoding: chunked"),
	FIELD(FRAMING, "Transfer-Encoding: chunked\r\nContent-Length: 5"),
	FIELD(FRAMING, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
	FIELD(FRAMING, "Content-Length: 0\r\nTransfer-Encoding: chunked"),
	FIELD(FRAMING, "Content-Length: 5\r\nTransfer-Encoding: identity"),
	FIELD(HEAD, "Transfer-Encoding : chunked"),
	FIELD(HEAD, "Transfer-Encoding\v: chunked"),
	FIELD(HEAD, "Transfer-Encoding\0: chunked"),
	FIELD(HEAD, "Transfer-Encoding: chunked\0"),
	FIELD(HEAD, "Transfer-Encoding: \vchunked"),
	FIELD(HEAD, "Transfer-Encoding: chunked\r"),
	FIELD(HEAD, "Transfer-Encoding:\r\n chunked"),
	FIELD(HEAD, "X: y\nTransfer-Encoding: chunked"),
	FIELD(HEAD, "Transfer Encoding: chunked"),
	FIELD(OK, "Transfer_Encoding: chunked"),
	FIELD(OK, "X-Transfer-Encoding: chunked"),
	OLD(OK, "Content-Length: 5"),
	OLD(FRAMING, "Transfer-Encoding: chunked"),
	OLD(FRAMING, "Transfer-Encoding: identity"),
	/* Expect and Connection. */
	FIELD(OK, "Expect: 100-continue"),
	FIELD(OK, "Expect: 100-Continue\r\nContent-Length: 5"),
	FIELD(EXPECT, "Expect: 200-ok"),
	FIELD(EXPECT, "Expect:"),
	FIELD(EXPECT, "Expect: 100-continue, x"),
	FIELD(EXPECT, "Expect: 100-continue\r\nExpect: 100-continue"),
	FIELD(EXPECT, "Expect: 100-continue;a=b"),
	OLD(OK, "Expect: 100-continue"),
	OLD(OK, "Expect: x"),
	FIELD(OK, "Connection: close, close, foo, "),
	FIELD(OK, "Connection: ,,,\"\xe9"),
	FIELD(HEAD,
	    "Connection: ,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"
	    ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"),
	FIELD(OK, "Connection: Upgrade\r\nUpgrade: websocket"),
	FIELD(OK, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c"),
};

static const struct sample answers[] = {
	RAW(OK, "HTTP/1.1 200 OK\r\n\r\n"),
	RAW(OK, "HTTP/1.0 200 OK\r\n\r\n"),
	RAW(OK, "HTTP/1.1 200 \r\n\r\n"),
	RAW(OK, "HTTP/1.1 200\r\n\r\n"),
	RAW(OK, "HTTP/1.1 200 Very\tg\303\274t  so\r\n\r\n"),
	RAW(OK, "HTTP/1.1 100 Continue\r\n\r\n"),
	RAW(OK, "HTTP/1.1 299 \r\n\r\n"),
	RAW(OK, "HTTP/1.1 599 \r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 099 \r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 000 \r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 600 \r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 999 \r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 20 OK\r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 2 OK\r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 OK\r\n\r\n"),
	RAW(STATUS, "HTTP/1.1  200 OK\r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 +20 OK\r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 2x0 OK\r\n\r\n"),
	RAW(STATUS, "HTTP/1.1 \r\n\r\n"),
	RAW(HEAD, "HTTP/1.1 2000 OK\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1 200OK\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1 200\tOK\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1 200 OK\n\r\n"),
	RAW(HEAD, "HTTP/1.1 200 OK\n\n"),
	RAW(HEAD, "HTTP/1.1 200 OK\r\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1 200 O\0K\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1 200 O\033K\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1\t200 OK\r\n\r\n"),
	RAW(HEAD, "HTTP/1.1\r\n\r\n"),
	RAW(HEAD, "\r\nHTTP/1.1 200 OK\r\n\r\n"),
	RAW(HEAD, " HTTP/1.1 200 OK\r\n\r\n"),
	RAW(HEAD, "http/1.1 200 OK\r\n\r\n"),
	RAW(HEAD, "HTTP/1 200 OK\r\n\r\n"),
	RAW(HEAD, "HTTP 200 OK\r\n\r\n"),
	RAW(HEAD, "ICY 200 OK\r\n\r\n"),
	RAW(HEAD, "HXYZ!1.1 200 OK\r\n\r\n"),
	RAW(HEAD, "<html>"),
	RAW(HEAD, "GET / HTTP/1.1\r\n\r\n"),
	RAW(HEAD, "\025\003\001\000\002\002\050"),
	RAW(VERSION, "HTTP/2.0 200 OK\r\n\r\n"),
	RAW(VERSION, "HTTP/1.2 200 OK\r\n\r\n"),
	RAW(VERSION, "HTTP/0.9 200 OK\r\n\r\n"),
	RAW(MORE, "HTTP/1.1 200 OK\r\n"),
	RAW(MORE, "H"),
	ANSWER(OK, "X: y"),
	ANSWER(OK, "Content-Length: 5"),
	ANSWER(OK, "Content-Length: 0"),
	ANSWER(OK, "Transfer-Encoding: Chunked"),
	ANSWER(OK, "Connection: close"),
	ANSWER(OK, "Host: a\r\nHost: b"),
	ANSWER(OK, "Expect: x"),
	ANSWER(HEAD, "Content-Length : 5"),
	ANSWER(HEAD, "X: y\r\n z"),
	ANSWER(HEAD, "X: y\n"),
	ANSWER(HEAD, "X: a\0b"),
	ANSWER(HEAD, "X"),
	ANSWER(HEAD, ": x"),
	ANSWER(HEAD, "X: y\rZ: z"),
	ANSWER(FRAMING, "Content-Length: 5\r\nContent-Length: 5"),
	ANSWER(FRAMING, "Content-Length: 5\r\nContent-Length: 6"),
	ANSWER(FRAMING, "Content-Length: 5, 5"),
	ANSWER(FRAMING, "Content-Length: -5"),
	ANSWER(FRAMING, "Content-Length:"),
	ANSWER(FRAMING, "Content-Length: 18446744073709551617"),
	ANSWER(FRAMING, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
	ANSWER(FRAMING, "Transfer-Encoding: gzip, chunked"),
	ANSWER(FRAMING, "Transfer-Encoding: chunked, gzip"),
	ANSWER(FRAMING, "Transfer-Encoding: identity"),
	ANSWER(FRAMING, "Transfer-Encoding:"),
	ANSWER(FRAMING,
	    "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked"),
	RAW(FRAMING, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
	RAW(FRAMING, "HTTP/1.1 304 \r\nContent-Length: x\r\n\r\n"),
	RAW(OK, "HTTP/1.1 304 \r\nContent-Length: 100\r\n\r\n"),
	RAW(OK, "HTTP/1.1 204 \r\nContent-Length: 0\r\n\r\n"),
	RAW(FRAMING, "HTTP/1.1 100 \r\nContent-Length: 5\r\n\r\n"),
	RAW(FRAMING, "HTTP/1.1 103 \r\nTransfer-Encoding: chunked\r\n\r\n"),
	RAW(OK, "HTTP/1.1 101 \r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n"),
};

static void
check_samples(enum http_side side, const struct sample *samples, size_t count)
{
	static const size_t steps[] = { 100000, 1, 2, 3, 7 };
	struct feed feed;
	size_t i, j;
	int got;

	for (i = 0; i < count; i++)
		for (j = 0; j < sizeof steps / sizeof *steps; j++) {
			feed_open(&feed, side);
			got = feed_run(
			    &feed, samples[i].text, samples[i].len, steps[j]);
			ck_assert_msg(got == samples[i].verdict,
			    "sample %zu in steps of %zu: %d, not %d: %s", i,
			    steps[j], got, samples[i].verdict, samples[i].text);
			feed_close(&feed);
		}
}

START_TEST(test_requests)
{
	check_samples(
	    HTTP_SIDE_REQUEST, requests, sizeof requests / sizeof *requests);
}
END_TEST

START_TEST(test_answers)
{
	check_samples(
	    HTTP_SIDE_ANSWER, answers, sizeof answers / sizeof *answers);
}
END_TEST

/* A control byte is refused wherever it stands in a good head. */
START_TEST(test_every_control_everywhere)
{
	static const char good[] =
	    "GET /a?b HTTP/1.1\r\nHost: a\r\n"
	    "X-Long-Name: some text that is longer than sixteen\r\n\r\n";
	const size_t host_value = (size_t)(strstr(good, "a\r\n") - good);
	const size_t long_value = (size_t)(strstr(good, "some") - good);
	char bad[sizeof good];
	struct feed feed;
	size_t at;
	int byte;

	for (at = 0; at < sizeof good - 1; at++)
		for (byte = 0; byte < 0x80; byte++) {
			if ((byte >= 0x20 && byte != 0x7f) || good[at] == byte)
				continue;
			/* Blanks and text of values may be tabs. */
			if (byte == '\t' &&
			    (at == host_value - 1 ||
				(at >= long_value - 1 && at < sizeof good - 5)))
				continue;
			memcpy(bad, good, sizeof good);
			bad[at] = (char)byte;
			feed_open(&feed, HTTP_SIDE_REQUEST);
			ck_assert_msg(feed_run(&feed, bad, sizeof bad - 1,
					  sizeof bad) > 0,
			    "byte %d at %zu", byte, at);
			feed_close(&feed);
		}
}
END_TEST

/* Every prefix of a good head wants more; the whole is taken exactly. */
START_TEST(test_prefixes)
{
	static const char good[] =
	    "\r\nPOST http://a/p?q HTTP/1.1\r\n"
	    "Host: a\r\nContent-Length: 5\r\nX: \r\n\r\n";
	struct feed feed;
	size_t len;

	for (len = 0; len < sizeof good - 1; len++) {
		feed_open(&feed, HTTP_SIDE_REQUEST);
		ck_assert_int_eq(feed_run(&feed, good, len, 100), FEED_MORE);
		feed_close(&feed);
	}
	feed_open(&feed, HTTP_SIDE_REQUEST);
	ck_assert_int_eq(feed_run(&feed, good, sizeof good - 1, 100), 0);
	ck_assert_uint_eq(feed.scan.start, 2);
	ck_assert_uint_eq(feed.head.size, sizeof good - 3);
	feed_close(&feed);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_heads");
	TCase *tests = tcase_create("heads");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	tcase_add_test(tests, test_requests);
	tcase_add_test(tests, test_answers);
	tcase_add_test(tests, test_every_control_everywhere);
	tcase_add_test(tests, test_prefixes);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
