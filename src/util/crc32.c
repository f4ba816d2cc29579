/*
 * util/crc32.c - the checksum of zlib and Ethernet
 *
 * Sole user of zlib's checksum. It finds accidents, not intent.
 */

#include "util/crc32.h"

#include <zlib.h>

/* CRC-32 of data, of which there are less than 4 GiB. */
uint32_t
crc32_of(struct slice data)
{
	return (uint32_t)crc32(0, (const Bytef *)data.at, (uInt)data.len);
}
