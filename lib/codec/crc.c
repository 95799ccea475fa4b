/* crc.c - CRC-32C and CRC-32, and arithmetic on CRC-32C values.
 *
 * A CRC is a polynomial over GF(2) modulo P. Appending n bytes multiplies it by
 * x^(8n); so CRCs of parts can be joined, and one part be exchanged, without
 * the bytes of the other. Polynomials are held reflected: bit 31 is x^0.
 */
#include "codec/codec.h"

#include <isa-l/crc.h>
#include <zlib.h>

#define CRC32C_POLY 0x82f63b78u /* P reflected, without x^32 */

/* x^(2^k) mod P; from k = 31 on they repeat, since x has the order 2^31 - 1. */
static const uint32_t crc32c_powers[31] = {
    0x40000000, 0x20000000, 0x08000000, 0x00800000, 0x00008000, 0x82f63b78,
    0x6ea2d55c, 0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7, 0x88e56f72,
    0x74c360a4, 0xe4172b16, 0x0d65762a, 0x35d73a62, 0x28461564, 0xbf455269,
    0xe2ea32dc, 0xfe7740e6, 0xf946610b, 0x3c204f8f, 0x538586e3, 0x59726915,
    0x734d5309, 0xbc1ac763, 0x7d0722cc, 0xd289cabe, 0xe94ca9bc, 0x05b74f3f,
    0xa51e1f42,
};

uint32_t codec_crc32c(uint32_t crc, struct bytes bytes)
{
    const size_t most = (size_t)1 << 30; /* the library counts in int */

    crc = ~crc;
    while (bytes.len > most) {
        crc = crc32_iscsi((unsigned char *)(uintptr_t)bytes.at, (int)most, crc);
        bytes.at += most;
        bytes.len -= most;
    }
    if (bytes.len != 0)
        crc = crc32_iscsi((unsigned char *)(uintptr_t)bytes.at, (int)bytes.len,
                          crc);
    return ~crc;
}

uint32_t codec_crc32(uint32_t crc, struct bytes bytes)
{
    if (bytes.len == 0) /* zlib takes NULL for a request to start */
        return crc;
    return (uint32_t)crc32_z(crc, bytes.at, bytes.len);
}

/* a * b mod P */
static uint32_t crc32c_multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = 1u << 31; bit != 0; bit >>= 1) {
        product ^= b & -(uint32_t)((a & bit) != 0);
        b = (b >> 1) ^ (CRC32C_POLY & -(b & 1));
    }
    return product;
}

/* crc * x^(8 len) mod P */
static uint32_t crc32c_shift(uint32_t crc, uint64_t len)
{
    unsigned k = 3; /* x^8 = x^(2^3) */

    for (; len != 0; len >>= 1) {
        if (len & 1)
            crc = crc32c_multiply(crc32c_powers[k], crc);
        k = k == 30 ? 0 : k + 1;
    }
    return crc;
}

uint32_t codec_crc32c_join(uint32_t crc_a, uint32_t crc_b, uint64_t len_b)
{
    return crc32c_shift(crc_a, len_b) ^ crc_b;
}

uint32_t codec_crc32c_exchange(uint32_t crc, struct bytes old_head,
                               struct bytes new_head, uint64_t len_rest)
{
    uint32_t change = codec_crc32c(0, old_head) ^ codec_crc32c(0, new_head);

    return crc ^ crc32c_shift(change, len_rest);
}
