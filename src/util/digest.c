/*
 * util/digest.c - SHA-256 and HMAC by OpenSSL
 *
 * Serves the content hash of a table image ("nothing changed" is a comparison
 * of two digests) and signatures. Secrets are compared by digest_equal alone.
 */

#include "util/digest.h"

#include <assert.h>
#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void
digest_sha256(const void *data, size_t len, unsigned char digest[DIGEST_SIZE])
{
	unsigned size = 0;
	int ok;

	ok = EVP_Digest(data, len, digest, &size, EVP_sha256(), NULL);
	assert(ok == 1 && size == DIGEST_SIZE);
}

/* RFC 2104 with SHA-256. */
void
digest_hmac_sha256(const void *key, size_t key_len, const void *data,
    size_t len, unsigned char mac[DIGEST_SIZE])
{
	unsigned char *done;
	unsigned size = 0;

	assert(key_len <= INT_MAX);
	done = HMAC(EVP_sha256(), key, (int)key_len, data, len, mac, &size);
	assert(done != NULL && size == DIGEST_SIZE);
}

const char *
digest_library(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

/* In a time that does not tell where a and b differ. */
bool
digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
