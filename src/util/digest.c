/*
 * util/digest.c - SHA-256 by OpenSSL
 *
 * Serves the content hash of a table image: "nothing changed" is a
 * comparison of two digests.
 */

#include "util/digest.h"

#include <assert.h>

#include <openssl/evp.h>

void
digest_sha256(const void *data, size_t len, unsigned char digest[DIGEST_SIZE])
{
	unsigned size = 0;
	int ok;

	ok = EVP_Digest(data, len, digest, &size, EVP_sha256(), NULL);
	assert(ok == 1 && size == DIGEST_SIZE);
}
