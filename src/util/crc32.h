/* util/crc32.h - the checksum of zlib and Ethernet */
#ifndef UTIL_CRC32_H
#define UTIL_CRC32_H

#include "util/slice.h"

uint32_t crc32_of(struct slice data);

#endif
