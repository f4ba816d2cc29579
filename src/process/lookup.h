/* process/lookup.h - names to addresses, in bounded time */
#ifndef PROCESS_LOOKUP_H
#define PROCESS_LOOKUP_H

#include <stdint.h>

#include "shared/region.h"

int lookup_host(const char *host, uint32_t most_ms,
    struct region_addresses *addresses_r);

#endif
