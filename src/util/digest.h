/* util/digest.h - SHA-256, HMAC; sole user of libcrypto's digests */
#ifndef UTIL_DIGEST_H
#define UTIL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE 32

void digest_sha256(const void *data, size_t len,
    unsigned char digest[DIGEST_SIZE]);
void digest_hmac_sha256(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char mac[DIGEST_SIZE]);
/* The version of the library that does the work, as it names itself. */
const char *digest_library(void);
bool digest_equal(const void *a, const void *b, size_t len);

#endif
