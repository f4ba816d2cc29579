/* util/digest.h - SHA-256; sole user of libcrypto's digests */
#ifndef UTIL_DIGEST_H
#define UTIL_DIGEST_H

#include <stddef.h>

#define DIGEST_SIZE 32

void digest_sha256(const void *data, size_t len,
    unsigned char digest[DIGEST_SIZE]);

#endif
