/* auth/credentials.h - the keys that requests to services are signed with */
#ifndef AUTH_CREDENTIALS_H
#define AUTH_CREDENTIALS_H

#include <stdint.h>

struct error;

#define CREDENTIALS_KEY_SIZE	129
#define CREDENTIALS_SECRET_SIZE	257
#define CREDENTIALS_TOKEN_SIZE	8193

/* Secret: never logged, never copied but to sign. */
struct credentials {
	char key[CREDENTIALS_KEY_SIZE];
	char secret[CREDENTIALS_SECRET_SIZE];
	char token[CREDENTIALS_TOKEN_SIZE];	/* empty: none */
};

struct credentials_source;

struct credentials_source *credentials_open(const char *from,
    const char *profile);
void credentials_close(struct credentials_source **source_p);
int credentials_get(struct credentials_source *source, uint64_t now_ms,
    const struct credentials **keys_r, struct error *err);

#endif
